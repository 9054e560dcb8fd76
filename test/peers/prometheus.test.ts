// Asks a real Prometheus every panel's query and every alert, of a platform under load and in trouble.
import { readFileSync } from 'node:fs'
import { InvokeCommand } from '@aws-sdk/client-lambda'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createKafka } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { boards } from '../../dashboards/boards.ts'
import { filledIn, PrometheusClient, type Series } from '../../dashboards/prometheus-client.ts'
import { eventually } from '../support/eventually.ts'
import { ObservedPlatform } from '../support/observed-platform.ts'
import { StreamLoad } from '../support/stream-load.ts'
import { prometheusTool, quickened } from '../support/prometheus.ts'
import { runTool } from './tool.ts'

let platform: ObservedPlatform
let streamLoad: StreamLoad | undefined
let prometheus: PrometheusClient
beforeAll(async () => {
  platform = await ObservedPlatform.start(['--account-concurrency', '10'])
  prometheus = new PrometheusClient(platform.prometheusUrl)
  const even = { manner: 'good', partitions: 4, batchSize: 50 } as const
  await platform.add({
    ...even,
    name: 'on-sensors',
    topic: 'sensors',
    manner: 'flaky',
    filter: '{"value":{"wheel":["front-left","front-right"]}}',
  })
  await platform.add({
    ...even,
    name: 'on-orders',
    topic: 'orders',
    partitions: 1,
    // Short enough for a record to come near its end while the test waits.
    topicConfig: { 'retention.ms': '12000' },
  })
  await platform.add({ ...even, name: 'on-clicks', topic: 'clicks', partitions: 2, batchSize: 2 })
  await platform.add({
    ...even,
    name: 'on-visits',
    topic: 'visits',
    partitions: 2,
    batchSize: 1,
    settings: { ProvisionedPollerConfig: { MinimumPollers: 1, MaximumPollers: 2 } },
    // As many as its partitions can have in flight: eight are left to the others.
    reservedConcurrency: 2,
  })
  await platform.add({
    ...even,
    name: 'on-parcels',
    topic: 'parcels',
    partitions: 1,
    settings: {
      MaximumRetryAttempts: 1,
      DestinationConfig: { OnFailure: { Destination: 'kafka://parcels-dead' } },
    },
  })
  const large = { 'max.message.bytes': '8000000' }
  await platform.add({
    ...even,
    name: 'on-images',
    topic: 'images',
    topicConfig: large,
    byArn: true,
  })
  platform.load('sensors', ['--rate', '400', '--size', '200'])
  platform.load('orders', ['--rate', '20', '--size', '200'])
  platform.load('visits', ['--rate', '20', '--size', '200'])
  platform.load('parcels', ['--rate', '10', '--size', '200'])
  platform.load('clicks', ['--rate', '20', '--size', '200'])
  streamLoad = await StreamLoad.start(platform.kinesis, 'laps')
})
afterAll(async () => {
  await streamLoad?.stop()
  await platform.stop()
})

interface Rule {
  readonly alert: string
  readonly expr: string
}
const rules = (
  parse(readFileSync('dashboards/alerts.yml', 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules)

/** What fires, as `alert what`; `what` is the function, topic, role or job that it is about. */
async function firing(): Promise<readonly string[]> {
  const series = await prometheus.query('ALERTS{alertstate="firing"}')
  const names = series.map(({ labels }) => {
    const what = labels['function'] ?? labels['topic'] ?? labels['role'] ?? labels['job']
    return `${labels['alertname']} ${what}`
  })
  return [...new Set(names)].toSorted()
}

function fires(...expected: readonly string[]): Promise<void> {
  return reaches(`${expected.join(', ')} to fire`, (now) =>
    expected.every((alert) => now.includes(alert)),
  )
}

async function reaches(
  what: string,
  isReached: (firing: readonly string[]) => boolean,
): Promise<void> {
  let last: readonly string[] = []
  await eventually(
    async () => {
      last = await firing()
      return isReached(last) ? true : undefined
    },
    () => `${what}; now ${last.join(', ') || 'nothing'} does\n${platform.log()}`,
    60_000,
  )
}

const hasData = (series: readonly Series[]): boolean =>
  series.some(({ points }) => points.some(([, value]) => Number.isFinite(value)))

test('promtool finds configuration and rules in order, and the rules do what their tests say', async () => {
  for (const args of [
    ['check', 'config', 'dashboards/prometheus.yml'],
    ['check', 'rules', 'dashboards/alerts.yml'],
    ['test', 'rules', 'dashboards/alerts.test.yml'],
  ]) {
    const { code, stdout, stderr } = await runTool(prometheusTool('promtool'), args)
    expect(code, `${stdout.toString()}${stderr}`).toBe(0)
  }
})

test('every target is scraped, and a platform that is well lets no alert fire', async () => {
  await eventually(
    async () => {
      const up = await prometheus.query('up')
      const rate = await prometheus.query('rate(millrace_mapping_committed_events_total[5s]) > 0')
      const isReady = up.every(({ points }) => points[0]?.[1] === 1) && rate.length >= 3
      return isReady ? up.map(({ labels }) => labels['job'] ?? '').toSorted() : undefined
    },
    () => `all targets up and three mappings at work\n${platform.log()}`,
  ).then((jobs) => expect(jobs).toEqual(['broker', 'control', 'poller', 'prometheus', 'workers']))
  // One in twelve fails: an alert is right about that, and about nothing else. What was missing while
  // the platform came up may be said until the rules are looked at again.
  let others: readonly string[] = []
  await eventually(
    async () => {
      others = (await firing()).filter((alert) => alert !== 'MillraceHandlerErrors on-sensors')
      return others.length === 0 ? true : undefined
    },
    () => `no alert fires; ${others.join()} did`,
  )
})

test('every alert can be evaluated, as it is and as it is quickened here', async () => {
  for (const { alert, expr } of rules) {
    for (const expression of [expr, quickened(expr)]) {
      await expect(prometheus.query(expression), alert).resolves.toBeInstanceOf(Array)
    }
  }
})

test('a mapping that is behind gets event pollers', async () => {
  await platform.behave('on-visits', 'slow')
  await eventually(
    async () => {
      const [pollers] = await prometheus.query(
        'millrace_mapping_event_pollers{function="on-visits"} == 2',
      )
      return pollers
    },
    () => `the event pollers of on-visits to become two\n${platform.log()}`,
  )
  // It would take concurrency from what follows.
  await platform.behave('on-visits', 'good')
})

test('a failing function, a slow one, too many invocations and a huge record each raise their alert', async () => {
  await platform.behave('on-clicks', 'slow')
  await sendHugeRecord()
  const throttling = invokeTooOften()
  await fires('MillraceRecordsSkipped on-images', 'MillraceThrottles on-clicks')
  await throttling
  // A throttled batch waits longer each time, as a failed one does, and would be long in failing five times.
  await eventually(
    async () => {
      const [waiting] = await prometheus.query('kafka_consumergroup_lag_sum{topic="orders"} < 25')
      return waiting
    },
    () => 'the orders to be caught up with',
  )
  await platform.behave('on-orders', 'failing')
  await platform.behave('on-parcels', 'failing')
  await fires(
    'MillraceHandlerErrors on-orders',
    'MillraceRecordsGivenUp on-parcels',
    'MillracePoisonRecord on-orders',
    'MillraceLagGrowing on-orders',
    'MillraceLagGrowing on-clicks',
    'MillraceOldestRecordNearRetention orders',
  )
})

// While all of this goes on there is something to show everywhere, errors and alerts included.
const targets = boards.flatMap((board) =>
  (board.panels ?? []).flatMap((panel) => {
    const where = `${board.title}: ${panel.title}`
    const asked = panel.type === 'row' ? [] : ((panel as Panel).targets ?? [])
    return (asked as Dataquery[]).map(({ expr, instant, refId }) => ({
      where,
      expr,
      instant,
      refId,
    }))
  }),
)

test('every query of every panel returns data', async () => {
  await askForUnknownTopic()
  const toSeconds = Date.now() / 1000
  const range = { fromSeconds: toSeconds - 60, toSeconds, stepSeconds: 1 }
  const empty: string[] = []
  for (const { where, expr, instant, refId } of targets) {
    const expression = filledIn(expr, { rateInterval: '5s', range: '60s' })
    const series =
      instant === true
        ? await prometheus.query(expression)
        : await prometheus.queryRange(expression, range)
    if (!hasData(series)) empty.push(`${where} (${refId}): ${expression}`)
  }
  expect(targets.length).toBeGreaterThan(100)
  expect(empty).toEqual([])
})

test('what variables choose from, and what is marked on the boards, is there', async () => {
  expect(hasData(await prometheus.query('kafka_topic_partitions{topic="orders"}'))).toBe(true)
  const [info] = await prometheus.query('millrace_mapping_info{function="on-orders"}')
  expect(Object.keys(info?.labels ?? {})).toEqual(
    expect.arrayContaining(['mapping', 'function', 'topic', 'consumergroup']),
  )
  for (const { annotations } of boards) {
    for (const { name, expr = '' } of annotations.list ?? []) {
      const filled = filledIn(expr, { rateInterval: '5s', range: '60s' })
      expect(hasData(await prometheus.query(filled)), name).toBe(true)
    }
  }
})

test('a variable that chooses one mapping shows that one alone', async () => {
  const board = boards.find(({ uid }) => uid === 'millrace-lag-and-delivery')
  const panel = board?.panels?.find(({ title }) => title === 'Waiting records by partition')
  const [target] = ((panel as Panel).targets ?? []) as Dataquery[]
  const [info] = await prometheus.query('millrace_mapping_info{function="on-clicks"}')
  const chosen = { mapping: info?.labels['mapping'] ?? '' }
  const expression = filledIn(target?.expr ?? '', { rateInterval: '5s', range: '60s', chosen })
  const series = await prometheus.query(expression)
  expect(series.map(({ labels }) => `${labels['function']} ${labels['partition']}`)).toEqual([
    'on-clicks 0',
    'on-clicks 1',
  ])
})

test('the alerts clear when what raised them is mended', async () => {
  await platform.behave('on-orders', 'good')
  await platform.behave('on-clicks', 'good')
  await platform.behave('on-parcels', 'good')
  await platform.behave('on-sensors', 'good')
  await platform.endLoad()
  await reaches('no alert to fire', (now) => now.length === 0)
})

test('a broker that is gone is reported by its own scrape and by the poller, until it is back', async () => {
  await platform.stopRole('broker')
  await fires('MillraceDown broker', 'MillraceProblem poller')
  await platform.startRoleAgain('broker')
  await reaches('no alert to fire', (now) => now.length === 0)
})

async function sendHugeRecord(): Promise<void> {
  const producer = (await client()).producer()
  await producer.connect()
  // 5 MB are 6.7 MB as base64; an event holds 6.
  await producer.send({ topic: 'images', messages: [{ value: Buffer.alloc(5_000_000) }] })
  await producer.disconnect()
}

async function askForUnknownTopic(): Promise<void> {
  const admin = (await client()).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: ['nobody-made-this'] }).catch((error: unknown) => {
    expect(String(error)).toContain('does not host this topic-partition')
  })
  await admin.disconnect()
  await eventually(
    async () => {
      const errors = await prometheus.query('millrace_broker_request_errors_total')
      return errors.length > 0 ? true : undefined
    },
    () => 'the error to be scraped',
  )
}

function client(): ReturnType<typeof createKafka> {
  return createKafka({ brokers: [platform.kafka], clientId: 'observer', logger: silentLogger })
}

/** Twelve at once where eight may be, for a few seconds. */
async function invokeTooOften(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await Promise.allSettled(
      Array.from({ length: 12 }, () =>
        platform.client.send(new InvokeCommand({ FunctionName: 'on-clicks', Payload: '{}' })),
      ),
    )
  }
}
