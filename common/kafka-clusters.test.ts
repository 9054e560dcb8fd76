// Tests the file of clusters, and which of them an ARN means.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { KafkaClusters, ownServers, readClusters, serversBy } from './kafka-clusters.ts'

const arn =
  'arn:aws:kafka:eu-west-1:000000000007:cluster/orders/6d9bce8e-836b-442c-8070-74e77903c815-2'

async function fileOf(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-clusters-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = join(directory, 'clusters.json')
  await writeFile(path, content)
  return path
}

test('a file has the bootstrap servers of a cluster as AWS answers them, in either spelling', async () => {
  const path = await fileOf(
    JSON.stringify({
      [arn]: { bootstrapBrokerString: 'a:9092, b:9092', BootstrapBrokerStringSaslScram: 'a:9096' },
    }),
  )
  const servers = { plaintext: ['a:9092', 'b:9092'], saslScram: ['a:9096'] }
  expect(await readClusters(path)).toEqual([{ arn, name: 'orders', servers, isOwn: false }])
  expect(await readClusters('')).toEqual([])
})

test.each([
  ['[]', /is not an object of clusters by their ARNs$/],
  ['{', /JSON/],
  [
    '{"orders":{"bootstrapBrokerString":"a:1"}}',
    /"orders" is not the ARN of an Amazon MSK cluster$/,
  ],
  [`{"${arn}":"a:1"}`, /-2 is not an object$/],
  [`{"${arn}":{}}`, /has no bootstrap servers$/],
  [`{"${arn}":{"zookeeper":"a:1"}}`, /zookeeper is none of bootstrapBrokerString, /],
  [`{"${arn}":{"bootstrapBrokerString":"a"}}`, /"a" is not host:port,host:port$/],
  [`{"${arn}":{"bootstrapBrokerString":7}}`, /7 is not host:port,host:port$/],
])('%s is refused with a reason', async (content, reason) => {
  const failure = readClusters(await fileOf(content))
  await expect(failure).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(failure).rejects.toThrow(reason)
})

test('an ARN means its cluster, and one that nobody knows the platform’s own', async () => {
  const own = { region: 'eu-west-1', accountId: '000000000007', servers: { plaintext: ['own:1'] } }
  const other = { arn, name: 'orders', servers: { tls: ['a:1'] }, isOwn: false }
  const clusters = new KafkaClusters(own, [other])
  expect(clusters.resolve(arn)).toBe(other)
  const mine =
    'arn:aws:kafka:eu-west-1:000000000007:cluster/millrace/00000000-0000-0000-0000-000000000000-1'
  expect(clusters.find(mine)).toMatchObject({ name: 'millrace', isOwn: true })
  expect(clusters.find(`${arn}0`)).toBeUndefined()
  expect(clusters.resolve(`${arn}0`).arn).toBe(mine)
})

test('a client goes to the door for its way in, or to the one that there is', () => {
  const servers = { plaintext: ['p:1'], saslScram: ['s:1'] }
  expect(serversBy(servers, 'saslScram')).toEqual(['s:1'])
  expect(serversBy(servers, 'plaintext')).toEqual(['p:1'])
  expect(serversBy({ plaintext: ['p:1'] }, 'tls')).toEqual(['p:1'])
})

test('the platform’s own doors are told apart by their protocols', () => {
  const settings = {
    brokers: ['127.0.0.1:9092'],
    brokersSecurity: 'plaintext',
    kafkaListeners: [
      'inside://0.0.0.0:29092@broker:29092',
      'tls+ssl://127.0.0.1:0',
      'out+sasl_ssl://0.0.0.0:9096@example.org:9096',
      'closed+ssl://127.0.0.1:0',
    ],
  }
  expect(ownServers(settings, { 'kafka-tls': '127.0.0.1:4711' })).toEqual({
    plaintext: ['127.0.0.1:9092'],
    tls: ['127.0.0.1:4711'],
    saslScram: ['example.org:9096'],
  })
  const elsewhere = { brokers: ['k:1'], brokersSecurity: 'sasl_ssl', kafkaListeners: [] }
  expect(ownServers(elsewhere, {})).toEqual({ saslScram: ['k:1'] })
})
