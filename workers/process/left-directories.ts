// Gives environments their temporary directories, and on the one of an environment that crashed to the next.
import type { Clock, Timer } from '../../common/clock.ts'
import type { PrivateDirectories } from './private-directories.ts'

export interface LeftDirectoriesOptions {
  readonly directories: PrivateDirectories
  readonly clock: Clock
  /** How long one waits for a successor: as long as an environment that nobody needs is kept. */
  readonly keptMs: number
}

/** Lambda: a crash or timeout resets the environment and keeps its /tmp; whatever else ends it takes that with it. */
export class LeftDirectories {
  readonly #options: LeftDirectoriesOptions
  readonly #left = new Map<string, Timer>()
  #isClosed = false

  constructor(options: LeftDirectoriesOptions) {
    this.#options = options
  }

  /** The one that was left last, or a new one. */
  async take(): Promise<string> {
    const newest = [...this.#left].at(-1)
    if (newest === undefined) return this.#options.directories.add()
    const [directory, timer] = newest
    timer.cancel()
    this.#left.delete(directory)
    return directory
  }

  /** At once, so that the next event finds it. */
  leave(directory: string): void {
    if (this.#isClosed) return void this.remove(directory)
    const timer = this.#options.clock.after(this.#options.keptMs, () => {
      this.#left.delete(directory)
      void this.remove(directory)
    })
    this.#left.set(directory, timer)
  }

  remove(directory: string): Promise<void> {
    return this.#options.directories.remove(directory)
  }

  /** What is left from now on is removed. */
  async close(): Promise<void> {
    this.#isClosed = true
    const left = [...this.#left]
    this.#left.clear()
    for (const [, timer] of left) timer.cancel()
    await Promise.all(left.map(([directory]) => this.remove(directory)))
  }
}
