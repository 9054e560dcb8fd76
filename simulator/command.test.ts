// Tests the command: scenarios from files and flags, its output, and what it refuses.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runSimulate } from './command.ts'
import { parameters } from './parameters.ts'
import type { Report } from './report.ts'

async function run(...argv: readonly string[]) {
  const [out, err] = [[] as string[], [] as string[]]
  const code = await runSimulate(argv, {
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
  })
  return { code, out: out.join(''), err: err.join('') }
}

async function report(...argv: readonly string[]): Promise<Report> {
  const { code, out, err } = await run('--json', '--seconds', '10', ...argv)
  expect(err).toBe('')
  expect(code).toBe(0)
  return JSON.parse(out) as Report
}

const folder = () => mkdtemp(join(tmpdir(), 'millrace-simulate-'))

test('help names every parameter with its flag and its place in a file', async () => {
  const { code, out } = await run('--help')
  expect(code).toBe(0)
  for (const { flag, path } of parameters) {
    expect(out).toContain(`  --${flag}`)
    expect(out).toContain(`[${path}]`)
  }
})

test('without anything a quiet mapping keeps up', async () => {
  const { records, invocations, most, samples, cost } = await report()
  expect(records.written).toBeGreaterThan(9_980)
  expect(records.lagAtEnd).toBeLessThan(1500)
  expect(invocations.errors + invocations.throttles + invocations.retries).toBe(0)
  expect(most.lagSeconds).toBeLessThan(2)
  expect(samples).toHaveLength(10)
  expect(cost).toMatchObject({ region: 'us-east-1', eventPollersUsd: 0 })
  expect(cost.totalUsd).toBeCloseTo(
    (invocations.total * 0.2) / 1e6 + invocations.total * 0.1 * 0.0000166667,
    8,
  )
})

test('the same seed gives the same run, another one another', async () => {
  const shaky = ['--errors', '0.1', '--duration', 'lognormal', '--poison', '0.001']
  const [one, again, other] = [
    await report(...shaky),
    await report(...shaky),
    await report(...shaky, '--seed', '2'),
  ]
  expect(again).toEqual(one)
  expect(other.samples).not.toEqual(one.samples)
})

test('a file says what is simulated, and flags win', async () => {
  const path = join(await folder(), 'spike.json')
  const scenario = {
    name: 'a spike',
    pace: 'aws',
    traffic: {
      rate: [
        { rate: 100, seconds: 5 },
        { rate: 100, to: 500, seconds: 2 },
      ],
      partitions: 4,
    },
    mapping: { BatchSize: 20, ProvisionedPollerConfig: { MinimumPollers: 3 } },
  }
  await writeFile(path, JSON.stringify(scenario))
  const { scenario: read, most, cost } = await report('--config', path, '--batch-size', '30')
  expect(read).toMatchObject({
    name: 'spike',
    pace: 'aws',
    traffic: { steps: [{ rate: 100, seconds: 5 }, { to: 500 }, { rate: 500, seconds: 3 }] },
    mapping: { batchSize: 30, provisioned: { minimum: 3, maximum: 200 } },
  })
  expect(most.pollers).toBe(3)
  expect(cost.eventPollersUsd).toBeCloseTo((0.185 * 10) / 3600, 6)
})

test('steps can be given as a text', async () => {
  const { scenario } = await report('--rate', '10@2s,10..90@3s,90')
  expect(scenario.traffic.steps).toEqual([
    { rate: 10, seconds: 2 },
    { rate: 10, to: 90, seconds: 3 },
    { rate: 90, seconds: 5 },
  ])
})

const stream = ['--source', 'kinesis', '--partitions', '4', '--rate', '400']

test('shards of a stream are split and merged under load, and all of them are read', async () => {
  const steps = '8@2s,split:4@3s,merge:5+6@4s'
  const { scenario, shards, records, ...rest } = await report(...stream, '--reshardings', steps)
  expect(scenario.traffic.reshardings).toEqual([
    { second: 2, shards: 8 },
    { second: 3, split: 4 },
    { second: 4, merge: [5, 6] },
  ])
  expect(shards).toMatchObject({ atStart: 4, atEnd: 8, everOpened: 15, finished: 7 })
  expect(shards?.busiest.recordsPerSecond).toBeCloseTo(100)
  expect(records.written - records.handled).toBeLessThan(100)
  expect(rest.most.pollers).toBe(1)
  const { reshardings } = scenario.traffic
  const traffic = { source: 'kinesis', partitions: 4, rate: 400, reshardings }
  const path = join(await folder(), 'stream.json')
  await writeFile(path, JSON.stringify({ traffic }))
  expect((await report('--config', path)).shards).toEqual(shards)
})

test('a shard has one batch in flight, and as many as its parallelization factor', async () => {
  const slow = [...stream, '--batch-ms', '300', '--batch-size', '10']
  expect((await report(...slow)).most.concurrency).toBe(4)
  expect((await report(...slow, '--parallelization-factor', '3')).most.concurrency).toBe(12)
  expect((await report(...slow, '--reshardings', '8@1s')).most.concurrency).toBe(8)
})

test('tumbling windows of each shard end by final invocations', async () => {
  const { windows } = await report(...stream, '--tumbling-window', '2')
  // The fifth of each has not ended when the simulation does.
  expect(windows).toEqual({ ended: 16, dropped: 0 })
  const { out } = await run(...stream, '--seconds', '10', '--tumbling-window', '2')
  expect(out).toContain('16 of 2 s ended by final invocations, 0 were given up')
  expect(out).toContain('4 at the start, 4 open at the end')
})

test('partial batches of a stream keep what a function has done, also at the pace of AWS', async () => {
  const poison = [...stream, '--poison', '0.01', '--poison-times', '1', '--pace', 'aws']
  const whole = await report(...poison)
  const partial = await report(...poison, '--item-failures')
  expect(whole.invocations.retries).toBeGreaterThan(10)
  expect(partial.invocations.errors).toBe(0)
  expect(partial.invocations.retries).toBeGreaterThan(10)
})

test('at the pace of AWS a shard is read once a second, and a child when its parents are through', async () => {
  const { ageSeconds } = await report(...stream, '--pace', 'aws')
  expect(ageSeconds.p50).toBeGreaterThan(0.3)
  expect(ageSeconds.max).toBeLessThan(1.5)
  const behind = ['--batch-ms', '500', '--batch-size', '20', '--reshardings', '8@2s']
  const { shards, most } = await report(...stream, ...behind)
  // Twice as many shards bring nothing before their parents have been worked off.
  expect(shards).toMatchObject({ atEnd: 8, everOpened: 12 })
  expect(most.concurrency).toBe(8)
  expect(most.lagSeconds).toBeGreaterThan(2)
})

test('the chart is a picture with a line for each of what it shows', async () => {
  const path = join(await folder(), 'chart.svg')
  expect((await run('--seconds', '5', '--chart', path)).out).toContain('event pollers')
  const svg = await readFile(path, 'utf8')
  expect(svg).toMatch(/^<svg xmlns/)
  expect(svg.match(/<polyline/g)).toHaveLength(4)
  expect(svg).not.toContain('NaN')
})

test.each([
  [['--batch-size', '0'], '--batch-size (mapping.BatchSize): "0" is not from 1 to 10000'],
  [['--batch-size', 'many'], 'is not a whole number'],
  [['--errors', '1.5'], '--errors (failures.errors): "1.5" is not from 0 to 1'],
  [['--pace', 'slow'], 'is not one of local, aws'],
  [['--rate', 'fast'], 'is no rate, nor steps'],
  [
    ['--minimum-pollers', '9', '--maximum-pollers', '3'],
    'MinimumPollers 9 is above MaximumPollers 3',
  ],
  [['--record-age', '59'], 'MaximumRecordAgeInSeconds: is not from 60 on, nor -1'],
  [['--pace', 'aws', '--bisect'], 'BisectBatchOnFunctionError: is only supported with Provisioned'],
  [['--pace', 'aws', '--retries', '3'], 'MaximumRetryAttempts: is only supported with Provisioned'],
  [['--reshardings', '8@5s'], 'reshardings: are of streams: --source kinesis'],
  [['--tumbling-window', '5'], 'TumblingWindowInSeconds: is for streams'],
  [[...stream, '--tumbling-window', '901'], '"901" is not from 0 to 900'],
  [[...stream, '--reshardings', '9@5s'], 'reshardings: at 5 s: 9 shards are more than twice 4'],
  [[...stream, '--reshardings', '1@5s'], 'reshardings: at 5 s: 1 shards are less than half of 4'],
  [[...stream, '--reshardings', 'split:4@5s'], 'there is no shard 4; they are numbered from 0 on'],
  [[...stream, '--reshardings', 'split:0@5s,split:0@6s'], 'at 6 s: shard 0 is closed already'],
  [[...stream, '--reshardings', 'merge:0+2@5s'], 'shards 0 and 2 are not beside each other'],
  [[...stream, '--reshardings', 'merge:1+1@5s'], 'shards 1 and 1 are not beside each other'],
  [[...stream, '--reshardings', '8@9s,4@5s'], 'are no reshardings in the order of their times'],
  [[...stream, '--reshardings', '8'], 'are no reshardings in the order of their times'],
  [[...stream, '--rebalances', '5'], 'rebalances: are of consumer groups'],
  [[...stream, '--pace', 'aws', '--minimum-pollers', '2'], 'is not there for Kinesis'],
  [['--nonsense', '1'], "Unknown option '--nonsense'"],
  [['--config', '/nowhere/at/all.json'], 'ENOENT'],
  [['--chart', '/nowhere/at/all.svg', '--seconds', '1'], 'ENOENT'],
])('%j is refused with a reason', async (argv, reason) => {
  const { code, out, err } = await run(...argv)
  expect(err).toContain(reason)
  expect([code, out]).toEqual([1, ''])
})

test.each([
  ['{', 'JSON'],
  ['[]', 'is no JSON object'],
  ['{"trafic":{}}', 'has no parameter "trafic"'],
  ['{"mapping":{"BatchSiz":3}}', 'has no parameter "mapping.BatchSiz"'],
  ['{"mapping":3}', 'has no parameter "mapping"'],
  ['{"traffic":{"rate":[]}}', 'is no rate'],
  ['{"traffic":{"rate":[{"rate":-1,"seconds":1}]}}', 'is no rate'],
  ['{"traffic":{"source":"kinesis","reshardings":[{"second":5}]}}', 'are no reshardings'],
  ['{"traffic":{"source":"sqs"}}', 'is not one of kafka, kinesis'],
  ['{"mapping":{"OnFailure":"yes"}}', 'is neither true nor false'],
])('a file with %s is refused with a reason', async (text, reason) => {
  const path = join(await folder(), 'scenario.json')
  await writeFile(path, text)
  const { code, err } = await run('--config', path)
  expect(err).toContain(reason)
  expect(code).toBe(1)
})
