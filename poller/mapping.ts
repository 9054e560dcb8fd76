// Decides everything a mapping does with its records: filter, batch, retry, commit, pause.
import { criteriaMatches } from '../filter/criteria.ts'
import { BackPressure } from './back-pressure.ts'
import {
  recordsOf,
  type Batch,
  type BatchOutcome,
  type Effect,
  type MappingRules,
} from './batch.ts'
import type { BatchGroup } from './batcher.ts'
import { CommitLedger } from './commit-ledger.ts'
import { encodeRecord, recordSizeBytes } from './event.ts'
import { EventPollers } from './event-pollers.ts'
import { lagOf, type Lag } from './lag.ts'
import { Lane } from './lane.ts'
import type { MappingCounters } from './mapping-counters.ts'
import { retryDelayMs } from './retry-policy.ts'
import { Scaling } from './scaling.ts'
import type { RecordRun, SourceRecord } from './sources/source.ts'

const commitRetryMs = 1000

/**
 * Events go in by its methods, and `tick` says what is to be done about them. It never looks at a
 * clock, a socket or a function.
 *
 * Invariants: a lane has at most one batch in flight or waiting for its retry; a committed offset
 * never passes an unfinished record; no record is finished but by a success, a filter or its size.
 */
export class Mapping {
  readonly #rules: MappingRules
  readonly #counters: MappingCounters
  readonly #random: () => number
  readonly #pollers: EventPollers
  readonly #ledger: CommitLedger
  readonly #pressure: BackPressure
  readonly #lanes = new Map<number, Lane>()
  readonly #retrying = new Set<Batch>()
  /** Batches that have failed and are not through, between tries and in flight. */
  readonly #failing = new Set<Batch>()
  readonly #scaling: Scaling
  #effects: Effect[] = []
  #stopping = false

  /** `random` is in [0, 1). */
  constructor(rules: MappingRules, counters: MappingCounters, random: () => number) {
    this.#rules = rules
    this.#counters = counters
    this.#random = random
    this.#scaling = new Scaling(rules, counters)
    const { invocationsPerPoller: invocationsEach } = rules
    this.#pollers = new EventPollers(rules, { pollers: rules.pollersMin, invocationsEach })
    this.#ledger = new CommitLedger({ intervalMs: rules.commitIntervalMs, retryMs: commitRetryMs })
    this.#pressure = new BackPressure(rules.bufferMaxBytes)
  }

  /**
   * The partitions this member has from now on; see SourceListener for `continued` and the answer.
   * Lanes of others drop what waits, and what they have in flight is not committed. A lane that comes
   * back while its batch is still out goes on where that batch ends.
   */
  assigned(partitions: readonly number[], continued: boolean): ReadonlyMap<number, number> {
    const positions = new Map<number, number>()
    const own = new Set(partitions)
    for (const lane of this.#lanes.values()) {
      if (!own.has(lane.partition)) this.#revoke(lane)
    }
    for (const partition of partitions) {
      const lane = this.#lanes.get(partition)
      if (lane === undefined) {
        this.#lanes.set(partition, new Lane(partition))
        continue
      }
      if (!continued) this.#empty(lane)
      else if (lane.assigned && lane.nextOffset !== undefined) {
        positions.set(partition, lane.nextOffset)
      }
      lane.assigned = true
      lane.paused = false
      this.#ledger.note(lane)
    }
    this.#pollers.deal(this.#lanes.values())
    return positions
  }

  /** The partition's log was cut: what was read of it, and what is in flight, is of another log. */
  rewound(partition: number): void {
    const lane = this.#lanes.get(partition)
    if (lane?.assigned !== true) return
    this.#revoke(lane)
    this.#lanes.set(partition, new Lane(partition))
    this.#pollers.deal(this.#lanes.values())
  }

  recordsArrived(run: RecordRun, nowMs: number): void {
    const first = run.records[0]?.offset
    if (first !== undefined && first < (this.#lanes.get(run.partition)?.committedOffset ?? 0)) {
      // Reading starts at the committed offset or later, unless the log was cut or the group reset.
      this.rewound(run.partition)
    }
    const lane = this.#lanes.get(run.partition)
    if (lane?.assigned !== true) return
    lane.committedOffset ??= first
    lane.endOffset = run.endOffset
    const from = lane.nextOffset ?? 0
    for (const record of run.records) {
      // Read again after a rebalance: in hand already, or finished.
      if (record.offset >= from) this.#admit(lane, record)
    }
    lane.advance(run.nextOffset)
    this.#pollers.offer(lane, nowMs)
    this.#ledger.note(lane)
  }

  batchEnded(batch: Batch, outcome: BatchOutcome, nowMs: number): void {
    this.#pollers.ended(batch)
    this.#count(batch, outcome)
    if (outcome === 'succeeded') {
      this.#failing.delete(batch)
      return this.#finish(batch.groups, nowMs)
    }
    if (this.#isDropped(batch)) return
    this.#failing.add(batch)
    batch.setbacks += 1
    batch.dueMs = nowMs + retryDelayMs(batch.setbacks, this.#random())
    this.#retrying.add(batch)
  }

  commitEnded(succeeded: boolean, nowMs: number): void {
    if (succeeded) {
      this.#counters.committedEvents += this.#ledger.succeeded()
    } else {
      this.#counters.commitErrors += 1
      this.#ledger.failed(nowMs)
    }
  }

  /** From now on nothing is sent; what is finished is committed without delay. */
  stop(): void {
    this.#stopping = true
    this.#ledger.hurry()
  }

  /** What is to be done now. */
  tick(nowMs: number): readonly Effect[] {
    const { paused, resumed } = this.#pressure.apply(this.#lanes)
    if (paused.length > 0) this.#effects.push({ kind: 'pause', partitions: paused })
    if (resumed.length > 0) this.#effects.push({ kind: 'resume', partitions: resumed })
    if (!this.#stopping) {
      this.#scale(nowMs)
      this.#sendRetries(nowMs)
      this.#sendBatches(nowMs)
    }
    const offsets = this.#ledger.next(nowMs)
    if (offsets !== undefined) this.#effects.push({ kind: 'commit', offsets })
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** When `tick` has something to do if nothing happens before; undefined for never. */
  get wakeMs(): number | undefined {
    const times = [this.#ledger.dueMs]
    if (!this.#stopping) {
      times.push(this.#scaling.dueMs, this.#pollers.deadlineMs)
      for (const batch of this.#retrying) {
        if (this.#pollers.hasRoomFor(batch)) times.push(batch.dueMs)
      }
    }
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  get rules(): MappingRules {
    return this.#rules
  }

  get eventPollers(): number {
    return this.#pollers.count
  }

  get invocationsInFlight(): number {
    return this.#pollers.invocationsInFlight
  }

  get invocationsMax(): number {
    return this.#pollers.invocationsMax
  }

  get lag(): Lag {
    return lagOf(this.#lanes.values())
  }

  /** Invocations of the batch that has failed most often and is not through; 0 if none has. */
  get attemptsMost(): number {
    return Math.max(0, ...[...this.#failing].map(({ attempts }) => attempts))
  }

  /** Whether an offset is still to be committed, or a commit under way. */
  get hasUncommitted(): boolean {
    return this.#ledger.isUnderWay || this.#ledger.dueMs !== undefined
  }

  get bufferedRecords(): number {
    return this.#sum((lane) => lane.records)
  }

  get bufferedBytes(): number {
    return this.#sum((lane) => lane.bytes)
  }

  /** The record time of the oldest unfinished record; undefined when all are finished. */
  get oldestTimestampMs(): number | undefined {
    let oldest: number | undefined
    for (const lane of this.#lanes.values()) {
      const timestampMs = lane.assigned ? lane.oldest?.timestampMs : undefined
      if (timestampMs !== undefined && timestampMs < (oldest ?? Infinity)) oldest = timestampMs
    }
    return oldest
  }

  /** Asserts what can be asserted between any two events. */
  check(): void {
    for (const lane of this.#lanes.values()) lane.check()
    this.#pollers.check()
  }

  #admit(lane: Lane, record: SourceRecord): void {
    this.#counters.polledEvents += 1
    if (!criteriaMatches(this.#rules.criteria, record)) {
      this.#counters.filteredOutEvents += 1
      return
    }
    const json = encodeRecord(record)
    const sizeBytes = recordSizeBytes(record, json)
    if (this.#pollers.fits(record.partition, sizeBytes)) {
      lane.push({ offset: record.offset, timestampMs: record.timestampMs, json, sizeBytes })
      return
    }
    this.#counters.oversizedEvents += 1
    this.#effects.push({ kind: 'skipped', record, sizeBytes })
  }

  #finish(groups: readonly BatchGroup[], nowMs: number): void {
    for (const { lane } of groups) {
      lane.finish()
      if (lane.assigned) {
        this.#pollers.offer(lane, nowMs)
        this.#ledger.note(lane)
      } else {
        this.#forget(lane)
      }
    }
  }

  #dropRevoked(groups: readonly BatchGroup[]): readonly BatchGroup[] {
    return groups.filter(({ lane }) => {
      if (lane.assigned) return true
      lane.finish()
      this.#forget(lane)
      return false
    })
  }

  /** Takes lanes that are another's out of the batch; true when none is left. */
  #isDropped(batch: Batch): boolean {
    batch.groups = this.#dropRevoked(batch.groups)
    if (batch.groups.length > 0) return false
    this.#failing.delete(batch)
    return true
  }

  #scale(nowMs: number): void {
    const scaled = this.#scaling.tick(this.#lanes, this.#pollers, nowMs)
    if (scaled !== undefined) this.#effects.push({ kind: 'scaled', ...scaled })
  }

  #sendRetries(nowMs: number): void {
    for (const batch of this.#retrying) {
      if (batch.dueMs > nowMs || !this.#pollers.hasRoomFor(batch)) continue
      this.#retrying.delete(batch)
      if (this.#isDropped(batch)) continue
      this.#counters.retries += 1
      this.#send(batch)
    }
  }

  #sendBatches(nowMs: number): void {
    for (const groups of this.#pollers.next(nowMs)) {
      this.#counters.batches += 1
      this.#counters.batchSize.observe(recordsOf(groups))
      const readySinceMs = groups[0]?.lane.readySinceMs ?? nowMs
      this.#counters.batchWaitSeconds.observe((nowMs - readySinceMs) / 1000)
      for (const { records } of groups) {
        for (const { timestampMs } of records) {
          this.#counters.putToHandlerSeconds.observe(Math.max(0, nowMs - timestampMs) / 1000)
        }
      }
      this.#send({ groups, attempts: 0, setbacks: 0, dueMs: nowMs })
    }
  }

  #send(batch: Batch): void {
    this.#pollers.began(batch)
    this.#effects.push({ kind: 'invoke', batch })
  }

  #count(batch: Batch, outcome: BatchOutcome): void {
    const records = recordsOf(batch.groups)
    if (outcome === 'throttled') this.#counters.throttles += 1
    if (outcome === 'failed' || outcome === 'unreached')
      this.#counters.failedInvokeEvents += records
    if (outcome === 'failed' || outcome === 'succeeded') {
      batch.attempts += 1
      this.#counters.invokedEvents += records
    }
  }

  #revoke(lane: Lane): void {
    lane.assigned = false
    this.#empty(lane)
    this.#forget(lane)
  }

  #empty(lane: Lane): void {
    lane.reset()
    this.#pollers.withdraw(lane)
  }

  /** A lane that is another's is kept only as long as its batch is out. */
  #forget(lane: Lane): void {
    if (lane.isInFlight || this.#lanes.get(lane.partition) !== lane) return
    this.#lanes.delete(lane.partition)
  }

  #sum(of: (lane: Lane) => number): number {
    let total = 0
    for (const lane of this.#lanes.values()) total += of(lane)
    return total
  }
}
