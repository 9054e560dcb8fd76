// Says how many records are due at any moment of a run: a base rate with spikes, as an exact integral.
import { AppError } from '../common/errors.ts'
import * as limits from '../common/limits.ts'
import { parseMilliseconds } from '../common/quantities.ts'

/** From `startMs` after the start of the run, for `lengthMs`, `rate` takes the place of the base. */
export interface Spike {
  /** Records per second. */
  readonly rate: number
  readonly startMs: number
  readonly lengthMs: number
}

/** Invariant: `dueBy` never decreases, and grows by `rateAt / 1000` per millisecond, rounded down. */
export interface Profile {
  /** Records per second at a moment of the run. */
  rateAt(elapsedMs: number): number
  /** Records that must have been sent by a moment of the run (whole milliseconds). */
  dueBy(elapsedMs: number): number
}

/** As fast as the broker acknowledges: everything is always due. */
export const unboundedProfile: Profile = {
  rateAt: () => Infinity,
  dueBy: () => Infinity,
}

/** A base rate in records per second, and spikes that do not overlap (see `parseSpikes`). */
export function createProfile(rate: number, spikes: readonly Spike[]): Profile {
  return {
    rateAt: (elapsedMs) => spikes.find((spike) => overlapMs(spike, elapsedMs, 1) > 0)?.rate ?? rate,
    dueBy: (elapsedMs) => {
      let thousandths = rate * elapsedMs
      for (const spike of spikes) {
        thousandths += (spike.rate - rate) * overlapMs(spike, 0, elapsedMs)
      }
      return Math.floor(thousandths / 1000)
    },
  }
}

function overlapMs({ startMs, lengthMs }: Spike, fromMs: number, forMs: number): number {
  const end = Math.min(startMs + lengthMs, fromMs + forMs)
  return Math.max(0, end - Math.max(startMs, fromMs))
}

/**
 * `"9000@10s:20s,500@1m:5s"` → spikes in the order of their start; an empty text is none. Throws
 * AppError CONFIG_INVALID for a text of another form and for spikes that overlap.
 */
export function parseSpikes(text: string): readonly Spike[] {
  if (text.trim() === '') return []
  const spikes = text.split(',').map(parseSpike)
  spikes.sort((a, b) => a.startMs - b.startMs)
  for (const [index, spike] of spikes.entries()) {
    const next = spikes[index + 1]
    if (next !== undefined && next.startMs < spike.startMs + spike.lengthMs) {
      throw invalid(text, 'has spikes that overlap')
    }
  }
  return spikes
}

/** `"9000@10s:20s"` → a spike; throws AppError CONFIG_INVALID. */
export function parseSpike(text: string): Spike {
  const [, rateText, start, length] = /^\s*(\d+)@([^:@]+):([^:@]+?)\s*$/.exec(text) ?? []
  if (rateText === undefined || start === undefined || length === undefined) {
    throw invalid(text, 'is not RATE@START:LENGTH, for example 9000@10s:20s')
  }
  const [rate, startMs, lengthMs] = [
    Number(rateText),
    parseMilliseconds(start),
    parseMilliseconds(length),
  ]
  if (rate > limits.producerRateMax) {
    throw invalid(text, `asks for more than ${limits.producerRateMax} records per second`)
  }
  if (startMs === undefined || startMs < 0) throw invalid(text, `starts at no time: "${start}"`)
  if (lengthMs === undefined || lengthMs <= 0) throw invalid(text, `lasts no time: "${length}"`)
  return { rate, startMs, lengthMs }
}

function invalid(text: string, reason: string): AppError {
  return new AppError('CONFIG_INVALID', { setting: '--spike', reason: `"${text}" ${reason}` })
}
