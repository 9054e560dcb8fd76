// Looks at a running mapping every second and keeps in mind why it is behind.
import { inStep, type Clock, type Timer } from '../common/clock.ts'
import { lagLookIntervalMs, lagLooksMax, lagPartitionsMax } from '../common/mapping-limits.ts'
import type { MappingLag, PartitionLag } from '../control/registry/registry.ts'
import { bytesPerSecondOf } from './event-poller-units.ts'
import {
  judgeLag,
  type LagCircumstances,
  type LagJudgement,
  type LaneLook,
  type Look,
} from './lag-cause.ts'

export interface LagWatchOptions {
  readonly windowMs: number
  readonly clock: Clock
  readonly look: (nowMs: number) => Look
  readonly circumstances: () => LagCircumstances
  /** Called after each look, with what the one before it found. */
  readonly judged: (judgement: LagJudgement, before: LagJudgement | undefined) => void
}

/**
 * What it finds is of the last few looks: of a moment alone nobody can tell whether a lag grows. Where all of them saw
 * that nothing is to be done, it looks no more until it is stirred.
 */
export class LagWatch {
  readonly #options: LagWatchOptions
  #looks: Look[] = []
  #judgement: LagJudgement | undefined
  #timer: Timer | undefined
  #isAtRest = false

  constructor(options: LagWatchOptions) {
    this.#options = options
  }

  /** Undefined before the first look. */
  get judgement(): LagJudgement | undefined {
    return this.#judgement
  }

  /** The lanes that were behind when it looked last. */
  get lanes(): Look['lanes'] {
    return this.#looks.at(-1)?.lanes ?? []
  }

  get polledBytesPerSecond(): number {
    return bytesPerSecondOf(this.#looks)
  }

  start(): void {
    const { clock } = this.#options
    this.#isAtRest = false
    this.#timer = clock.after(inStep(clock, lagLookIntervalMs), () => {
      this.#look()
      if (this.#hasNothingToSee) this.#isAtRest = true
      else this.start()
    })
  }

  stop(): void {
    this.#isAtRest = false
    this.#timer?.cancel()
  }

  /** Something happens to the mapping. */
  stir(): void {
    if (!this.#isAtRest) return
    // All is as it was: so it would have seen, had it looked on.
    const nowMs = this.#options.clock.now()
    this.#looks = this.#looks.map((look, index, { length }) => {
      return { ...look, atMs: nowMs - (length - 1 - index) * lagLookIntervalMs }
    })
    this.start()
  }

  get #hasNothingToSee(): boolean {
    const { cause } = this.#judgement ?? {}
    if (cause !== 'none' || this.#looks.length < lagLooksMax) return false
    return this.#looks.every(({ lanes, invocationsInFlight, polledBytes, throttles }) => {
      const isQuiet = lanes.length === 0 && invocationsInFlight === 0
      const [first] = this.#looks
      return isQuiet && polledBytes === first?.polledBytes && throttles === first.throttles
    })
  }

  #look(): void {
    const { clock, look, circumstances, judged } = this.#options
    const seen = look(clock.now())
    this.#looks = [...this.#looks, seen].slice(-lagLooksMax)
    const before = this.#judgement
    this.#judgement = judgeLag(this.#options, this.#looks, circumstances())
    judged(this.#judgement, before)
  }
}

/** What the registry keeps of it. */
export function mappingLag(
  { cause, detail, records, ageMs, trendPerSecond, atMs }: LagJudgement,
  lanes: readonly LaneLook[],
): MappingLag {
  const furthest = lanes.toSorted((a, b) => b.records - a.records).slice(0, lagPartitionsMax)
  return {
    atMs,
    cause,
    detail,
    records,
    ageMs: Math.round(ageMs),
    trendPerSecond: Math.round(trendPerSecond),
    partitions: furthest.map(partitionLag),
  }
}

function partitionLag({ partition, records, ageMs }: LaneLook): PartitionLag {
  return { partition, records, ...(ageMs === undefined ? {} : { ageMs: Math.round(ageMs) }) }
}
