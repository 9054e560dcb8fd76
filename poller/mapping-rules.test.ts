// Tests what a mapping that says nothing has, in AWS's numbers, and what it may say instead.
import { expect, test } from 'vitest'
import { mappingRecord } from '../test/support/registry-contract.ts'
import type { MappingRecord } from '../control/registry/registry.ts'
import type { MappingRules } from './batch.ts'
import { rulesOf } from './mapping-slot.ts'
import type { PaceName } from './scaling-pace.ts'

function rules(change: Partial<MappingRecord> = {}, pace: PaceName = 'local'): MappingRules {
  const found = rulesOf(mappingRecord(change), ['b:9092'], pace)
  if (typeof found === 'string') throw new Error(found)
  return found
}

test('of a topic the window is 500 ms, which no number of seconds says, and the payload 6 MB', () => {
  expect(rules()).toMatchObject({ batchSize: 100, windowMs: 500, payloadMaxBytes: 6_291_556 })
  expect(rules({ batchingWindowSeconds: 0 }).windowMs).toBe(0)
  expect(rules({ batchingWindowSeconds: 300 }).windowMs).toBe(300_000)
})

test('nothing said of failures is to try again without end and without age, as a whole', () => {
  expect(rules().failure).toMatchObject({
    retriesMax: Infinity,
    recordAgeMaxMs: Infinity,
    bisects: false,
    reportsItemFailures: false,
  })
})

test('on demand there is one event poller and no bound but the partitions; provisioned as it says', () => {
  expect(rules()).toMatchObject({ pollersMin: 1, invocationsPerPoller: 5 })
  expect(rules().pollersMax).toBeGreaterThanOrEqual(10_000)
  const provisionedPollers = { minimum: 3, maximum: 200 }
  expect(rules({ provisionedPollers })).toMatchObject({ pollersMin: 3, pollersMax: 200 })
})

test('at the pace of AWS a look is a minute, its effect within three, and an event poller reads 5 MB a second', () => {
  expect(rules({}, 'aws').pace).toMatchObject({
    intervalMs: 60_000,
    effectMaxMs: 180_000,
    pollerBytesPerSecond: 5 * 1024 * 1024,
  })
  const provisionedPollers = { minimum: 1, maximum: 1 }
  expect(rules({ provisionedPollers }, 'aws').pace).toMatchObject({
    intervalMs: 1000,
    effectMaxMs: 0,
    pollerBytesPerSecond: 5 * 1024 * 1024,
  })
  expect(rules().pace).toMatchObject({ intervalMs: 1000, pollerBytesPerSecond: Infinity })
})
