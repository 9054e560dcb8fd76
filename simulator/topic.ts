// A topic or a stream as far as a simulation needs it: where each partition ends, and when each offset was written.
import assert from 'node:assert'
import { RateCurve } from './rate-curve.ts'
import { geometric, randomFrom, type Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import { shardsOf, type SimulatedShard } from './shards.ts'

/** Any moment does; this one gives timestamps as many digits as today's have. */
export const startMs = 1_800_000_000_000

/**
 * No record is kept: a partition has a share of the traffic, so its end follows from the time and the
 * time of an offset from the end. Which records are filtered or poison follows from where they are.
 */
export class Topic {
  /** Of a stream the shards that there will ever be. */
  readonly partitions: number
  readonly shards: readonly SimulatedShard[]
  readonly curve: RateCurve
  readonly #matching: number
  /** Records that had been sent when a shard opened. */
  readonly #sentBefore: Float64Array
  /** A fraction of a record, so that not all partitions get theirs at the same moment. */
  readonly #phases: Float64Array
  readonly #poison: readonly PoisonList[]

  constructor({ traffic, failures, seed }: Scenario) {
    const shards = shardsOf(traffic)
    assert(typeof shards !== 'string', 'the reshardings were checked')
    this.shards = shards
    this.partitions = shards.length
    this.curve = new RateCurve(traffic.steps)
    this.#matching = traffic.matching
    const random = randomFrom(seed, 'topic')
    this.#sentBefore = Float64Array.from(shards, ({ openMs }) =>
      openMs === 0 ? 0 : this.curve.sentBy(openMs),
    )
    this.#phases = Float64Array.from({ length: this.partitions }, random)
    this.#poison =
      failures.poison === 0
        ? []
        : Array.from({ length: this.partitions }, () => new PoisonList(random, failures.poison))
  }

  /** The offset after the last record that was written by then. */
  end(partition: number, nowMs: number): number {
    const { openMs = 0, closeMs = 0, weight = 0 } = this.shards[partition] ?? {}
    const elapsedMs = Math.min(closeMs, nowMs - startMs)
    if (elapsedMs <= openMs) return 0
    const sent = (this.curve.sentBy(elapsedMs) - this.#before(partition)) * weight
    return Math.floor(sent + this.#phase(partition))
  }

  /** Whether it is there by then. */
  isOpened(partition: number, nowMs: number): boolean {
    return nowMs - startMs >= (this.shards[partition]?.openMs ?? Infinity)
  }

  /** Whether nothing follows its end any more. */
  isClosed(partition: number, nowMs: number): boolean {
    return nowMs - startMs >= (this.shards[partition]?.closeMs ?? 0)
  }

  /** Those that take records at that time. */
  openShards(nowMs: number): readonly SimulatedShard[] {
    return this.shards.filter(
      (_, index) => this.isOpened(index, nowMs) && !this.isClosed(index, nowMs),
    )
  }

  /** The share of the traffic that the busiest of them takes. */
  heaviestShard(nowMs: number): number {
    let most = 0
    for (const { weight } of this.openShards(nowMs)) most = Math.max(most, weight)
    return most
  }

  /** When it was written; Infinity for an offset that is never reached. */
  timestampMs(partition: number, offset: number): number {
    const { openMs = 0, closeMs = 0, weight = 0 } = this.shards[partition] ?? {}
    if (weight === 0) return Infinity
    const sent = Math.max(0, offset + 1 - this.#phase(partition)) / weight
    const time = Math.max(openMs, this.curve.timeOf(sent + this.#before(partition)))
    // Rounding must not carry the last record of a shard behind its end.
    return time > closeMs + 1 ? Infinity : startMs + Math.min(Math.ceil(time), closeMs)
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

  #before(partition: number): number {
    return this.#sentBefore[partition] ?? 0
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
