// Looks at a mapping at intervals, and has its scaler decide how many event pollers it gets.
import { scalingIntervalMs } from '../common/mapping-limits.ts'
import type { EventPollers } from './event-pollers.ts'
import { lagOf, ProgressMeter } from './lag.ts'
import type { Lane } from './lane.ts'
import type { MappingCounters } from './mapping-counters.ts'
import {
  evaluateScaling,
  initialScaling,
  type ScalerState,
  type ScalingChange,
  type ScalingRules,
} from './scaler.ts'

export interface ScalingResult {
  readonly change: ScalingChange
  readonly lag: number
}

export class Scaling {
  readonly #rules: ScalingRules
  readonly #counters: MappingCounters
  readonly #progress = new ProgressMeter()
  #state: ScalerState
  #throttlesBefore: number
  #dueMs: number | undefined

  constructor(rules: ScalingRules, counters: MappingCounters) {
    this.#rules = rules
    this.#counters = counters
    this.#state = initialScaling(rules)
    this.#throttlesBefore = counters.throttles
  }

  /** When it has to look again; undefined before the first tick. */
  get dueMs(): number | undefined {
    return this.#dueMs
  }

  /** Deals the lanes out anew where the number of event pollers changes, and says how it does. */
  tick(
    lanes: ReadonlyMap<number, Lane>,
    pollers: EventPollers,
    nowMs: number,
  ): ScalingResult | undefined {
    this.#dueMs ??= nowMs + scalingIntervalMs
    if (nowMs < this.#dueMs) return undefined
    this.#dueMs = nowMs + scalingIntervalMs
    const lag = lagOf(lanes.values())
    const evaluation = {
      partitions: lag.partitions,
      waitingRecords: lag.waiting,
      waitingBytes: lag.waitingBytes,
      progress: this.#progress.take(lanes.values()),
      throttles: this.#counters.throttles - this.#throttlesBefore,
      invocationsMost: pollers.takeMost(),
    }
    this.#throttlesBefore = this.#counters.throttles
    const { state, change } = evaluateScaling(this.#rules, this.#state, evaluation, nowMs)
    this.#state = state
    if (change === undefined) return undefined
    pollers.deal(lanes.values(), change.to)
    this.#counters.scaled(change.reason, nowMs)
    return { change, lag: lag.sum }
  }
}
