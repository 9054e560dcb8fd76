// Measures a simulation: what there was of everything, and how it went over time.
import type { Batch } from '../poller/batch.ts'
import { eventPollerUnits } from '../poller/event-poller-units.ts'
import type { MappingCounters } from '../poller/mapping-counters.ts'
import type { PollerProcess } from './poller-process.ts'
import type { Observer, Simulation } from './simulation.ts'
import { startMs } from './topic.ts'

/** One moment; a maximum is since the moment before. */
export interface Sample {
  readonly second: number
  readonly ratePerSecond: number
  readonly lagRecords: number
  /** The age of the oldest record that is not through. */
  readonly lagSeconds: number
  readonly pollers: number
  readonly concurrencyMost: number
}

/** Values in steps of 2 %: finer than anyone can tell what a percentile means. */
export class Distribution {
  readonly #counts: number[] = []
  #total = 0
  #sum = 0
  max = 0

  observe(value: number, times: number): void {
    const step = value < 1 ? 0 : 1 + Math.floor(Math.log(value) * stepsPerE)
    while (this.#counts.length <= step) this.#counts.push(0)
    this.#counts[step] = (this.#counts[step] ?? 0) + times
    this.#total += times
    this.#sum += value * times
    if (value > this.max) this.max = value
  }

  get mean(): number {
    return this.#total === 0 ? 0 : this.#sum / this.#total
  }

  percentile(share: number): number {
    let left = share * this.#total
    for (const [step, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0) return step === 0 ? 0 : Math.min(this.max, Math.exp(step / stepsPerE))
    }
    return this.max
  }
}

const stepsPerE = 1 / Math.log(1.02)

export class Measurements implements Observer {
  readonly samples: Sample[] = []
  /** How old records are when they are sent the first time, in milliseconds. */
  readonly ages = new Distribution()
  /** Of a shard: the most records and bytes that one took in a second. */
  busiestShard = { recordsPerSecond: 0, bytesPerSecond: 0 }
  #unitMs = 0
  #concurrencyMost = 0

  invoked(_: PollerProcess, batch: Batch, nowMs: number): void {
    if (batch.attempts > 0 || batch.setbacks > 0) return
    for (const { records } of batch.groups) {
      for (const { timestampMs, count = 1 } of records) {
        this.ages.observe(Math.max(0, nowMs - timestampMs), count)
      }
    }
  }

  /** AWS's units of event pollers, times hours. */
  get unitHours(): number {
    return this.#unitMs / 3_600_000
  }

  get concurrencyMost(): number {
    return this.#concurrencyMost
  }

  sample(simulation: Simulation, sinceMs: number): void {
    const { topic, group, nowMs } = simulation
    let lagRecords = 0
    let oldestMs = nowMs
    for (let partition = 0; partition < topic.partitions; partition++) {
      const known = group.ownerOf(partition)?.mapping.checkpointOf(partition)
      const checkpoint = known ?? group.committed[partition] ?? 0
      const behind = topic.end(partition, nowMs) - checkpoint
      if (behind <= 0) continue
      lagRecords += behind
      oldestMs = Math.min(oldestMs, topic.timestampMs(partition, checkpoint))
    }
    const pollers = sum(group.members, ({ mapping }) => mapping.eventPollers)
    const ratePerSecond = topic.curve.rateAt(Math.max(0, nowMs - startMs - sinceMs / 2))
    const { recordBytes } = simulation.scenario.traffic
    const bytesPerSecond = ratePerSecond * recordBytes
    const busiest = ratePerSecond * topic.heaviestShard(nowMs - 1)
    if (busiest > this.busiestShard.recordsPerSecond) {
      this.busiestShard = { recordsPerSecond: busiest, bytesPerSecond: busiest * recordBytes }
    }
    const concurrencyMost = simulation.function.takeMost()
    this.#concurrencyMost = Math.max(this.#concurrencyMost, concurrencyMost)
    this.#unitMs += eventPollerUnits(pollers, bytesPerSecond) * sinceMs
    this.samples.push({
      second: (nowMs - startMs) / 1000,
      ratePerSecond,
      lagRecords,
      lagSeconds: (nowMs - oldestMs) / 1000,
      pollers,
      concurrencyMost,
    })
  }
}

/** Of all processes that there were. */
export function total(simulation: Simulation, of: (counters: MappingCounters) => number): number {
  return sum(simulation.processes, ({ counters }) => of(counters))
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((before, item) => before + of(item), 0)
}
