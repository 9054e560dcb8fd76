// Knows whether removals of a directory's files are on the disk.

/**
 * Invariant: the disk has heard of a removal before the next one begins, so that a power cut brings back the latest alone.
 */
export class Removals {
  readonly #syncDirectory: () => Promise<void>
  #made = 0
  /** How many of them the disk has heard of. */
  #flushed = 0

  constructor(syncDirectory: () => Promise<void>) {
    this.#syncDirectory = syncDirectory
  }

  /** Awaited before each removal. The life before this one may have ended right after its last. */
  begin(): Promise<void> {
    this.#made ||= 1
    return this.flush()
  }

  /** A removal has been tried. Not to be called before that: a flush that runs beside it may miss it. */
  made(): void {
    this.#made += 1
  }

  /** Nobody relies on another's flush that runs: it may fail. */
  async flush(): Promise<void> {
    const made = this.#made
    if (made === this.#flushed) return
    await this.#syncDirectory()
    this.#flushed = Math.max(this.#flushed, made)
  }
}
