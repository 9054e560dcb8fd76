// Sends records in batches, in order per key, with a bound on what is in flight; counts what happens.
import assert from 'node:assert'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { sleep, type Clock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import * as limits from '../common/limits.ts'
import type { BatchTransport } from './batch-transport.ts'
import type { SourceRecord } from './record-source.ts'

export interface SenderOptions {
  readonly transport: BatchTransport
  readonly clock: Clock
  readonly topic: string
  /** Of keys and values that were offered and have no outcome yet. */
  readonly inFlightMaxBytes: number
}

/** What the sender counts. Records: sent = acknowledged + failed + in flight. */
export interface SenderCounts {
  readonly sent: number
  readonly acknowledged: number
  readonly failed: number
  /** Of keys and values of the records that were acknowledged. */
  readonly acknowledgedBytes: number
  /** From offering a record to its acknowledgement, waiting for its turn included; 0 before any. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Why nothing goes on at present; the sender keeps trying. */
  readonly trouble: string | undefined
  /** Why records failed, the last reason. */
  readonly failure: string | undefined
}

interface Queued {
  readonly record: SourceRecord
  readonly bytes: number
  readonly offeredAtMs: number
}

/**
 * A record's lane is chosen by its key, and a lane has one batch on the way at a time, repeated until
 * its outcome is known: so a key's records reach the log in their order whatever fails. (A repeated
 * batch may be there twice: kafkajs has no idempotence that this could lean on.) Two lanes, because
 * one client thread can encode one batch while the broker flushes another, and no more than that.
 */
const laneCount = 2
const retryDelayMs = 200
/** Field lengths, deltas and attributes of a record in a batch, at most. */
const recordOverheadBytes = 32
const histogramHighestMs = 3_600_000

export class Sender {
  readonly #options: SenderOptions
  readonly #startedAtMs: number
  readonly #lanes: Lane[]
  readonly #latencyMs: RecordableHistogram = createHistogram({ highest: histogramHighestMs })
  readonly #abandoning = new AbortController()
  #unkeyedLane = 0
  #inFlightBytes = 0
  #sent = 0
  #acknowledged = 0
  #acknowledgedBytes = 0
  #failed = 0
  #trouble: string | undefined
  #failure: string | undefined
  #gaveUp: AppError | undefined
  #waiting: (() => void)[] = []

  constructor(options: SenderOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.now()
    this.#lanes = Array.from({ length: laneCount }, () => new Lane())
  }

  /** How many more records may be offered now. */
  get room(): number {
    if (this.#inFlightBytes >= this.#options.inFlightMaxBytes) return 0
    return Math.max(0, limits.producerInFlightMaxRecords - this.#inFlight)
  }

  /** Set when nothing was acknowledged for so long that the run is pointless. */
  get gaveUp(): AppError | undefined {
    return this.#gaveUp
  }

  /** Takes records, at most `room`, and sends them as soon as their lanes are free. */
  offer(records: readonly SourceRecord[]): void {
    assert(!this.#abandoning.signal.aborted)
    const offeredAtMs = this.#options.clock.now()
    for (const record of records) {
      const bytes = (record.key?.length ?? 0) + record.value.length
      this.#laneOf(record.key).queue.push({ record, bytes, offeredAtMs })
      this.#inFlightBytes += bytes
    }
    this.#sent += records.length
    for (const lane of this.#lanes) this.#start(lane)
  }

  /** Resolves when the outcome of a batch is known, or at once when nothing is in flight. */
  async progress(): Promise<void> {
    if (this.#inFlight === 0) return
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Waits for everything in flight, at most `graceMs`; what is left then has failed. */
  async drain(graceMs: number): Promise<void> {
    const { clock } = this.#options
    const expired = clock.after(graceMs, () => this.#abandon('not acknowledged in time'))
    while (this.#inFlight > 0) await this.progress()
    expired.cancel()
  }

  counts(): SenderCounts {
    const percentile = (p: number): number =>
      this.#latencyMs.count === 0 ? 0 : this.#latencyMs.percentile(p)
    return {
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      failed: this.#failed,
      acknowledgedBytes: this.#acknowledgedBytes,
      p50Ms: percentile(50),
      p99Ms: percentile(99),
      trouble: this.#trouble,
      failure: this.#failure,
    }
  }

  get #inFlight(): number {
    return this.#sent - this.#acknowledged - this.#failed
  }

  #laneOf(key: string | null): Lane {
    const index = key === null ? this.#unkeyedLane++ : hash(key)
    const lane = this.#lanes[index % laneCount]
    assert(lane !== undefined)
    return lane
  }

  #start(lane: Lane): void {
    if (lane.busy || lane.queue.length === 0) return
    lane.busy = true
    // Never rejects for an outcome; anything else is a programmer's error and ends the process.
    void this.#run(lane)
  }

  async #run(lane: Lane): Promise<void> {
    while (lane.queue.length > 0 && !this.#abandoning.signal.aborted) {
      await this.#deliver(lane.takeBatch())
    }
    lane.busy = false
  }

  async #deliver(batch: readonly Queued[]): Promise<void> {
    const { transport, clock } = this.#options
    const records = batch.map(({ record }) => record)
    for (;;) {
      const outcome = await transport.send(records)
      if (this.#abandoning.signal.aborted) return
      switch (outcome.kind) {
        case 'acknowledged':
          return this.#succeed(batch)
        case 'refused':
          return this.#fail(batch, outcome.reason)
        case 'unavailable':
          this.#trouble = outcome.reason
          this.#giveUpIfHopeless(outcome.reason)
          await sleep(clock, retryDelayMs, this.#abandoning.signal)
      }
    }
  }

  #succeed(batch: readonly Queued[]): void {
    const now = this.#options.clock.now()
    for (const { bytes, offeredAtMs } of batch) {
      // The histogram takes no zero: below a millisecond counts as one.
      this.#latencyMs.record(Math.min(Math.max(1, now - offeredAtMs), histogramHighestMs))
      this.#acknowledgedBytes += bytes
    }
    this.#acknowledged += batch.length
    this.#trouble = undefined
    this.#settle(batch)
  }

  #fail(batch: readonly Queued[], reason: string): void {
    this.#failed += batch.length
    this.#failure = reason
    this.#settle(batch)
  }

  #settle(batch: readonly Queued[]): void {
    for (const { bytes } of batch) this.#inFlightBytes -= bytes
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #giveUpIfHopeless(reason: string): void {
    const waitedMs = this.#options.clock.now() - this.#startedAtMs
    if (this.#acknowledged > 0 || waitedMs < limits.producerFirstAcknowledgementMs) return
    this.#gaveUp = new AppError('INPUT_INVALID', { source: `topic ${this.#options.topic}`, reason })
    this.#abandon(reason)
  }

  #abandon(reason: string): void {
    this.#abandoning.abort()
    this.#failed += this.#inFlight
    this.#failure = this.#trouble ?? reason
    this.#inFlightBytes = 0
    this.#wake()
  }
}

class Lane {
  readonly queue: Queued[] = []
  busy = false

  /** At least one record, and as many more as fit into a request. */
  takeBatch(): readonly Queued[] {
    let bytes = 0
    let count = 0
    for (const queued of this.queue) {
      bytes += queued.bytes + recordOverheadBytes
      if (bytes > limits.producerRequestMaxBytes && count > 0) break
      count += 1
    }
    return this.queue.splice(0, count)
  }
}

/** FNV-1a over the text's code units. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193)
  }
  return state >>> 0
}
