// Shares a mapping's lanes and invocations out among its event pollers.
import assert from 'node:assert'
import type { Batch } from './batch.ts'
import { Batcher, type BatchGroup, type BatchRules } from './batcher.ts'
import { countOf, type Lane } from './lane.ts'

/** A poller that read nothing for so long may catch up on it. */
const readingBurstMs = 1000

interface EventPoller {
  readonly batcher: Batcher
  inFlight: number
  /** When what it has read is as much as it may read by then. */
  readsFromMs: number
}

/**
 * An event poller is a unit of capacity: it makes batches of the lanes it has, and has room for a few
 * invocations. None of them has a connection, so their number is changed at will: lanes are dealt out
 * anew, and nothing that waits or is in flight is touched.
 *
 * Invariant: a lane that waits to be sent waits with one poller, its own.
 */
export class EventPollers {
  readonly #rules: BatchRules
  readonly #invocationsEach: number
  readonly #bytesPerSecond: number
  #pollers: readonly EventPoller[]
  /** Batches in flight, with the poller whose room each takes. */
  readonly #out = new Map<Batch, EventPoller>()
  #most = 0

  constructor(
    rules: BatchRules,
    options: {
      readonly pollers: number
      readonly invocationsEach: number
      /** What each reads at most; as much as it can unless given. */
      readonly bytesPerSecond?: number
    },
  ) {
    this.#rules = rules
    this.#invocationsEach = options.invocationsEach
    this.#bytesPerSecond = options.bytesPerSecond ?? Infinity
    this.#pollers = this.#make(options.pollers)
  }

  get count(): number {
    return this.#pollers.length
  }

  get invocationsInFlight(): number {
    return this.#out.size
  }

  get invocationsMax(): number {
    return this.count * this.#invocationsEach
  }

  /** Most invocations in flight at once since it was last asked. */
  takeMost(): number {
    const most = this.#most
    this.#most = this.#out.size
    return most
  }

  /** Deals `lanes`, in the order of their partitions, out among `count` event pollers. */
  deal(lanes: Iterable<Lane>, count = this.count): void {
    const waiting = this.#pollers
      .flatMap(({ batcher }) => [...batcher.ready])
      .toSorted((a, b) => a.readySinceMs - b.readySinceMs)
    this.#pollers = this.#make(count)
    const own = [...lanes].filter(({ assigned }) => assigned)
    own.sort((a, b) => a.partition - b.partition || a.slot - b.slot)
    for (const [rank, lane] of own.entries()) lane.poller = rank % count
    for (const lane of waiting) this.#of(lane).batcher.keep(lane)
    for (const batch of this.#out.keys()) this.#occupy(batch)
  }

  /** Takes note of a lane that may have become ready. */
  offer(lane: Lane, nowMs: number): void {
    this.#of(lane).batcher.offer(lane, nowMs)
  }

  withdraw(lane: Lane): void {
    this.#of(lane).batcher.withdraw(lane)
  }

  /** Whether a record fits into an event at all. */
  fits(partition: number, recordBytes: number): boolean {
    return this.#pollers[0]?.batcher.fits(partition, recordBytes) === true
  }

  /** Whether the batch's poller can send it. */
  hasRoomFor(batch: Batch): boolean {
    return this.#hasRoom(this.#pollerOf(batch))
  }

  /** Whether the lane's poller can send another batch. */
  hasRoomOf(lane: Lane): boolean {
    return this.#hasRoom(this.#of(lane))
  }

  began(batch: Batch): void {
    this.#occupy(batch)
    this.#most = Math.max(this.#most, this.#out.size)
  }

  ended(batch: Batch): void {
    const poller = this.#out.get(batch)
    assert(poller !== undefined)
    poller.inFlight -= 1
    this.#out.delete(batch)
  }

  /** Batches that can be sent now, their records in flight; each is to begin before the next is asked for. */
  *next(nowMs: number): Generator<readonly BatchGroup[]> {
    for (const poller of this.#pollers) {
      while (this.#hasRoom(poller) && poller.readsFromMs <= nowMs) {
        const groups = poller.batcher.next(nowMs)
        if (groups === undefined) break
        this.#read(poller, groups, nowMs)
        yield groups
      }
    }
  }

  /** When the first window ends of what waits with a poller that has room. */
  get deadlineMs(): number | undefined {
    let first: number | undefined
    for (const poller of this.#pollers) {
      const { deadlineMs } = poller.batcher
      if (deadlineMs === undefined || !this.#hasRoom(poller)) continue
      const dueMs = Math.max(deadlineMs, poller.readsFromMs)
      if (first === undefined || dueMs < first) first = dueMs
    }
    return first
  }

  /** Asserts the invariant. */
  check(): void {
    for (const poller of this.#pollers) {
      for (const lane of poller.batcher.ready) assert.equal(this.#of(lane), poller)
      const out = [...this.#out.values()].filter((other) => other === poller)
      assert.equal(out.length, poller.inFlight)
    }
  }

  #make(count: number): readonly EventPoller[] {
    return Array.from({ length: count }, () => ({
      batcher: new Batcher(this.#rules),
      inFlight: 0,
      readsFromMs: 0,
    }))
  }

  #occupy(batch: Batch): void {
    const poller = this.#pollerOf(batch)
    poller.inFlight += 1
    this.#out.set(batch, poller)
  }

  #read(poller: EventPoller, groups: readonly BatchGroup[], nowMs: number): void {
    if (this.#bytesPerSecond === Infinity) return
    let bytes = 0
    for (const { records } of groups) {
      for (const record of records) bytes += record.sizeBytes * countOf(record)
    }
    const spentMs = (bytes / this.#bytesPerSecond) * 1000
    poller.readsFromMs = Math.max(poller.readsFromMs, nowMs - readingBurstMs) + spentMs
  }

  #hasRoom({ inFlight }: EventPoller): boolean {
    // Dealt out anew, one may have more in flight than its own; the others then have less room.
    return inFlight < this.#invocationsEach && this.#out.size < this.invocationsMax
  }

  #pollerOf({ groups: [group] }: Batch): EventPoller {
    assert(group !== undefined)
    return this.#of(group.lane)
  }

  // A lane that is another member's has the place it had, though there may be fewer by now.
  #of({ poller }: Lane): EventPoller {
    const found = this.#pollers[poller % this.count]
    assert(found !== undefined)
    return found
  }
}
