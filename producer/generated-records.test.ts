// Tests the generated records: their size, shape, spread and repeatability.
import { expect, test } from 'vitest'
import {
  createGeneratedRecords,
  generatedSizeMaxBytes,
  generatedSizeMinBytes,
  type GeneratedRecordsOptions,
} from './generated-records.ts'
import type { SourceRecord } from './record-source.ts'

interface Telemetry {
  readonly fleet_id: string
  readonly vehicle_id: string
  readonly tire_pressure: number
  readonly recorded_at: number
  readonly sequence: number
}

const defaults = { sizeBytes: 300, keys: 100, seed: 1, now: () => 1_795_253_262_275 }

function take(
  count: number,
  options: Partial<GeneratedRecordsOptions> = {},
): Promise<readonly SourceRecord[]> {
  return createGeneratedRecords({ ...defaults, ...options }).take(count)
}

function parsed(records: readonly SourceRecord[]): Telemetry[] {
  return records.map(({ value }) => JSON.parse(value.toString()) as Telemetry)
}

test.each([generatedSizeMinBytes, 201, 1500, generatedSizeMaxBytes])(
  'a value of %i bytes is JSON of exactly that size',
  async (sizeBytes) => {
    const records = await take(5, { sizeBytes, keys: 1_000_000, now: () => 9_999_999_999_999 })
    expect(records.map(({ value }) => value.length)).toEqual(Array(5).fill(sizeBytes))
    expect(parsed(records).map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4])
  },
)

test('a record has the fields of telemetry, and its vehicle as key', async () => {
  const [record] = await take(1)
  const value = JSON.parse(record?.value.toString() ?? '') as Telemetry
  expect(value).toEqual({
    fleet_id: expect.stringMatching(/^fleet-\d+$/) as string,
    vehicle_id: record?.key,
    wheel: expect.stringMatching(/^(front|rear)-(left|right)$/) as string,
    tire_pressure: expect.any(Number) as number,
    temperature_c: expect.any(Number) as number,
    recorded_at: 1_795_253_262_275,
    sequence: 0,
    padding: expect.stringMatching(/^[a-z0-9]+$/) as string,
  })
  expect(record?.key).toMatch(/^v-0000\d\d$/)
})

test('two percent of the tyre pressures are below 25, the others from 30 to 36', async () => {
  const pressures = parsed(await take(20_000)).map((record) => record.tire_pressure)
  const low = pressures.filter((pressure) => pressure < 25)
  expect(low.length / pressures.length).toBeCloseTo(0.02, 2)
  const rest = pressures.filter((pressure) => pressure >= 25)
  expect(Math.min(...rest)).toBe(30)
  expect(Math.max(...rest)).toBe(36)
})

test('there are as many keys as asked for, and a vehicle stays in its fleet', async () => {
  const records = await take(5000, { keys: 100 })
  expect(new Set(records.map(({ key }) => key)).size).toBe(100)
  const pairs = new Set(parsed(records).map((r) => `${r.fleet_id} ${r.vehicle_id}`))
  expect(pairs.size).toBe(100)
})

test('no keys means records without a key', async () => {
  expect(new Set((await take(10, { keys: 0 })).map(({ key }) => key))).toEqual(new Set([null]))
})

test('the same seed gives the same values, another seed gives others', async () => {
  const texts = async (seed: number): Promise<string[]> =>
    (await take(50, { seed })).map(({ value }) => value.toString())
  expect(await texts(7)).toEqual(await texts(7))
  expect(await texts(8)).not.toEqual(await texts(7))
})

test.each([
  [{ sizeBytes: 199 }, '--size: 199 is not from 200 to'],
  [{ sizeBytes: -1 }, '--size: -1 is not from 200 to'],
  [{ sizeBytes: 1024 * 1024 }, '--size: 1048576 is not from 200 to 1048076'],
  [{ keys: 1_000_001 }, '--keys: 1000001 is not from 0 to 1000000'],
])('%j is refused', (options, reason) => {
  expect(() => createGeneratedRecords({ ...defaults, ...options })).toThrow(reason)
})
