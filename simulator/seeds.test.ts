// Runs random mappings under random traffic and failures, and holds each to what it promises.
import { expect, test } from 'vitest'
import { SimulationWitness } from '../test/support/simulation-witness.ts'
import { randomFrom, type Random } from './random.ts'
import { isStream, noFailures, type Scenario } from './scenario.ts'
import { Simulation } from './simulation.ts'

/** `SEED=` replays one; `SEEDS=` is how many there are. */
const only = process.env['SEED']
const first = only === undefined ? 1 : Number(only)
const seeds = only === undefined ? Number(process.env['SEEDS'] ?? 500) : 1
const drainMaxMs = 4 * 3_600_000

function randomScenario(seed: number): Scenario {
  const random = randomFrom(seed, 'scenario')
  const pick = <T>(...of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
  const sometimes = (chance: number, value: number): number => (random() < chance ? value : 0)
  const partitions = 1 + Math.floor(random() * 6)
  const seconds = pick(2, 5, 10)
  const minimum = 1 + Math.floor(random() * 4)
  return {
    name: `seed ${seed}`,
    seed,
    seconds,
    pace: pick('local', 'local', 'aws'),
    depth: 'exact',
    traffic: {
      steps: stepsOf(random, seconds),
      partitions,
      recordBytes: pick(10, 100, 1000),
      keys: pick(0, 5),
      keySkew: 1,
      matching: pick(1, 1, 0.5),
    },
    function: {
      memoryMb: 128,
      timeoutMs: 3000,
      concurrency: pick(1000, 5, 1),
      duration: pick('constant', 'normal', 'lognormal'),
      batchMs: pick(0, 20, 200, 1000),
      recordMs: pick(0, 5),
      spread: 0.5,
      coldStartMs: pick(0, 100),
    },
    mapping: {
      batchSize: pick(1, 2, 7, 100),
      windowMs: pick(0, 100, 500, 2000),
      retriesMax: pick(0, 1, 3, Infinity),
      recordAgeMaxMs: pick(60_000, 60_000, Infinity),
      bisects: random() < 0.4,
      reportsItemFailures: random() < 0.5,
      hasDestination: random() < 0.5,
      parallelizationFactor: pick(1, 1, 2, 4, 10),
      ...pick({}, {}, { tumblingWindowMs: pick(1000, 3000) }),
      ...(random() < 0.5 ? {} : { provisioned: { minimum, maximum: minimum + 3 } }),
    },
    failures: {
      ...noFailures,
      errors: sometimes(0.4, 0.2),
      timeouts: sometimes(0.2, 0.05),
      unreached: sometimes(0.3, 0.1),
      lostAnswers: sometimes(0.3, 0.1),
      poison: sometimes(0.5, 0.02),
      poisonTimes: pick(1, 3, Infinity),
      duplicateReads: sometimes(0.5, 0.2),
      commitErrors: sometimes(0.5, 0.2),
      destinationErrors: sometimes(0.5, 0.3),
      pollerCrashesPerHour: sometimes(0.4, 400),
      pollerDownMs: 2000,
      brokerCrashesPerHour: sometimes(0.4, 300),
      brokerDownMs: pick(500, 50_000),
      rebalancesPerHour: sometimes(0.4, 600),
      secondPollerMs: 3000,
    },
  }
}

/** A third reads a stream, whose shards are split and merged meanwhile. */
function sometimesOfStream(scenario: Scenario): Scenario {
  const random = randomFrom(scenario.seed, 'stream')
  if (random() < 2 / 3) return scenario
  const { traffic, mapping, failures, seconds } = scenario
  let shards = traffic.partitions
  const reshardings = [0.3, 0.6, 0.9].map((share) => {
    const least = Math.ceil(shards / 2)
    shards = least + Math.floor(random() * (2 * shards - least + 1))
    return { second: seconds * share, shards }
  })
  return {
    ...scenario,
    // Windows wait longer there than any fault keeps records away.
    pace: mapping.tumblingWindowMs === undefined ? scenario.pace : 'aws',
    traffic: { ...traffic, source: 'kinesis', reshardings },
    // A stream is read by one poller.
    failures: { ...failures, rebalancesPerHour: 0 },
  }
}

function stepsOf(random: Random, seconds: number) {
  const rate = 5 + Math.floor(random() * 60)
  return [
    { seconds: seconds / 2, rate },
    { seconds: seconds / 2, rate: rate * 2, to: random() < 0.5 ? 0 : rate * 2 },
  ]
}

/** Without what ends by itself nothing would ever be through: a function that always fails is not one. */
function calmed(scenario: Scenario): Scenario {
  const { mapping, failures } = scenario
  const isEndless = mapping.retriesMax === Infinity && mapping.recordAgeMaxMs === Infinity
  // Of a topic alone a destination ends retries.
  if (!isEndless || (mapping.hasDestination && !isStream(scenario))) return scenario
  return { ...scenario, failures: { ...failures, poisonTimes: Math.min(3, failures.poisonTimes) } }
}

/** Runs it through, and says what came of it. */
function witnessed(scenario: Scenario): SimulationWitness {
  const witness: SimulationWitness = new SimulationWitness(() => simulation)
  const simulation: Simulation = new Simulation(scenario, witness)
  simulation.run(scenario.seconds * 1000)
  simulation.calm()
  let untilMs = scenario.seconds * 1000
  while (!simulation.isDrained) {
    untilMs += 10_000
    expect(untilMs, 'it never ends').toBeLessThan(drainMaxMs)
    simulation.run(untilMs)
  }
  const { topic, group, nowMs } = simulation
  for (let partition = 0; partition < topic.partitions; partition++) {
    const end = topic.end(partition, nowMs)
    expect(witness.doneUpTo(partition), `fates in partition ${partition}`).toBe(end)
    // The end of a shard that is closed counts as one more record.
    expect(group.committed[partition]).toBe(end + (topic.isClosed(partition, nowMs) ? 1 : 0))
  }
  witness.windows.check()
  return witness
}

test(
  `${seeds} mappings from seed ${first} on keep what they promise`,
  { timeout: 3_600_000 },
  () => {
    let [discards, retries, finals, closed] = [0, 0, 0, 0]
    for (let seed = first; seed < first + seeds; seed++) {
      try {
        const witness = witnessed(calmed(sometimesOfStream(randomScenario(seed))))
        closed += witness.shardsClosed
        discards += witness.discards
        retries += witness.retries
        finals += witness.windows.finals
      } catch (error) {
        throw new Error(`SEED=${seed} replays it`, { cause: error })
      }
    }
    if (only !== undefined) return
    expect(discards).toBeGreaterThan(seeds)
    expect(retries).toBeGreaterThan(seeds)
    expect(finals).toBeGreaterThan(seeds)
    expect(closed).toBeGreaterThan(seeds)
  },
)
