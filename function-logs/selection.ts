// Keeps the first events of all that it is offered, up to a number and a size.
import { logEventOverheadBytes } from '../common/log-limits.ts'
import { comparePlaces, type EventPlace } from './event-id.ts'

export interface FoundEvent extends EventPlace {
  readonly ingestionMs: number
  readonly stream: string
  readonly message: string
}

export interface SelectionBounds {
  readonly limit: number
  readonly maxBytes: number
  /** The last events are kept in place of the first. */
  readonly newest: boolean
}

/** Offers may come in any order. After `settle`, what lies beyond the last one kept is refused at once. */
export class Selection {
  readonly #bounds: SelectionBounds
  #kept: FoundEvent[] = []
  #edge: EventPlace | undefined
  #hasMore = false

  constructor(bounds: SelectionBounds) {
    this.#bounds = bounds
  }

  /** Whether something was left out. */
  get hasMore(): boolean {
    return this.#hasMore
  }

  /** Whether an event at `place` could be kept. */
  wants(place: EventPlace): boolean {
    if (this.#edge === undefined || this.#order(place, this.#edge) < 0) return true
    this.#hasMore = true
    return false
  }

  /** The same for any event of a chunk with these times. */
  wantsTimes({ firstMs, lastMs }: { readonly firstMs: number; readonly lastMs: number }): boolean {
    if (this.#edge === undefined) return true
    const { timestampMs } = this.#edge
    const wanted = this.#bounds.newest ? lastMs >= timestampMs : firstMs <= timestampMs
    if (!wanted) this.#hasMore = true
    return wanted
  }

  add(event: FoundEvent): void {
    this.#kept.push(event)
  }

  /** Drops what is too much. */
  settle(): void {
    const { limit, maxBytes } = this.#bounds
    this.#kept.sort((a, b) => this.#order(a, b))
    let bytes = 0
    const end = this.#kept.findIndex(({ message }, i) => {
      bytes += Buffer.byteLength(message) + logEventOverheadBytes
      // The first is kept whatever its size, or nobody would ever get past it.
      return i >= limit || (i > 0 && bytes > maxBytes)
    })
    if (end >= 0) {
      this.#kept.length = end
      this.#hasMore = true
    }
    if (end >= 0 || this.#kept.length >= limit) this.#edge = this.#kept.at(-1)
  }

  /** In the order of time, whichever end was kept. */
  events(): readonly FoundEvent[] {
    return this.#bounds.newest ? this.#kept.toReversed() : this.#kept
  }

  #order(a: EventPlace, b: EventPlace): number {
    return this.#bounds.newest ? comparePlaces(b, a) : comparePlaces(a, b)
  }
}
