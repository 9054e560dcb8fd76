// Keeps write-ahead files that are needed no more, to be written over by the next ones.
import type { FileSystem } from './file-system.ts'

const suffix = '.spare'

export function isSpareName(name: string): boolean {
  return name.endsWith(suffix)
}

/**
 * Only files of this process's own: a sequence number, by which entries tell their life, may come again after a restart.
 * Names are flushed by whoever needs that.
 */
export class SpareFiles {
  readonly #files: FileSystem
  readonly #max: number
  #paths: readonly string[] = []

  constructor(files: FileSystem, max: number) {
    this.#files = files
    this.#max = max
  }

  /** The file at `path` waits under another name from now on, or is removed where enough do. */
  async keep(path: string): Promise<void> {
    if (this.#paths.length >= this.#max) return this.#files.remove(path)
    const spare = `${path}${suffix}`
    await this.#files.rename(path, spare)
    this.#paths = [...this.#paths, spare]
  }

  /** Gives one the name `path`; false where there is none. */
  async becomes(path: string): Promise<boolean> {
    const [first, ...rest] = this.#paths
    if (first === undefined) return false
    this.#paths = rest
    await this.#files.rename(first, path)
    return true
  }

  async remove(): Promise<void> {
    for (;;) {
      const [first, ...rest] = this.#paths
      if (first === undefined) return
      await this.#files.remove(first)
      this.#paths = rest
    }
  }
}
