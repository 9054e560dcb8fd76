// A topic as far as a simulation needs it: where each partition ends, and when each offset was written.
import { RateCurve } from './rate-curve.ts'
import { geometric, randomFrom, type Random } from './random.ts'
import type { Scenario } from './scenario.ts'

/** Any moment does; this one gives timestamps as many digits as today's have. */
export const startMs = 1_800_000_000_000

/**
 * No record is kept: a partition has a share of the traffic, so its end follows from the time and the
 * time of an offset from the end. Which records are filtered or poison follows from where they are.
 */
export class Topic {
  readonly partitions: number
  readonly curve: RateCurve
  readonly #matching: number
  readonly #weights: Float64Array
  /** A fraction of a record, so that not all partitions get theirs at the same moment. */
  readonly #phases: Float64Array
  readonly #poison: readonly PoisonList[]

  constructor({ traffic, failures, seed }: Scenario) {
    this.partitions = traffic.partitions
    this.curve = new RateCurve(traffic.steps)
    this.#matching = traffic.matching
    const random = randomFrom(seed, 'topic')
    this.#weights = weightsOf(traffic)
    this.#phases = Float64Array.from({ length: this.partitions }, random)
    this.#poison =
      failures.poison === 0
        ? []
        : Array.from({ length: this.partitions }, () => new PoisonList(random, failures.poison))
  }

  /** The offset after the last record that was written by then. */
  end(partition: number, nowMs: number): number {
    const sent = this.curve.sentBy(nowMs - startMs) * this.#weight(partition)
    return Math.floor(sent + this.#phase(partition))
  }

  /** When it was written; Infinity for an offset that is never reached. */
  timestampMs(partition: number, offset: number): number {
    const weight = this.#weight(partition)
    if (weight === 0) return Infinity
    const time = this.curve.timeOf(Math.max(0, offset + 1 - this.#phase(partition)) / weight)
    return time === Infinity ? Infinity : startMs + Math.ceil(time)
  }

  /** Whether the filters let it through: evenly spread, so that a number of records has their share. */
  isKept(offset: number): boolean {
    return this.keptBefore(offset + 1) > this.keptBefore(offset)
  }

  /** How many of the first `offset` records of a partition the filters let through. */
  keptBefore(offset: number): number {
    return Math.floor(offset * this.#matching + 1e-9)
  }

  /** The poison records from one offset to before another. */
  poison(partition: number, from: number, end: number): readonly number[] {
    return this.#poison[partition]?.between(from, end) ?? none
  }

  #weight(partition: number): number {
    return this.#weights[partition] ?? 0
  }

  #phase(partition: number): number {
    return this.#phases[partition] ?? 0
  }
}

const none: readonly number[] = []

/** Offsets that are drawn once, as far as they are asked for. */
class PoisonList {
  readonly #random: Random
  readonly #chance: number
  readonly #offsets: number[] = []
  #last = -1

  constructor(random: Random, chance: number) {
    this.#random = randomFrom(Math.floor(random() * 2 ** 32), 'poison')
    this.#chance = chance
  }

  between(from: number, end: number): readonly number[] {
    while (this.#last < end) {
      this.#last += geometric(this.#random, this.#chance)
      this.#offsets.push(this.#last)
    }
    let [low, high] = [0, this.#offsets.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#offsets[middle] ?? 0) < from) low = middle + 1
      else high = middle
    }
    if ((this.#offsets[low] ?? Infinity) >= end) return none
    const found: number[] = []
    for (let at = low; (this.#offsets[at] ?? Infinity) < end; at++) {
      found.push(this.#offsets[at] ?? 0)
    }
    return found
  }
}

/** Each partition's share; their sum is 1. */
function weightsOf({ partitions, keys, keySkew }: Scenario['traffic']): Float64Array {
  const weights = new Float64Array(partitions)
  if (keys === 0) return weights.fill(1 / partitions)
  const spread = randomFrom(keys, 'keys')
  let total = 0
  for (let key = 1; key <= keys; key++) {
    const weight = key ** -keySkew
    const partition = Math.floor(spread() * partitions)
    weights[partition] = (weights[partition] ?? 0) + weight
    total += weight
  }
  return weights.map((weight) => weight / total)
}
