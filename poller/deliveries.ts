// Takes batches from their first invocation to their end: tries them again, splits them, gives them up.
import assert from 'node:assert'
import type {
  Batch,
  BatchOutcome,
  Discard,
  DiscardCondition,
  Effect,
  InvocationReport,
} from './batch.ts'
import type { BatchGroup } from './batcher.ts'
import type { EventPollers } from './event-pollers.ts'
import { divide, expiryOf, halvesOf, recordsOf, unsendable } from './groups.ts'
import { holdupsOf, type Holdup } from './holdups.ts'
import { sumOf, type Lane } from './lane.ts'
import type { MappingCounters } from './mapping-counters.ts'
import { afterFailure, retryDelayMs, type FailureRules } from './retry-policy.ts'
import { handOn } from './tumbling-windows.ts'

export interface DeliveriesOptions {
  readonly rules: FailureRules
  readonly counters: MappingCounters
  readonly pollers: EventPollers
  /** In [0, 1). */
  readonly random: () => number
  /** Takes records that are through out of their lanes. */
  readonly release: (groups: readonly BatchGroup[], nowMs: number) => void
  /** Takes note of records that are another member's now, and not through. */
  readonly lose: (groups: readonly BatchGroup[]) => void
}

const expiryIntervalMs = 1000

/**
 *   begin ─▶ in flight ─ succeeded ─▶ released
 *     ▲          │ failed: split, and the second half waits for the first
 *     │          │ failed, throttled, unreached
 *     └── waiting ◀┘   │ retries used up, too old, too large
 *                      └─▶ given up ─▶ to the destination, until it takes them ─▶ released
 *
 * Invariant: a record is in flight, waits with its batch, or waits for the destination, until it is
 * released or lost, once.
 */
export class Deliveries {
  readonly #rules: FailureRules
  readonly #counters: MappingCounters
  readonly #pollers: EventPollers
  readonly #random: () => number
  readonly #release: DeliveriesOptions['release']
  readonly #lose: DeliveriesOptions['lose']
  readonly #waiting = new Set<Batch>()
  /** Batches that have failed and are not through, between tries and in flight. */
  readonly #failing = new Set<Batch>()
  readonly #givenUp = new Set<Discard>()
  /** What the destination has refused and does not have yet, between tries and under way. */
  readonly #undelivered = new Set<Discard>()
  #discardsUnderWay = 0
  #effects: Effect[] = []

  constructor(options: DeliveriesOptions) {
    this.#rules = options.rules
    this.#counters = options.counters
    this.#pollers = options.pollers
    this.#random = options.random
    this.#release = options.release
    this.#lose = options.lose
  }

  /** Sends records that have not been sent yet. */
  begin(groups: readonly BatchGroup[], nowMs: number): void {
    const readySinceMs = groups[0]?.lane.readySinceMs ?? nowMs
    const batch: Batch = { groups, attempts: 0, setbacks: 0, dueMs: nowMs, expiresMs: Infinity }
    if (this.#isSpent(batch, nowMs)) return
    this.#counters.batches += 1
    this.#counters.batchSize.observe(recordsOf(batch.groups))
    this.#counters.batchWaitSeconds.observe((nowMs - readySinceMs) / 1000)
    for (const { records } of batch.groups) {
      for (const { timestampMs, count } of records) {
        this.#counters.putToHandlerSeconds.observe(Math.max(0, nowMs - timestampMs) / 1000, count)
      }
    }
    this.#send(batch)
  }

  /** Sends the final invocation of a lane's window. */
  endWindow(lane: Lane, how: 'over' | 'early', nowMs: number): void {
    const { window, partition } = lane
    assert(window !== undefined)
    const { startMs, endMs, state } = window
    const final = { startMs, endMs, state, isFinal: true, isTerminatedEarly: how === 'early' }
    const groups = [{ lane, partition, records: [] }]
    const due = { attempts: 0, setbacks: 0, dueMs: nowMs, expiresMs: Infinity }
    const batch: Batch = { groups, window: final, ...due }
    if (!this.#isSpent(batch, nowMs)) this.#send(batch)
  }

  /** `report` is of an invocation that reached the function. */
  ended(batch: Batch, outcome: BatchOutcome, nowMs: number, report?: InvocationReport): void {
    this.#pollers.ended(batch)
    this.#count(batch, outcome, report)
    if (report !== undefined) batch.report = report
    batch.isThrottled = outcome === 'throttled'
    if (outcome === 'succeeded') {
      this.#handOn(batch)
      this.#release(batch.groups, nowMs)
      return this.#through(batch, nowMs)
    }
    if (this.#isAnothers(batch, nowMs)) return
    this.#failing.add(batch)
    if (outcome !== 'failed') return this.#wait(batch, nowMs)
    if (!this.#keepFailed(batch, nowMs)) this.#afterFailure(batch, nowMs)
  }

  /** `delivered` is whether the destination has the records. */
  discardEnded(discard: Discard, delivered: boolean, nowMs: number): void {
    this.#discardsUnderWay -= 1
    if (delivered) {
      this.#undelivered.delete(discard)
      this.#counters.destinationEvents += recordsOf(discard.groups)
      return this.#release(discard.groups, nowMs)
    }
    this.#counters.destinationErrors += 1
    discard.setbacks += 1
    discard.dueMs = nowMs + retryDelayMs(discard.setbacks, this.#random())
    this.#givenUp.add(discard)
    this.#undelivered.add(discard)
  }

  /** Sends what is due again. */
  tick(nowMs: number): void {
    for (const batch of this.#waiting) {
      if (batch.dueMs > nowMs || !this.#pollers.hasRoomFor(batch)) {
        if (batch.expiresMs <= nowMs) this.#expire(batch, nowMs)
        continue
      }
      this.#waiting.delete(batch)
      if (this.#isAnothers(batch, nowMs) || this.#isSpent(batch, nowMs)) continue
      this.#counters.retries += 1
      this.#send(batch)
    }
    for (const discard of this.#givenUp) {
      if (discard.dueMs > nowMs) continue
      this.#givenUp.delete(discard)
      discard.groups = this.#withoutAnothers(discard.groups)
      if (discard.groups.length === 0) {
        this.#undelivered.delete(discard)
        continue
      }
      this.#discardsUnderWay += 1
      this.#effects.push({ kind: 'discard', discard })
    }
  }

  takeEffects(): readonly Effect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** When `tick` has something to do if nothing happens before; undefined for never. */
  get dueMs(): number | undefined {
    let first: number | undefined
    const consider = (dueMs: number): void => {
      if (first === undefined || dueMs < first) first = dueMs
    }
    for (const batch of this.#waiting) {
      if (this.#pollers.hasRoomFor(batch)) consider(batch.dueMs)
      if (batch.expiresMs !== Infinity) consider(batch.expiresMs)
    }
    for (const { dueMs } of this.#givenUp) consider(dueMs)
    return first
  }

  /** Sendings to the destination that have not ended. */
  get discardsUnderWay(): number {
    return this.#discardsUnderWay
  }

  /** Invocations of the batch that has failed most often and is not through; 0 if none has. */
  get attemptsMost(): number {
    return Math.max(0, ...[...this.#failing].map(({ attempts }) => attempts))
  }

  get holdups(): ReadonlyMap<Lane, Holdup> {
    return holdupsOf(this.#failing, this.#undelivered)
  }

  #handOn({ groups, report }: Batch): void {
    for (const { lane } of groups) handOn(lane, report?.state)
  }

  #send(batch: Batch): void {
    const window = batch.groups[0]?.lane.window
    if (window !== undefined && batch.window?.isFinal !== true) {
      const { startMs, endMs, state } = window
      batch.window = { startMs, endMs, state, isFinal: false, isTerminatedEarly: false }
    }
    this.#pollers.began(batch)
    this.#effects.push({ kind: 'invoke', batch })
  }

  #wait(batch: Batch, nowMs: number): void {
    batch.setbacks += 1
    batch.dueMs = nowMs + retryDelayMs(batch.setbacks, this.#random())
    this.#park(batch, nowMs)
  }

  #park(batch: Batch, nowMs: number): void {
    batch.expiresMs = Math.max(nowMs, expiryOf(batch, this.#rules.recordAgeMaxMs))
    this.#waiting.add(batch)
  }

  /** Gives up what has become too old while it waits; at most once a second, so that it is not one by one. */
  #expire(batch: Batch, nowMs: number): void {
    this.#waiting.delete(batch)
    if (this.#isAnothers(batch, nowMs) || this.#isSpent(batch, nowMs)) return
    batch.expiresMs = Math.max(
      nowMs + expiryIntervalMs,
      expiryOf(batch, this.#rules.recordAgeMaxMs),
    )
    this.#waiting.add(batch)
  }

  /**
   * Releases what the function did not name, so that only what failed is sent again, with all of its
   * retries before it. False where everything failed.
   */
  #keepFailed(batch: Batch, nowMs: number): boolean {
    const named = batch.report?.failed
    if (named === undefined) return false
    const [failed, done] = divide(batch.groups, (record) => named.has(record))
    if (done.length === 0) return false
    this.#handOn(batch)
    this.#release(done, nowMs)
    Object.assign(batch, { groups: failed, attempts: 0, setbacks: 0 })
    // All that it named may have been another member's by then.
    if (failed.length === 0) this.#through(batch, nowMs)
    else this.#wait(batch, nowMs)
    return true
  }

  #afterFailure(batch: Batch, nowMs: number): void {
    const records = recordsOf(batch.groups)
    switch (afterFailure(this.#rules, { records, attempts: batch.attempts })) {
      case 'retry':
        return this.#wait(batch, nowMs)
      case 'split':
        return this.#split(batch, nowMs)
      case 'give up':
        this.#giveUp(batch, batch.groups, 'RetryAttemptsExhausted', nowMs)
        return this.#through(batch, nowMs)
    }
  }

  #split(batch: Batch, nowMs: number): void {
    const [first, second] = halvesOf(batch.groups)
    const fresh = { attempts: 0, setbacks: 0, dueMs: nowMs }
    const next: Batch = { ...batch, ...fresh, groups: second }
    Object.assign(batch, fresh, { groups: first, next })
    this.#park(batch, nowMs)
  }

  /** Gives up what is too old, or can be no part of an event; true when nothing is left to be sent. */
  #isSpent(batch: Batch, nowMs: number): boolean {
    const { destination, recordAgeMaxMs } = this.#rules
    if (destination !== undefined) {
      for (const [condition, isUnsendable] of unsendable) {
        const [these, others] = divide(batch.groups, isUnsendable)
        this.#giveUp(batch, these, condition, nowMs)
        batch.groups = others
      }
    }
    if (recordAgeMaxMs !== Infinity) {
      const isOld = (timestampMs: number): boolean => nowMs - timestampMs > recordAgeMaxMs
      if (batch.window?.isFinal === true && isOld(batch.window.endMs)) {
        this.#giveUp(batch, batch.groups, 'RecordAgeExceeded', nowMs)
        this.#through(batch, nowMs)
        return true
      }
      const [old, others] = divide(batch.groups, ({ timestampMs }) => isOld(timestampMs))
      this.#giveUp(batch, old, 'RecordAgeExceeded', nowMs)
      batch.groups = others
    }
    if (batch.groups.length > 0) return false
    this.#through(batch, nowMs)
    return true
  }

  #giveUp(
    { attempts, report, window }: Batch,
    groups: readonly BatchGroup[],
    condition: DiscardCondition,
    nowMs: number,
  ): void {
    const [group] = groups
    if (group === undefined) return
    if (window?.isFinal === true) {
      const { startMs, endMs } = window
      const { partition } = group
      this.#effects.push({ kind: 'windowDropped', partition, startMs, endMs, condition })
      this.#release(groups, nowMs)
      return
    }
    const discard: Discard = { groups, condition, attempts, report, setbacks: 0, dueMs: nowMs }
    if (this.#rules.destination !== undefined) {
      this.#givenUp.add(discard)
      return
    }
    this.#counters.droppedEvents += recordsOf(groups)
    this.#effects.push({ kind: 'dropped', discard })
    this.#release(groups, nowMs)
  }

  #through(batch: Batch, nowMs: number): void {
    this.#failing.delete(batch)
    if (batch.next === undefined) return
    batch.next.dueMs = nowMs
    this.#park(batch.next, nowMs)
  }

  /** Takes lanes that are another's out of the batch; true when none is left. */
  #isAnothers(batch: Batch, nowMs: number): boolean {
    batch.groups = this.#withoutAnothers(batch.groups)
    if (batch.groups.length > 0) return false
    this.#through(batch, nowMs)
    return true
  }

  #withoutAnothers(groups: readonly BatchGroup[]): readonly BatchGroup[] {
    const lost = groups.filter(({ lane }) => !lane.assigned)
    if (lost.length === 0) return groups
    this.#lose(lost)
    return groups.filter(({ lane }) => lane.assigned)
  }

  #count(batch: Batch, outcome: BatchOutcome, report: InvocationReport | undefined): void {
    const records = recordsOf(batch.groups)
    if (outcome === 'throttled') this.#counters.throttles += 1
    if (outcome === 'failed' || outcome === 'unreached') {
      const { failed } = report ?? {}
      this.#counters.failedInvokeEvents += failed === undefined ? records : sumOf([...failed])
      this.#counters.invokeErrors += 1
    }
    if (outcome === 'failed' || outcome === 'succeeded') {
      batch.attempts += 1
      this.#counters.invokedEvents += records
    }
  }
}
