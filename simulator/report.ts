// What a simulation came to, as JSON and as a table for people.
import { shardBytesInPerSecond, shardRecordsInPerSecond } from '../common/stream-limits.ts'
import { Measurements, total, type Sample } from './measurements.ts'
import { costOf, prices, type Cost } from './prices.ts'
import { isStream, type Scenario } from './scenario.ts'
import { Simulation } from './simulation.ts'

export interface Report {
  readonly scenario: Scenario
  readonly depth: 'exact' | 'counted'
  readonly records: {
    readonly written: number
    readonly filteredOut: number
    /** A record that the function worked through twice counts twice. */
    readonly handled: number
    readonly dropped: number
    readonly toDestination: number
    readonly lagAtEnd: number
  }
  readonly invocations: {
    readonly total: number
    readonly errors: number
    readonly timeouts: number
    readonly throttles: number
    readonly retries: number
    readonly coldStarts: number
    readonly batchSizeMean: number
  }
  readonly most: {
    readonly concurrency: number
    readonly pollers: number
    readonly lagRecords: number
    readonly lagSeconds: number
  }
  /** How old records were when the function got them first. */
  readonly ageSeconds: { readonly p50: number; readonly p99: number; readonly max: number }
  /** Of a stream alone. */
  readonly shards?: ShardsReport
  /** Of tumbling windows alone: final invocations that succeeded, and windows that were given up. */
  readonly windows?: { readonly ended: number; readonly dropped: number }
  readonly scalings: readonly { readonly reason: string; readonly count: number }[]
  readonly cost: Cost & {
    readonly perHourUsd: number
    readonly region: string
    readonly asOf: string
  }
  readonly samples: readonly Sample[]
}

export interface ShardsReport {
  readonly atStart: number
  readonly atEnd: number
  /** Closed ones too. */
  readonly everOpened: number
  /** Closed ones whose end is committed: their children are read. */
  readonly finished: number
  readonly busiest: { readonly recordsPerSecond: number; readonly bytesPerSecond: number }
}

/** At most so many moments: enough for a picture. */
const samplesMax = 1200

export function simulate(scenario: Scenario): Report {
  const measurements = new Measurements()
  const simulation = new Simulation(scenario, measurements)
  const stepSeconds = Math.ceil(scenario.seconds / samplesMax)
  for (let second = 0; second < scenario.seconds; second += stepSeconds) {
    const untilSecond = Math.min(scenario.seconds, second + stepSeconds)
    simulation.run(untilSecond * 1000)
    measurements.sample(simulation, (untilSecond - second) * 1000)
  }
  return reportOf(simulation, measurements)
}

export function reportOf(simulation: Simulation, measurements: Measurements): Report {
  const { scenario, function: fn, topic } = simulation
  const { samples, ages } = measurements
  const batches = total(simulation, (counters) => counters.batches)
  const invoked = total(simulation, (counters) => counters.batchSize.read().sum)
  const most = (of: (sample: Sample) => number): number => Math.max(0, ...samples.map(of))
  const cost = costOf({
    invocations: fn.invocations,
    billedMs: fn.billedMs,
    memoryMb: scenario.function.memoryMb,
    eventPollerUnitHours: scenario.mapping.provisioned === undefined ? 0 : measurements.unitHours,
  })
  return {
    scenario,
    depth: simulation.depth.name,
    records: {
      written: written(simulation, topic.partitions),
      filteredOut: total(simulation, (counters) => counters.filteredOutEvents),
      handled: fn.handledRecords,
      dropped: total(simulation, (counters) => counters.droppedEvents + counters.oversizedEvents),
      toDestination: total(simulation, (counters) => counters.destinationEvents),
      lagAtEnd: samples.at(-1)?.lagRecords ?? 0,
    },
    invocations: {
      total: fn.invocations,
      errors: fn.errors,
      timeouts: fn.timeouts,
      throttles: fn.throttles,
      retries: total(simulation, (counters) => counters.retries),
      coldStarts: fn.coldStarts,
      batchSizeMean: batches === 0 ? 0 : invoked / batches,
    },
    most: {
      concurrency: measurements.concurrencyMost,
      pollers: most(({ pollers }) => pollers),
      lagRecords: most(({ lagRecords }) => lagRecords),
      lagSeconds: most(({ lagSeconds }) => lagSeconds),
    },
    ageSeconds: {
      p50: ages.percentile(0.5) / 1000,
      p99: ages.percentile(0.99) / 1000,
      max: ages.max / 1000,
    },
    ...(isStream(scenario) ? { shards: shardsReport(simulation, measurements) } : {}),
    ...(scenario.mapping.tumblingWindowMs === undefined
      ? {}
      : { windows: { ended: fn.finalInvocations, dropped: simulation.droppedWindows } }),
    scalings: scalingsOf(simulation),
    cost: {
      ...cost,
      perHourUsd: (cost.totalUsd * 3600) / scenario.seconds,
      region: prices.region,
      asOf: prices.asOf,
    },
    samples,
  }
}

function shardsReport(simulation: Simulation, { busiestShard }: Measurements): ShardsReport {
  const { topic, nowMs } = simulation
  return {
    atStart: simulation.scenario.traffic.partitions,
    atEnd: topic.openShards(nowMs).length,
    everOpened: topic.shards.filter((_, shard) => topic.isOpened(shard, nowMs)).length,
    finished: topic.shards.filter((_, shard) => simulation.isOver(shard)).length,
    busiest: busiestShard,
  }
}

function written({ topic, nowMs }: Simulation, partitions: number): number {
  let records = 0
  for (let partition = 0; partition < partitions; partition++)
    records += topic.end(partition, nowMs)
  return records
}

function scalingsOf({ processes }: Simulation): Report['scalings'] {
  const counts = new Map<string, number>()
  for (const { counters } of processes) {
    for (const [reason, { count }] of counters.scalings) {
      counts.set(reason, (counts.get(reason) ?? 0) + count)
    }
  }
  return [...counts].map(([reason, count]) => ({ reason, count }))
}

const tableRows = 20

export function asTable(report: Report): string {
  const { scenario, records, invocations, most, ageSeconds, cost } = report
  return [
    `${scenario.name}: ${scenario.seconds} s at pace ${scenario.pace}, ${sourceText(scenario)}, ${report.depth}, seed ${scenario.seed}`,
    '',
    ...samplesTable(report.samples),
    '',
    ...streamRows(report),
    row(
      'records',
      `${count(records.written)} written, ${count(records.handled)} handled, ${count(records.filteredOut)} filtered out`,
    ),
    row(
      'given up',
      `${count(records.dropped)} dropped, ${count(records.toDestination)} to the destination`,
    ),
    row(
      'invocations',
      `${count(invocations.total)} of ${invocations.batchSizeMean.toFixed(1)} records, ${count(invocations.coldStarts)} cold`,
    ),
    row(
      'failures',
      `${count(invocations.errors)} errors (${count(invocations.timeouts)} timeouts), ${count(invocations.throttles)} throttles, ${count(invocations.retries)} retries`,
    ),
    row(
      'most at once',
      `${count(most.concurrency)} executions, ${count(most.pollers)} event pollers (${report.scalings.map(({ reason, count: times }) => `${reason} ${times}`).join(', ') || 'never changed'})`,
    ),
    row(
      'lag',
      `at most ${count(most.lagRecords)} records, ${most.lagSeconds.toFixed(1)} s; ${count(records.lagAtEnd)} records at the end`,
    ),
    row(
      'age',
      `p50 ${ageSeconds.p50.toFixed(2)} s, p99 ${ageSeconds.p99.toFixed(2)} s, at most ${ageSeconds.max.toFixed(2)} s when first sent`,
    ),
    row(
      'on AWS',
      `${usd(cost.totalUsd)} (requests ${usd(cost.requestsUsd)}, duration ${usd(cost.durationUsd)}, event pollers ${usd(cost.eventPollersUsd)}); ${usd(cost.perHourUsd)} an hour`,
    ),
    row(
      '',
      `${cost.region}, ${prices.architecture}, prices of ${cost.asOf}; without the ${isStream(scenario) ? 'stream' : 'cluster'} and its traffic`,
    ),
    '',
  ].join('\n')
}

/** `on-demand, 100 partitions`; of a stream `4 shards with 2 lanes each`. */
function sourceText(scenario: Scenario): string {
  const { traffic, mapping } = scenario
  const { provisioned, parallelizationFactor: factor = 1 } = mapping
  const pollers = provisioned && `provisioned ${provisioned.minimum} to ${provisioned.maximum}`
  if (!isStream(scenario)) return `${pollers ?? 'on-demand'}, ${traffic.partitions} partitions`
  const lanes = factor === 1 ? '' : ` with ${factor} lanes each`
  return `${pollers === undefined ? '' : `${pollers}, `}${traffic.partitions} ${traffic.partitions === 1 ? 'shard' : 'shards'}${lanes}`
}

/** What becomes of the shards, and of tumbling windows. */
function streamRows({ shards, windows, scenario }: Report): readonly string[] {
  const rows: string[] = []
  if (shards !== undefined) {
    const { atStart, atEnd, everOpened, finished, busiest } = shards
    const closed = everOpened - atEnd
    rows.push(
      row(
        'shards',
        `${count(atStart)} at the start, ${count(atEnd)} open at the end, ${count(closed)} closed, of which ${count(finished)} are read to their ends`,
      ),
      row(
        '',
        `the busiest took ${count(busiest.recordsPerSecond)} records/s and ${(busiest.bytesPerSecond / 2 ** 20).toFixed(2)} MiB/s; AWS takes ${count(shardRecordsInPerSecond)} and ${shardBytesInPerSecond / 2 ** 20}`,
      ),
    )
  }
  if (windows !== undefined) {
    const seconds = (scenario.mapping.tumblingWindowMs ?? 0) / 1000
    rows.push(
      row(
        'windows',
        `${count(windows.ended)} of ${seconds} s ended by final invocations, ${count(windows.dropped)} were given up`,
      ),
    )
  }
  return rows
}

/** Some moments, evenly apart, each with the worst since the one before. */
function samplesTable(samples: readonly Sample[]): readonly string[] {
  const every = Math.max(1, Math.ceil(samples.length / tableRows))
  const head = ['second', 'rate/s', 'lag records', 'lag s', 'pollers', 'concurrency']
  const rows = [head]
  for (let from = 0; from < samples.length; from += every) {
    const part = samples.slice(from, from + every)
    const last = part.at(-1)
    if (last === undefined) break
    const worst = (of: (sample: Sample) => number): number => Math.max(...part.map(of))
    rows.push([
      String(last.second),
      count(last.ratePerSecond),
      count(worst(({ lagRecords }) => lagRecords)),
      worst(({ lagSeconds }) => lagSeconds).toFixed(1),
      count(worst(({ pollers }) => pollers)),
      count(worst(({ concurrencyMost }) => concurrencyMost)),
    ])
  }
  const widths = head.map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)))
  return rows.map((cells) => cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  '))
}

const row = (name: string, text: string): string => `${name.padEnd(13)}${text}`
const count = (value: number): string => Math.round(value).toLocaleString('en-US')
const usd = (value: number): string => `$${value < 1 ? value.toFixed(4) : value.toFixed(2)}`
