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
  ['{"mapping":{"OnFailure":"yes"}}', 'is neither true nor false'],
])('a file with %s is refused with a reason', async (text, reason) => {
  const path = join(await folder(), 'scenario.json')
  await writeFile(path, text)
  const { code, err } = await run('--config', path)
  expect(err).toContain(reason)
  expect(code).toBe(1)
})
