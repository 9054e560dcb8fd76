// Keeps lanes that wait to be sent: by when they became ready, and by how old their oldest record is.
import type { Lane } from './lane.ts'

interface Waiting {
  readonly lane: Lane
  readonly oldestMs: number
  readonly order: number
}

/**
 * What a lane waits with does not change while it waits, so its oldest record is looked at once.
 *
 * Invariant: each lane in `#ready` has exactly one entry that counts in `#heap`, and no entry is older than
 * the one above it. Entries of lanes that went meanwhile are passed over when they come up.
 */
export class LaneQueue {
  // A Map keeps the order of insertion and gives up a member in constant time.
  readonly #ready = new Map<Lane, Waiting>()
  readonly #heap: Waiting[] = []
  #order = 0

  /** Lanes in the order in which they became ready. */
  get lanes(): Iterable<Lane> {
    return this.#ready.keys()
  }

  get first(): Lane | undefined {
    for (const lane of this.#ready.keys()) return lane
    return undefined
  }

  has(lane: Lane): boolean {
    return this.#ready.has(lane)
  }

  add(lane: Lane): void {
    const oldestMs = lane.oldest?.timestampMs ?? Infinity
    const waiting = { lane, oldestMs, order: this.#order++ }
    this.#ready.set(lane, waiting)
    const heap = this.#heap
    let at = heap.length
    heap.push(waiting)
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = heap[above]
      if (other === undefined || !isBefore(waiting, other)) break
      heap[at] = other
      at = above
    }
    heap[at] = waiting
  }

  delete(lane: Lane): void {
    this.#ready.delete(lane)
    if (this.#ready.size === 0) this.#heap.length = 0
  }

  /** The lane whose oldest record is the oldest; of equals the one that was ready first. */
  get oldest(): Lane | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#ready.get(top.lane) === top) return top.lane
      this.#removeTop()
    }
    return undefined
  }

  #removeTop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      const [left, right] = [heap[below], heap[below + 1]]
      if (left === undefined) break
      if (right !== undefined && isBefore(right, left)) below += 1
      const older = heap[below]
      if (older === undefined || !isBefore(older, last)) break
      heap[at] = older
      at = below
    }
    heap[at] = last
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  return a.oldestMs < b.oldestMs || (a.oldestMs === b.oldestMs && a.order < b.order)
}
