// Generates telemetry of a fleet of vehicles: JSON of an exact size, repeatable from a seed.
import { AppError } from '../common/errors.ts'
import * as limits from '../common/limits.ts'
import type { RecordSource, SourceRecord } from './record-source.ts'

export interface GeneratedRecordsOptions {
  /** Of each value, exactly; from `generatedSizeMinBytes` to `generatedSizeMaxBytes`. */
  readonly sizeBytes: number
  /** How many vehicles, and so how many keys; 0 means a thousand vehicles and no keys. */
  readonly keys: number
  readonly seed: number
  /** Milliseconds since the epoch, for `recorded_at`. */
  readonly now: () => number
}

/** The fields at their longest, around an empty padding. */
export const generatedSizeMinBytes = 200

/** What fits into a topic's largest batch beside header, key and length fields. */
export const generatedSizeMaxBytes = limits.recordBatchMaxBytes - 512

/** Vehicle numbers have six digits. */
export const generatedKeysMax = 1_000_000

const fleets = 40
const wheels = ['front-left', 'front-right', 'rear-left', 'rear-right'] as const
/** Of a hundred records, those with a tyre pressure below 25, which a healthy one never has. */
const lowPressurePercent = 2
const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'

/**
 * Endless records `{"fleet_id","vehicle_id","wheel","tire_pressure","temperature_c","recorded_at",
 * "sequence","padding"}`, keyed by vehicle. Pressures are 30 to 36; two percent are 15 to 24.9.
 * Throws AppError CONFIG_INVALID for a size or number of keys outside its bounds.
 */
export function createGeneratedRecords(options: GeneratedRecordsOptions): RecordSource {
  const { sizeBytes, keys, now } = options
  check('--size', sizeBytes, generatedSizeMinBytes, generatedSizeMaxBytes)
  check('--keys', keys, 0, generatedKeysMax)
  const random = createRandom(options.seed)
  const vehicles = keys === 0 ? 1000 : keys
  const padding = Buffer.from(
    Array.from({ length: sizeBytes }, () => letters[random(letters.length)]).join(''),
    'latin1',
  )
  padding.write('"}', sizeBytes - 2, 'latin1')
  let sequence = 0

  function next(): SourceRecord {
    const number = random(vehicles)
    const vehicle = `v-${String(number).padStart(6, '0')}`
    const tenths = random(100) < lowPressurePercent ? 150 + random(100) : 300 + random(61)
    const head =
      `{"fleet_id":"fleet-${number % fleets}","vehicle_id":"${vehicle}",` +
      `"wheel":"${wheels[random(4)]}","tire_pressure":${tenths / 10},` +
      `"temperature_c":${(150 + random(200)) / 10},"recorded_at":${now()},` +
      `"sequence":${sequence++},"padding":"`
    const value = Buffer.allocUnsafe(sizeBytes)
    padding.copy(value, head.length, head.length)
    value.write(head, 0, 'latin1')
    return { key: keys === 0 ? null : vehicle, value }
  }

  return {
    take: (max) => Promise.resolve(Array.from({ length: max }, next)),
    close: () => {},
  }
}

function check(setting: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return
  const reason = `${value} is not from ${min} to ${max}`
  throw new AppError('CONFIG_INVALID', { setting, reason })
}

/** Whole numbers from 0 to below `bound`; xorshift32: fast, even enough, the same everywhere. */
function createRandom(seed: number): (bound: number) => number {
  // Spread, so that neighbouring seeds do not begin alike; xorshift has no state 0.
  let state = Math.imul(seed + 1, 0x9e3779b1) || 1
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return Math.floor(((state >>> 0) / 2 ** 32) * bound)
  }
}
