// The temporary directory of one environment: whose it was, how much is in it, and who gets it afterwards.
import type { LeftDirectories } from './left-directories.ts'
import type { StorageWatch, WatchedStorage } from './storage-watch.ts'

export interface EnvironmentStorageOptions {
  readonly temporary: LeftDirectories
  readonly watch: StorageWatch
  readonly maxMb: number
  readonly isBusy: () => boolean
  /** There is too much in it. Called once; `problem` says so from then on. */
  readonly onExceeded: (problem: string) => void
}

export class EnvironmentStorage {
  readonly #options: EnvironmentStorageOptions
  #directory: string | undefined
  #watched: WatchedStorage | undefined
  #problem: string | undefined

  constructor(options: EnvironmentStorageOptions) {
    this.#options = options
  }

  get problem(): string | undefined {
    return this.#problem
  }

  async take(): Promise<string> {
    this.#directory = await this.#options.temporary.take()
    return this.#directory
  }

  /** An event begins. */
  begin(): void {
    const { watch, maxMb, isBusy, onExceeded } = this.#options
    if (this.#directory === undefined) return
    this.#watched ??= {
      directory: this.#directory,
      maxBytes: maxMb * 1024 * 1024,
      isBusy,
      onExceeded: (bytes) => {
        const heldMb = Math.ceil(bytes / 1024 / 1024)
        this.#problem = `TMPDIR holds ${heldMb} MB, and EphemeralStorage is ${maxMb} MB`
        onExceeded(this.#problem)
      },
    }
    watch.add(this.#watched)
  }

  /** A successor gets what a crash or timeout leaves; in a full one it could write nothing. */
  async leave(crashed: boolean): Promise<void> {
    const { temporary, watch } = this.#options
    if (this.#watched !== undefined) watch.remove(this.#watched)
    if (this.#directory === undefined) return
    if (crashed && this.#problem === undefined) temporary.leave(this.#directory)
    else await temporary.remove(this.#directory)
  }
}
