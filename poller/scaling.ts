// Looks at a mapping at intervals, and has its scaler decide how many event pollers it gets.
import type { EventPollers } from './event-pollers.ts'
import { lagOf, ProgressMeter } from './lag.ts'
import type { MappingCounters } from './mapping-counters.ts'
import { lanesOf, type Partition } from './partition.ts'
import {
  evaluateScaling,
  fitToPartitions,
  initialScaling,
  scalingBounds,
  type Evaluation,
  type ScalerState,
  type ScalingChange,
  type ScalingRules,
} from './scaler.ts'
import { localScalingPace, type ScalingPace } from './scaling-pace.ts'

const lookStepMs = 100

export interface ScalingResult {
  readonly change: ScalingChange
  readonly lag: number
}

/**
 * Where changes take their time, one is under way at most, and there is no look until it has taken effect.
 * What follows from partitions that came or went is seen and takes effect at once.
 */
export class Scaling {
  readonly #rules: ScalingRules
  readonly #pace: ScalingPace
  readonly #counters: MappingCounters
  /** In [0, 1). */
  readonly #random: () => number
  /** Where there is one number only, as for a stream on AWS, nothing is to be looked at. */
  readonly #isFixed: boolean
  readonly #progress = new ProgressMeter()
  #state: ScalerState
  #throttlesBefore: number
  #dueMs: number | undefined
  /** Whether the number was looked at since partitions came or went. */
  #fits = true
  /** The last look saw nothing to do, and so would the next ones until there is a tick for another reason. */
  #isAtRest = false
  #pending: { readonly result: ScalingResult; readonly atMs: number } | undefined

  constructor(rules: ScalingRules, counters: MappingCounters, random: () => number) {
    this.#rules = rules
    this.#pace = rules.pace ?? localScalingPace
    this.#counters = counters
    this.#random = random
    this.#isFixed = rules.pollersMin === rules.pollersMax
    this.#state = initialScaling(rules)
    this.#throttlesBefore = counters.throttles
  }

  /** When it has to look again; undefined before the first tick, or for never. */
  get dueMs(): number | undefined {
    if (!this.#fits) return 0
    if (this.#isFixed || this.#isAtRest) return undefined
    return this.#pending?.atMs ?? this.#dueMs
  }

  /** Partitions came or went: the next tick sees to it, and a change that is under way is off. */
  partitionsChanged(): void {
    if (this.#pending !== undefined) {
      const { from } = this.#pending.result.change
      this.#state = { ...this.#state, pollers: from }
    }
    this.#pending = undefined
    this.#fits = false
  }

  /** Deals the lanes out anew where the number of event pollers changes, and says how it does. */
  tick(
    partitions: ReadonlyMap<number, Partition>,
    pollers: EventPollers,
    nowMs: number,
  ): ScalingResult | undefined {
    this.#dueMs ??= this.#nextLookMs(nowMs)
    if (this.#isAtRest) this.#rise(nowMs)
    if (!this.#fits) {
      this.#fits = true
      const lag = lagOf(partitions.values())
      const { state, change } = fitToPartitions(this.#rules, this.#state, lag.partitions)
      this.#state = state
      if (change !== undefined)
        return this.#apply({ change, lag: lag.sum }, partitions, pollers, nowMs)
    }
    if (this.#isFixed) return undefined
    if (this.#pending !== undefined) {
      if (nowMs < this.#pending.atMs) return undefined
      const { result } = this.#pending
      this.#pending = undefined
      // Looks that fell into the wait are left out.
      while (this.#dueMs <= nowMs) this.#dueMs += this.#pace.intervalMs
      return this.#apply(result, partitions, pollers, nowMs)
    }
    if (nowMs < this.#dueMs) return undefined
    this.#dueMs = this.#nextLookMs(nowMs)
    const result = this.#look(partitions, pollers, nowMs)
    if (result === undefined) return undefined
    const isOne = result.change.from !== result.change.to
    const delayMs = isOne ? Math.round(this.#random() * this.#pace.effectMaxMs) : 0
    if (delayMs === 0) return this.#apply(result, partitions, pollers, nowMs)
    this.#pending = { result, atMs: nowMs + delayMs }
    return undefined
  }

  /** Looks again when it would have, had it looked all the time. */
  #rise(nowMs: number): void {
    this.#isAtRest = false
    const { intervalMs } = this.#pace
    const dueMs = this.#dueMs ?? nowMs
    this.#dueMs = dueMs + Math.max(0, Math.ceil((nowMs - dueMs) / intervalMs)) * intervalMs
  }

  /** Mappings look together: a thousand that are idle would else wake the thread a thousand times a second. */
  #nextLookMs(nowMs: number): number {
    return nowMs + this.#pace.intervalMs - (nowMs % lookStepMs)
  }

  #look(
    partitions: ReadonlyMap<number, Partition>,
    pollers: EventPollers,
    nowMs: number,
  ): ScalingResult | undefined {
    const lag = lagOf(partitions.values())
    const evaluation = {
      partitions: lag.partitions,
      waitingRecords: lag.waiting,
      waitingBytes: lag.waitingBytes,
      progress: this.#progress.take(partitions.values()),
      throttles: this.#counters.throttles - this.#throttlesBefore,
      invocationsMost: pollers.takeMost(),
    }
    this.#throttlesBefore = this.#counters.throttles
    const { state, change } = evaluateScaling(this.#rules, this.#state, evaluation, nowMs)
    this.#state = state
    const { least } = scalingBounds(this.#rules, lag.partitions)
    this.#isAtRest = state.pollers === least && isQuiet(evaluation)
    return change === undefined ? undefined : { change, lag: lag.sum }
  }

  #apply(
    result: ScalingResult,
    partitions: ReadonlyMap<number, Partition>,
    pollers: EventPollers,
    nowMs: number,
  ): ScalingResult {
    const { from, to, reason } = result.change
    if (from !== to) pollers.deal(lanesOf(partitions.values()), to)
    this.#counters.scaled(reason, nowMs)
    return result
  }
}

/** Nothing waits, nothing was sent, and nothing was finished. */
function isQuiet({ waitingRecords, progress, throttles, invocationsMost }: Evaluation): boolean {
  return waitingRecords + progress + throttles + invocationsMost === 0
}
