// Holds the mapping's decisions to the numbers that AWS documents or was seen to give, by simulation.
import { expect, test } from 'vitest'
import type { Batch } from '../poller/batch.ts'
import { batchMessage } from '../poller/destinations/failure-record.ts'
import { sumOf } from '../poller/lane.ts'
import { total } from './measurements.ts'
import { defaultScenario, type Scenario } from './scenario.ts'
import { Simulation, type Observer } from './simulation.ts'
import { startMs, Topic } from './topic.ts'

interface Changes {
  readonly seed?: number
  readonly rate?: number
  /** How long records are written. */
  readonly seconds?: number
  readonly partitions?: number
  readonly pace?: Scenario['pace']
  readonly recordBytes?: number
  readonly function?: Partial<Scenario['function']>
  readonly mapping?: Partial<Scenario['mapping']>
  readonly failures?: Partial<Scenario['failures']>
}

/** A lane, records of one second, a function of no time at all. */
function scenarioWith(changes: Changes): Scenario {
  const { seed = 1, rate = 3, seconds = 1, partitions = 1, recordBytes = 100 } = changes
  return {
    ...defaultScenario,
    seed,
    pace: changes.pace ?? 'local',
    traffic: { ...defaultScenario.traffic, steps: [{ seconds, rate }], partitions, recordBytes },
    function: { ...defaultScenario.function, batchMs: 0, ...changes.function },
    mapping: { ...defaultScenario.mapping, windowMs: 2000, ...changes.mapping },
    failures: { ...defaultScenario.failures, ...changes.failures },
  }
}

interface GivenUp {
  readonly condition: string
  readonly approximateInvokeCount: number
  readonly batchSize: number
}

/** Runs for so long; what the destination got, and how often each record was sent. */
function outcome(changes: Changes, untilSeconds = 3600) {
  const scenario = scenarioWith(changes)
  const givenUp: GivenUp[] = []
  const sightings = new Map<number, number>()
  const observer: Observer = {
    invoked: (_, { groups }: Batch) => {
      for (const { offset } of groups.flatMap(({ records }) => records)) {
        sightings.set(offset, (sightings.get(offset) ?? 0) + 1)
      }
    },
    leaving: (discard, nowMs) => {
      const { frame } = simulation.rules
      const context = { functionArn: 'arn:f', origin: { bootstrapServers: ['b:9092'] }, frame }
      const { value } = batchMessage(discard, context, { nowMs, requestId: 'r' })
      const { requestContext, KafkaBatchInfo } = JSON.parse(value) as {
        requestContext: Omit<GivenUp, 'batchSize'>
        KafkaBatchInfo: Pick<GivenUp, 'batchSize'>
      }
      const { condition, approximateInvokeCount } = requestContext
      givenUp.push({ condition, approximateInvokeCount, batchSize: KafkaBatchInfo.batchSize })
    },
  }
  const simulation: Simulation = new Simulation(scenario, observer)
  simulation.run(untilSeconds * 1000)
  return { simulation, givenUp, sightings }
}

/** A seed whose poison records among the first `records` of partition 0 are these. */
function seedWithPoison(poison: number, records: number, offsets: readonly number[]): number {
  for (let seed = 1; seed < 100_000; seed++) {
    const topic = new Topic(scenarioWith({ seed, failures: { poison } }))
    if (String(topic.poison(0, 0, records)) === String(offsets)) return seed
  }
  throw new Error('no such seed')
}

test.each([
  [0, 1],
  [1, 2],
  [2, 3],
  [Infinity, 11],
])('%s retries are %s invocations', (retriesMax, approximateInvokeCount) => {
  const { givenUp } = outcome({
    mapping: { retriesMax, hasDestination: true },
    failures: { errors: 1 },
  })
  const condition = 'RetryAttemptsExhausted'
  expect(givenUp).toEqual([{ condition, approximateInvokeCount, batchSize: 3 }])
})

test('a record that is named each time is seen once with the others and four times by itself', () => {
  const seed = seedWithPoison(0.2, 3, [2])
  const { givenUp, sightings } = outcome({
    seed,
    mapping: { batchSize: 3, retriesMax: 3, reportsItemFailures: true, hasDestination: true },
    failures: { poison: 0.2 },
  })
  const condition = 'RetryAttemptsExhausted'
  expect(givenUp).toEqual([{ condition, approximateInvokeCount: 4, batchSize: 1 }])
  expect([...sightings.values()]).toEqual([1, 1, 5])
})

test('with an age of 60 s a function that fails at once comes to seven or eight, as recorded', () => {
  const counts = new Set<number>()
  for (let seed = 1; seed <= 40; seed++) {
    const { givenUp } = outcome({
      seed,
      rate: 1,
      seconds: 2,
      mapping: {
        batchSize: 1,
        windowMs: 0,
        recordAgeMaxMs: 60_000,
        hasDestination: true,
        retriesMax: 100,
      },
      failures: { errors: 1 },
    })
    expect(givenUp[0]?.condition).toBe('RecordAgeExceeded')
    counts.add(givenUp[0]?.approximateInvokeCount ?? 0)
  }
  expect([...counts].toSorted((a, b) => a - b)).toEqual([7, 8])
})

test('what is too old before it is sent counts one invocation', () => {
  const { givenUp, sightings } = outcome({
    rate: 2,
    seconds: 2,
    function: { batchMs: 70_000, timeoutMs: 100_000 },
    mapping: { batchSize: 1, windowMs: 0, recordAgeMaxMs: 60_000, hasDestination: true },
  })
  const condition = 'RecordAgeExceeded'
  expect(sightings.size).toBe(1)
  expect(givenUp.length).toBeGreaterThan(1)
  for (const each of givenUp) {
    expect(each).toEqual({ condition, approximateInvokeCount: 1, batchSize: 1 })
  }
})

test('splitting takes no retries: the one bad record of eight is found without any', () => {
  const { givenUp, sightings, simulation } = outcome({
    seed: seedWithPoison(0.1, 8, [5]),
    rate: 8,
    mapping: { batchSize: 8, retriesMax: 0, bisects: true, hasDestination: true },
    failures: { poison: 0.1 },
  })
  const condition = 'RetryAttemptsExhausted'
  expect(givenUp).toEqual([{ condition, approximateInvokeCount: 1, batchSize: 1 }])
  // 8 and 4 and 2 and 1 records with it; the others as often as they were beside it, and once more.
  expect([...sightings.values()]).toEqual([2, 2, 2, 2, 4, 4, 3, 3])
  expect(simulation.function.handledRecords).toBe(7)
})

test('throttles take no retries', () => {
  const { givenUp, simulation } = outcome({
    rate: 40,
    partitions: 8,
    function: { batchMs: 2000, concurrency: 1 },
    mapping: { batchSize: 5, windowMs: 0, retriesMax: 0, hasDestination: true },
  })
  expect(simulation.function.throttles).toBeGreaterThan(5)
  expect(givenUp).toEqual([])
  expect(simulation.isDrained).toBe(true)
})

test("an event poller comes to AWS's sizing: batch × 1000 ÷ duration × 5 records a second", () => {
  const { simulation } = outcome(
    {
      rate: 5000,
      seconds: 10,
      partitions: 20,
      function: { batchMs: 50 },
      mapping: { batchSize: 20, windowMs: 0, provisioned: { minimum: 1, maximum: 1 } },
    },
    10,
  )
  expect(simulation.function.handledRecords / 10).toBeGreaterThan(1950)
  expect(simulation.function.handledRecords / 10).toBeLessThan(2050)
  expect(simulation.function.most).toBe(5)
})

test("at AWS's pace an event poller reads 5 MB a second, at ours as much as it can", () => {
  const load: Changes = {
    rate: 1000,
    seconds: 10,
    partitions: 10,
    recordBytes: 15_000,
    function: { batchMs: 10 },
    mapping: { batchSize: 20, windowMs: 0, provisioned: { minimum: 1, maximum: 1 } },
  }
  const paced = outcome({ ...load, pace: 'aws' }, 10).simulation.function.handledRecords
  // As event text, base64 and all, of about 20 kB each; a second's worth may be read at once.
  expect((paced * 20_130) / 11 / (5 * 1024 * 1024)).toBeCloseTo(1, 1)
  expect(outcome(load, 10).simulation.function.handledRecords).toBeGreaterThan(9000)
})

test('a batch closes at 6 MB, and takes from several partitions', () => {
  const sizes: number[] = []
  const lanes: number[] = []
  const scenario = scenarioWith({ rate: 50, seconds: 2, partitions: 4, recordBytes: 400_000 })
  const simulation = new Simulation(scenario, {
    invoked: (_, { groups }) => {
      sizes.push(sumOf(groups.flatMap(({ records }) => records)))
      lanes.push(groups.length)
    },
  })
  simulation.run(20_000)
  // 400 kB are 533 kB as base64: eleven fill 6 MB.
  expect(Math.max(...sizes)).toBe(11)
  expect(Math.max(...lanes)).toBeGreaterThan(1)
  expect(simulation.isDrained).toBe(true)
})

test('a record that no event can hold is skipped, or goes to the destination without an invocation', () => {
  const load: Changes = { rate: 1, seconds: 2, recordBytes: 6_000_000 }
  const skipped = outcome(load, 30).simulation
  expect(total(skipped, (counters) => counters.oversizedEvents)).toBeGreaterThan(0)
  expect(skipped.function.invocations).toBe(0)
  const { givenUp, simulation } = outcome({ ...load, mapping: { hasDestination: true } }, 30)
  expect(givenUp[0]).toMatchObject({ condition: 'MaximumPayloadSizeExceeded' })
  expect([simulation.function.invocations, simulation.isDrained]).toEqual([0, true])
})

test('on demand and without rules a batch is tried until it goes through', () => {
  const { simulation, sightings } = outcome({
    seed: seedWithPoison(0.2, 3, [1]),
    failures: { poison: 0.2, poisonTimes: 20 },
  })
  expect(sightings.get(0)).toBe(21)
  expect(simulation.isDrained).toBe(true)
  // Waits double to a minute: 1, 2, 4, 8, 16, 32, and fourteen of 60 s, by a fifth more or less.
  expect(simulation.nowMs - startMs).toBeGreaterThan(900_000)
})
