// Bounds the memory that indexes of segments take: those not used for longest are let go.

/** Something with an index in memory that it can read again. */
export interface IndexOwner {
  releaseIndex(): void
}

/** Invariant: the sizes sum up to at most `maxBytes`, or only the last used one is held. */
export class IndexCache {
  readonly #maxBytes: number
  readonly #held = new Map<IndexOwner, number>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Says that `owner`'s index is in use and how large it is. */
  touch(owner: IndexOwner, sizeBytes: number): void {
    this.drop(owner)
    this.#held.set(owner, sizeBytes)
    this.#bytes += sizeBytes
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === owner) return
      this.drop(oldest)
      oldest.releaseIndex()
    }
  }

  drop(owner: IndexOwner): void {
    this.#bytes -= this.#held.get(owner) ?? 0
    this.#held.delete(owner)
  }
}
