// Tests that counting records comes to what making each of them does.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Measurements, total } from './measurements.ts'
import { defaultScenario, noFailures, type Scenario } from './scenario.ts'
import type { Report } from './report.ts'
import { Simulation } from './simulation.ts'

const run = promisify(execFile)

const spike: Scenario = {
  ...defaultScenario,
  seconds: 40,
  traffic: {
    ...defaultScenario.traffic,
    steps: [
      { seconds: 15, rate: 500 },
      { seconds: 25, rate: 2000 },
    ],
    partitions: 20,
    recordBytes: 200,
  },
  function: { ...defaultScenario.function, batchMs: 200 },
  mapping: { ...defaultScenario.mapping, batchSize: 20, windowMs: 500 },
}

function outcomeOf(scenario: Scenario) {
  const measurements = new Measurements()
  const simulation = new Simulation(scenario, measurements)
  for (let second = 1; second <= scenario.seconds; second++) {
    simulation.run(second * 1000)
    measurements.sample(simulation, 1000)
  }
  const { samples, ages } = measurements
  const mean = (of: (sample: (typeof samples)[number]) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  return {
    depth: simulation.depth.name,
    invocations: simulation.function.invocations,
    handled: simulation.function.handledRecords,
    filteredOut: total(simulation, (counters) => counters.filteredOutEvents),
    destination: total(simulation, (counters) => counters.destinationEvents),
    dropped: total(simulation, (counters) => counters.droppedEvents),
    retries: total(simulation, (counters) => counters.retries),
    lagRecords: mean(({ lagRecords }) => lagRecords),
    lagSeconds: mean(({ lagSeconds }) => lagSeconds),
    concurrency: mean(({ concurrencyMost }) => concurrencyMost),
    pollers: mean(({ pollers }) => pollers),
    ageMs: ages.mean,
  }
}

/** The mean of some runs: what goes wrong falls on other records in each. */
function meanOutcome(scenario: Scenario, seeds: number): ReadonlyMap<string, number> {
  const means = new Map<string, number>()
  for (let seed = 1; seed <= seeds; seed++) {
    const { depth, ...numbers } = outcomeOf({ ...scenario, seed })
    expect(depth).toBe(scenario.depth)
    for (const [name, value] of Object.entries(numbers)) {
      means.set(name, (means.get(name) ?? 0) + value / seeds)
    }
  }
  return means
}

/** Each within a share of the other. */
function expectAlike(scenario: Scenario, share: number, seeds = 1): ReadonlyMap<string, number> {
  const exact = meanOutcome({ ...scenario, depth: 'exact' }, seeds)
  const counted = meanOutcome({ ...scenario, depth: 'counted' }, seeds)
  for (const [name, value] of exact) {
    const other = counted.get(name) ?? 0
    const off = Math.abs(other - value)
    // What happens by chance, a few times a run, is a count with its own spread: three times that of a difference.
    const spread = 3 * Math.sqrt((2 * value) / seeds)
    const room = Math.max(share * value, name.endsWith('Seconds') ? 0.15 : Math.max(5, spread))
    expect(off, `${name}: ${value} made, ${other} counted`).toBeLessThanOrEqual(room)
  }
  return exact
}

test('a spike comes to the same whether its records are made or counted', () => {
  expect(expectAlike(spike, 0.05).get('handled')).toBeGreaterThan(50_000)
})

test('so does a mapping that filters, at a function that errs, with records that are poison', () => {
  const outcome = expectAlike(
    {
      ...spike,
      traffic: { ...spike.traffic, matching: 0.5 },
      mapping: {
        ...spike.mapping,
        retriesMax: 1,
        reportsItemFailures: true,
        hasDestination: true,
      },
      failures: { ...noFailures, errors: 0.02, poison: 0.002 },
    },
    0.15,
    3,
  )
  expect(outcome.get('retries')).toBeGreaterThan(50)
  expect(outcome.get('filteredOut')).toBeGreaterThan(20_000)
  expect(outcome.get('destination')).toBeGreaterThan(20)
})

test('and one that splits batches, with a concurrency that throttles', () => {
  expectAlike(
    {
      ...spike,
      function: { ...spike.function, concurrency: 12, duration: 'lognormal', spread: 0.4 },
      mapping: { ...spike.mapping, bisects: true, retriesMax: 0 },
      failures: { ...noFailures, poison: 0.001 },
    },
    0.15,
    3,
  )
})

/** Simulates a scenario of those that we ship, as a user does; the first seconds of it. */
async function shipped(name: string, seconds: number): Promise<Report> {
  const config = fileURLToPath(new URL(`./scenarios/${name}.json`, import.meta.url))
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const argv = [main, 'simulate', '--config', config, '--seconds', String(seconds), '--json']
  const { stdout } = await run(process.execPath, argv, { maxBuffer: 16 * 1024 * 1024 })
  return JSON.parse(stdout) as Report
}

/** After how many minutes from `fromSecond` on the lag stays below two seconds, until `toSecond`. */
function caughtUpAfterMinutes({ samples }: Report, fromSecond: number, toSecond: number): number {
  const within = samples.filter(({ second }) => second > fromSecond && second <= toSecond)
  const behind = within.findLast(({ lagSeconds }) => lagSeconds >= 2)
  return ((behind?.second ?? fromSecond) - fromSecond) / 60
}

test(
  "AWS's measurement of a spike: on demand it takes minutes twice, provisioned next to none",
  { timeout: 120_000 },
  async () => {
    // Published, read off a picture: about 7 minutes after the start, about 15 after the spike.
    const onDemand = await shipped('spike-on-demand', 1900)
    expect(caughtUpAfterMinutes(onDemand, 0, 900)).toBeGreaterThan(3)
    expect(caughtUpAfterMinutes(onDemand, 0, 900)).toBeLessThan(9)
    expect(caughtUpAfterMinutes(onDemand, 900, 1900)).toBeGreaterThan(6)
    expect(caughtUpAfterMinutes(onDemand, 900, 1900)).toBeLessThan(16)
    const provisioned = await shipped('spike-provisioned', 1000)
    expect(provisioned.most.lagSeconds).toBeLessThan(3)
    expect(provisioned.most.pollers).toBeLessThan(20)
  },
)
