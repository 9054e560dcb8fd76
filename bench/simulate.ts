// Measures the simulator: ten minutes of a million records a second over 10,000 partitions, and records made one by one.
import { parseArgs } from 'node:util'
import { simulate } from '../simulator/report.ts'
import { defaultScenario, type Scenario } from '../simulator/scenario.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '600' }, 'batch-size': { type: 'string' } },
})
const seconds = Number(values.seconds)

const large: Scenario = {
  ...defaultScenario,
  depth: 'counted',
  seconds,
  traffic: {
    ...defaultScenario.traffic,
    steps: [{ seconds, rate: 1_000_000 }],
    partitions: 10_000,
  },
  function: { ...defaultScenario.function, concurrency: 5000 },
  mapping: { ...defaultScenario.mapping, batchSize: Number(values['batch-size'] ?? 100) },
}

/** As much as is still made and not counted. */
const small: Scenario = {
  ...defaultScenario,
  depth: 'exact',
  seconds: 50,
  traffic: { ...defaultScenario.traffic, steps: [{ seconds: 50, rate: 10_000 }], partitions: 100 },
  mapping: { ...defaultScenario.mapping, batchSize: 100 },
}

function measured(scenario: Scenario) {
  const startMs = performance.now()
  const before = process.cpuUsage()
  const { depth, records, invocations, most } = simulate(scenario)
  const { user, system } = process.cpuUsage(before)
  const tookSeconds = (performance.now() - startMs) / 1000
  return {
    depth,
    simulatedSeconds: scenario.seconds,
    tookSeconds: round(tookSeconds),
    cpuSeconds: round((user + system) / 1e6),
    records: records.written,
    handled: records.handled,
    invocations: invocations.total,
    pollersMost: most.pollers,
    recordsPerSecond: Math.round(records.written / tookSeconds),
    batchesPerSecond: Math.round(invocations.total / tookSeconds),
  }
}

const round = (value: number): number => Math.round(value * 100) / 100

process.stdout.write(
  `${JSON.stringify({ counted: measured(large), made: measured(small) }, null, 2)}\n`,
)
