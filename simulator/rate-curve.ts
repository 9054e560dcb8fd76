// Says how many records have been sent at any moment: a rate that stays, jumps or climbs, as an exact integral.

/** For so long the rate is `rate`, or goes evenly from there to `to`. */
export interface RateStep {
  readonly seconds: number
  /** Records per second. */
  readonly rate: number
  readonly to?: number
}

interface Stretch {
  readonly startMs: number
  readonly endMs: number
  /** Records per millisecond at its start, and what that gains in each. */
  readonly rate: number
  readonly climb: number
  /** Records sent before it. */
  readonly before: number
}

/** Times are milliseconds since the start. After the last step nothing is sent. */
export class RateCurve {
  readonly #stretches: readonly Stretch[]
  readonly #total: number
  readonly lengthMs: number

  constructor(steps: readonly RateStep[]) {
    const stretches: Stretch[] = []
    let startMs = 0
    let before = 0
    for (const { seconds, rate, to = rate } of steps) {
      const lengthMs = seconds * 1000
      const climb = lengthMs === 0 ? 0 : (to - rate) / 1000 / lengthMs
      stretches.push({ startMs, endMs: startMs + lengthMs, rate: rate / 1000, climb, before })
      startMs += lengthMs
      before += ((rate + to) / 2) * seconds
    }
    this.#stretches = stretches
    this.#total = before
    this.lengthMs = startMs
  }

  /** Records per second. */
  rateAt(elapsedMs: number): number {
    const at = this.#stretches.find(({ endMs }) => elapsedMs < endMs)
    return at === undefined ? 0 : 1000 * (at.rate + at.climb * (elapsedMs - at.startMs))
  }

  /** Records sent by then, a fraction included. */
  sentBy(elapsedMs: number): number {
    if (elapsedMs >= this.lengthMs) return this.#total
    const at = this.#stretches.find(({ endMs }) => elapsedMs < endMs)
    if (at === undefined) return this.#total
    const spentMs = Math.max(0, elapsedMs - at.startMs)
    return at.before + spentMs * (at.rate + (at.climb * spentMs) / 2)
  }

  /** When so many had been sent; Infinity for more than there are. */
  timeOf(records: number): number {
    for (let index = this.#stretches.length - 1; index >= 0; index--) {
      const stretch = this.#stretches[index]
      if (stretch === undefined || stretch.before >= records) continue
      const time = stretch.startMs + spentMs(stretch, records - stretch.before)
      return time <= stretch.endMs + 1e-6 ? time : Infinity
    }
    return 0
  }
}

/** How long into a stretch so many of its records are sent: the root of climb/2·t² + rate·t = records. */
function spentMs({ rate, climb }: Stretch, records: number): number {
  if (climb === 0) return rate === 0 ? Infinity : records / rate
  const root = rate * rate + 2 * climb * records
  return root < 0 ? Infinity : (2 * records) / (rate + Math.sqrt(root))
}
