// Tests the scrape page and the health page over a real socket.
import { afterEach, expect, test } from 'vitest'
import { systemClock } from './clock.ts'
import { silentLogger } from './logger.ts'
import { Histogram, type MetricSample } from './metrics.ts'
import { startTelemetry, type Telemetry, type TelemetrySource } from './telemetry.ts'

let telemetry: Telemetry | undefined
afterEach(() => telemetry?.stop())

function source(
  name: string,
  collect: () => readonly MetricSample[],
  problems: string[] = [],
): TelemetrySource {
  return {
    name,
    problems: () => problems,
    metrics: {
      definitions: [
        { name: `${name}_things_total`, type: 'counter', help: 'Things.', labels: ['kind'] },
        { name: `${name}_seconds`, type: 'histogram', help: 'Time.', labels: [] },
      ],
      collect,
    },
  }
}

async function start(...sources: TelemetrySource[]): Promise<string> {
  telemetry = await startTelemetry({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    logger: silentLogger,
    sources: () => sources,
  })
  return telemetry.url
}

test('a scrape shows counters and histograms of every role, and the process', async () => {
  const histogram = new Histogram([0.1, 1])
  histogram.observe(0.05)
  histogram.observe(5)
  const url = await start(
    source('a', () => [{ name: 'a_things_total', labels: { kind: 'x"y' }, value: 3 }]),
    source('b', () => [{ name: 'b_seconds', labels: {}, value: histogram.read() }]),
  )
  const text = await (await fetch(url)).text()
  expect(text).toContain('# TYPE a_things_total counter')
  expect(text).toContain('a_things_total{kind="x\\"y"} 3')
  expect(text).toContain('b_seconds_bucket{le="0.1"} 1')
  expect(text).toContain('b_seconds_bucket{le="1"} 1')
  expect(text).toContain('b_seconds_bucket{le="+Inf"} 2')
  expect(text).toContain('b_seconds_sum 5.05')
  expect(text).toContain('b_seconds_count 2')
  expect(text).toContain('process_resident_memory_bytes')
  expect(text).toContain('millrace_problems{role="a"} 0')
})

test('a role that cannot be read does not hide the others', async () => {
  const url = await start(
    source('a', () => {
      throw new Error('gone')
    }),
    source('b', () => [{ name: 'b_things_total', labels: { kind: 'x' }, value: 1 }]),
  )
  expect(await (await fetch(url)).text()).toContain('b_things_total{kind="x"} 1')
})

test('health is 200 while no role has a problem, and names the problem when one has', async () => {
  const problems: string[] = []
  const url = (await start(source('a', () => [], problems))).replace('/metrics', '/health')
  expect((await fetch(url)).status).toBe(200)
  problems.push('the disk is full')
  const response = await fetch(url)
  expect(response.status).toBe(503)
  expect(await response.json()).toMatchObject({ roles: [{ problems: ['the disk is full'] }] })
})

test('health says starting until every role is up', async () => {
  let isReady = false
  telemetry = await startTelemetry({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    logger: silentLogger,
    sources: () => [],
    isReady: () => isReady,
  })
  const health = telemetry.url.replace('/metrics', '/health')
  const before = await fetch(health)
  expect(before.status).toBe(503)
  expect(await before.json()).toEqual({ status: 'starting', roles: [] })
  isReady = true
  expect((await fetch(health)).status).toBe(200)
})
