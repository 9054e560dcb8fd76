// Decides when the records of ready lanes make a batch, and which of them go into it.
import { windowStateMaxBytes } from '../common/mapping-limits.ts'
import { groupSizeBytes, windowSizeBytes, type EventFrame, type EventGroup } from './event.ts'
import type { Lane, LaneRecord } from './lane.ts'
import { LaneQueue } from './lane-queue.ts'
import { windowOfNext, type TumblingRules } from './tumbling-windows.ts'

export interface BatchRules {
  readonly batchSize: number
  readonly windowMs: number
  /** Of the whole event as JSON text, framing included. */
  readonly payloadMaxBytes: number
  readonly frame: EventFrame
  /** Kinesis, and where a factor splits partitions: a batch is of one lane. Else it draws on several. */
  readonly drawsOnOneLane?: boolean
  /** Kinesis: a batch is of one window of one lane. */
  readonly tumbling?: TumblingRules
}

const noWindow = { stateBytes: 0, endMs: Infinity }

export interface BatchGroup extends EventGroup {
  readonly lane: Lane
  readonly records: readonly LaneRecord[]
}

/**
 * Lanes that have records and none in flight, in the order in which they became ready. A lane waits
 * from its first record, or from the end of its invocation if records had gathered by then, and the
 * batching window runs from there (Lambda, on-demand Kafka: the next window starts when the previous
 * invocation completes). Which of them a batch takes from goes by the age of their oldest records: were it
 * by when they became ready, a lane that is behind would fill up the batches of others and fall further back.
 */
export class Batcher {
  readonly #rules: BatchRules
  readonly #ready = new LaneQueue()
  /** What a window adds to an event, but for its state. */
  readonly #windowBytes: number

  constructor(rules: BatchRules) {
    this.#rules = rules
    this.#windowBytes = rules.tumbling === undefined ? 0 : windowSizeBytes(rules.frame)
  }

  /** Takes note of a lane that may have become ready. */
  offer(lane: Lane, nowMs: number): void {
    if (lane.waiting === 0 || lane.isInFlight || !lane.assigned || this.#ready.has(lane)) return
    lane.readySinceMs = nowMs
    this.#ready.add(lane)
  }

  /** Takes over a lane that was ready elsewhere, with the wait it has behind it; in the order of waits. */
  keep(lane: Lane): void {
    this.#ready.add(lane)
  }

  /** Lanes that wait to be sent, the longest wait first. */
  get ready(): Iterable<Lane> {
    return this.#ready.lanes
  }

  withdraw(lane: Lane): void {
    this.#ready.delete(lane)
  }

  /** When the window of what waits ends; undefined where nothing waits. */
  get deadlineMs(): number | undefined {
    const lane = this.#ready.first
    return lane === undefined ? undefined : lane.readySinceMs + this.#rules.windowMs
  }

  /** The next batch, its records in flight; undefined while none of the three triggers is reached. */
  next(nowMs: number): readonly BatchGroup[] | undefined {
    if (this.#rules.drawsOnOneLane === true) return this.#nextOfOne(nowMs)
    const deadlineMs = this.deadlineMs
    if (deadlineMs === undefined) return undefined
    return nowMs >= deadlineMs || this.#isFull() ? this.#take() : undefined
  }

  /** Whether a record fits into an event at all. */
  fits(partition: number, recordBytes: number): boolean {
    const { frame, tumbling } = this.#rules
    const stateBytes = tumbling === undefined ? 0 : windowStateMaxBytes
    const budgetBytes = this.#budgetBytes - stateBytes
    return groupSizeBytes(frame, partition) + recordBytes + 1 <= budgetBytes
  }

  #nextOfOne(nowMs: number): readonly BatchGroup[] | undefined {
    const { windowMs, batchSize, frame, tumbling } = this.#rules
    for (const lane of this.#ready.lanes) {
      const isDue = nowMs >= lane.readySinceMs + windowMs || lane.paused
      const bytes = (): number =>
        groupSizeBytes(frame, lane.partition) + lane.waitingBytes + lane.waiting
      if (isDue || lane.waiting >= batchSize || bytes() >= this.#budgetBytes) {
        const window = tumbling === undefined ? noWindow : windowOfNext(lane, tumbling)
        if (window === undefined) continue
        this.#ready.delete(lane)
        const room = this.#budgetBytes - groupSizeBytes(frame, lane.partition) - window.stateBytes
        const { records } = lane.fitting(batchSize, room, window.endMs)
        return [{ lane, partition: lane.partition, records: lane.take(records) }]
      }
    }
    return undefined
  }

  // Each ready lane has a record at least, so this ends after as many lanes as a batch has records.
  #isFull(): boolean {
    const { batchSize, frame } = this.#rules
    let records = 0
    let bytes = 0
    for (const lane of this.#ready.lanes) {
      records += lane.waiting
      bytes += groupSizeBytes(frame, lane.partition) + lane.waitingBytes + lane.waiting
      // A lane whose reading is paused gains nothing by waiting.
      if (records >= batchSize || bytes >= this.#budgetBytes || lane.paused) return true
    }
    return false
  }

  #take(): readonly BatchGroup[] {
    const groups: BatchGroup[] = []
    let records = 0
    let bytes = 0
    for (let lane = this.#ready.oldest; lane !== undefined; lane = this.#ready.oldest) {
      const groupBytes = groupSizeBytes(this.#rules.frame, lane.partition)
      const room = this.#budgetBytes - bytes - groupBytes
      const fitting = lane.fitting(this.#rules.batchSize - records, room)
      if (fitting.records === 0) break
      this.#ready.delete(lane)
      records += fitting.records
      bytes += groupBytes + fitting.bytes
      groups.push({ lane, partition: lane.partition, records: lane.take(fitting.records) })
      if (lane.waiting > 0 || records === this.#rules.batchSize) break
    }
    return groups
  }

  // The sum over groups has one comma too many: see groupSizeBytes.
  get #budgetBytes(): number {
    return this.#rules.payloadMaxBytes - this.#rules.frame.sizeBytes - this.#windowBytes + 1
  }
}
