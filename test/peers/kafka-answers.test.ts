// Asks our broker and Apache Kafka the same, request by request, and expects the same answers.
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ApiName, RequestToSend } from '../../protocol/apis.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/fields.ts'
import { startApacheKafka, type ApacheKafka } from '../support/apache-kafka.ts'
import { eventually } from '../support/eventually.ts'
import { batchOf } from '../support/log-store.ts'
import { RawKafka } from '../support/raw-kafka.ts'
import { TestBroker } from '../support/test-broker.ts'

const dataDir = join(tmpdir(), `millrace-answers-${process.pid}`)
let kafka: ApacheKafka
let broker: TestBroker
beforeAll(async () => {
  kafka = await startApacheKafka({ dataDir, heap: '-Xmx512M' })
  broker = await TestBroker.start({ segmentBytes: 1024 * 1024 * 1024 })
  await create('ready')
  await settled('ready', 'Metadata', 9, { topics: [{ name: 'ready' }] })
})
afterAll(async () => {
  await broker.remove()
  await kafka.stop()
  await rm(dataDir, { recursive: true, force: true })
})

/** Each request has a connection of its own: a refusal may close it. */
async function answerAt<Name extends ApiName>(
  address: string,
  api: Name,
  version: number,
  body: RequestToSend<Name>,
): Promise<unknown> {
  const client = await RawKafka.connect(address)
  try {
    return normal(await client.ask(api, version, body))
  } finally {
    client.close()
  }
}

function same<Name extends ApiName>(
  title: string,
  api: Name,
  version: number,
  body: () => RequestToSend<Name>,
): Promise<void> {
  return sameFields(title, { api, version }, body)
}

async function sameFields<Name extends ApiName>(
  title: string,
  at: { readonly api: Name; readonly version: number; readonly keys?: ReadonlySet<string> },
  body: () => RequestToSend<Name>,
): Promise<void> {
  const { api, version, keys } = at
  const theirs = only(await answerAt(kafka.address, api, version, body()), keys)
  const ours = only(await answerAt(broker.address, api, version, body()), keys)
  expect(ours, title).toEqual(theirs)
}

/** All fields of these names, at any depth, in their order; everything where no names are given. */
function only(value: unknown, keys?: ReadonlySet<string>): unknown {
  if (keys === undefined) return value
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) =>
    keys.has(name) ? [[name, item]] : (only(item, keys) as unknown[]),
  )
}

/** Kafka's controller tells its broker of a change a moment later. */
async function settled<Name extends ApiName>(
  title: string,
  api: Name,
  version: number,
  body: RequestToSend<Name>,
): Promise<void> {
  await eventually(
    async () => {
      const theirs = await answerAt(kafka.address, api, version, body).catch(String)
      const ours = await answerAt(broker.address, api, version, body)
      return JSON.stringify(theirs) === JSON.stringify(ours) ? true : undefined
    },
    () => `${title}: the same answer from both`,
    60_000,
  )
}

const errorNames: ReadonlyMap<number, string> = new Map(
  Object.entries(errorCodes).map(([name, code]) => [code, name]),
)

/** What differs from broker to broker by its nature. */
const own = new Set(['port', 'clusterId', 'throttleTimeMs', 'documentation'])

function normal(value: unknown, key = ''): unknown {
  if (own.has(key)) return key
  if (Array.isArray(value)) {
    const items = value.map((item) => normal(item))
    return key === 'configs' || key === 'topics' ? byName(items) : items
  }
  if (Buffer.isBuffer(value)) return `${value.length} bytes`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, item]) => [name, normal(item, name)] as const)
    return Object.fromEntries(entries)
  }
  if (/errorCode/i.test(key)) return errorNames.get(Number(value))
  if (key === 'topicId') return value === zeroUuid ? 'none' : 'some'
  return value
}

/** Kafka lists topics and configurations in no order of its own. */
function byName(items: readonly unknown[]): readonly unknown[] {
  const nameOf = (item: unknown): string => JSON.stringify(item)
  return items
    .filter((item) => !isSetByFormat(item))
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

/** Formatting a cluster of today gives it this default, as if an operator had set it (KIP-966). */
function isSetByFormat(item: unknown): boolean {
  return (
    typeof item === 'object' && item !== null && Object.values(item)[0] === 'min.insync.replicas'
  )
}

type Wanted = RequestToSend<'CreateTopics'>['topics'][number]

function topic(name: string, rest: Partial<Wanted> = {}): Wanted {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...rest }
}

const creating = (...topics: readonly Wanted[]) => ({
  topics,
  timeoutMs: 5_000,
  validateOnly: false,
})

async function create(name: string, rest: Partial<Wanted> = {}): Promise<void> {
  for (const { address } of [kafka, broker]) {
    await eventually(
      async () => {
        const client = await RawKafka.connect(address).catch(() => undefined)
        const answer = await client
          ?.ask('CreateTopics', 4, creating(topic(name, rest)))
          .catch(() => undefined)
        client?.close()
        const errorCode = answer?.topics[0]?.errorCode
        return errorCode === 0 || errorCode === errorCodes.TOPIC_ALREADY_EXISTS ? true : undefined
      },
      () => `${name} at ${address}`,
      60_000,
    )
  }
  await settled(name, 'Metadata', 9, { topics: [{ name }], allowAutoTopicCreation: false })
}

const config = (name: string, value: string | null): Partial<Wanted> => ({
  configs: [{ name, value }],
})
const placed = (...assignments: Wanted['assignments']): Partial<Wanted> => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments,
})

test('topics are created and refused alike', async () => {
  await create('here')
  await create('dotted.name')
  const wanted: readonly Wanted[] = [
    topic('new', config('retention.ms', ' 5000 ')),
    ...['', '.', '..', 'in valid', 'x'.repeat(250)].map((name) => topic(name)),
    topic('here'),
    topic('dotted_name'),
    topic('__cluster_metadata'),
    topic('t', { numPartitions: 0 }),
    topic('t', { numPartitions: -2 }),
    topic('t', { replicationFactor: 0 }),
    topic('t', { replicationFactor: -3 }),
    topic('t', { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
    topic('t', { replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
    topic('t', placed({ partitionIndex: 0, brokerIds: [7] })),
    topic('t', placed({ partitionIndex: 0, brokerIds: [1, 1] })),
    topic('t', placed({ partitionIndex: 0, brokerIds: [] })),
    topic('t', placed({ partitionIndex: 1, brokerIds: [1] })),
    topic('t', placed(...[0, 0].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] })))),
    topic('t', config('no.such', '1')),
    topic('t', config('retention.ms', null)),
    topic('t', config('retention.ms', 'soon')),
    topic('t', config('retention.ms', '-2')),
    topic('t', config('index.interval.bytes', '99999999999')),
    topic('t', config('compression.type', 'zip')),
    topic('t', config('cleanup.policy', 'delete,shred')),
    topic('t', config('compression.gzip.level', '0')),
    topic('t', config('min.cleanable.dirty.ratio', '2')),
    topic('t', config('preallocate', 'yes')),
    topic('t', config('leader.replication.throttled.replicas', '0-1')),
    topic('t', config('remote.storage.enable', 'true')),
    topic('t', config('message.timestamp.type', 'LastTime')),
  ]
  for (const one of wanted) {
    await same(JSON.stringify(one).slice(0, 200), 'CreateTopics', 7, () => creating(one))
  }
  await same('twice', 'CreateTopics', 7, () => creating(topic('twice'), topic('twice')))
})

test('partitions are added and refused alike', async () => {
  await create('grows')
  type More = RequestToSend<'CreatePartitions'>['topics'][number]
  const wanted: readonly More[] = [
    { name: 'grows', count: 1, assignments: null },
    { name: 'grows', count: 0, assignments: null },
    { name: 'grows', count: 2, assignments: [{ brokerIds: [7] }] },
    { name: 'grows', count: 2, assignments: [{ brokerIds: [1, 1] }] },
    { name: 'grows', count: 3, assignments: [{ brokerIds: [1] }] },
    { name: 'grows', count: 2, assignments: null },
  ]
  for (const one of wanted) {
    const body = { topics: [one], timeoutMs: 5_000, validateOnly: false }
    await same(JSON.stringify(one), 'CreatePartitions', 3, () => body)
  }
  await settled('grown', 'Metadata', 9, { topics: [{ name: 'grows' }] })
})

test('topics are deleted and refused alike', async () => {
  await create('goes')
  const stranger = '11111111-1111-1111-1111-111111111111'
  for (const topics of [
    [{ name: 'nowhere', topicId: zeroUuid }],
    [{ name: null, topicId: stranger }],
    [{ name: null, topicId: zeroUuid }],
    [{ name: 'goes', topicId: stranger }],
    ['goes', 'goes'].map((name) => ({ name, topicId: zeroUuid })),
    [{ name: 'goes', topicId: zeroUuid }],
  ]) {
    const body = { topics, timeoutMs: 5_000 }
    await same(JSON.stringify(topics), 'DeleteTopics', 6, () => body)
  }
})

const describing = (resourceType: number, resourceName: string, keys: string[] | null = null) => ({
  resources: [{ resourceType, resourceName, configurationKeys: keys }],
  includeSynonyms: true,
  includeDocumentation: true,
})

/** Those of the broker that are equal where nothing was set. */
const brokerKeys = `
  auto.create.topics.enable default.replication.factor delete.topic.enable
  log.cleanup.policy log.flush.interval.ms log.retention.hours
  log.retention.ms log.roll.ms log.segment.bytes message.max.bytes node.id
  offset.metadata.max.bytes offsets.retention.minutes process.roles
  sasl.kerberos.min.time.before.relogin socket.request.max.bytes`

test('configurations are described alike, with sources, types and synonyms', async () => {
  await create('described', config('retention.ms', '5000'))
  await same('topic', 'DescribeConfigs', 4, () => describing(2, 'described'))
  await same('no keys', 'DescribeConfigs', 1, () => describing(2, 'described', []))
  await same('name', 'DescribeConfigs', 4, () => describing(2, 'in valid'))
  await same('broker 7', 'DescribeConfigs', 4, () => describing(4, '7'))
  await same('broker x', 'DescribeConfigs', 4, () => describing(4, 'x'))
  await same('cluster', 'DescribeConfigs', 4, () => describing(4, ''))
  const keys = brokerKeys.trim().split(/\s+/)
  await same('broker', 'DescribeConfigs', 4, () => describing(4, '1', keys))
})

test('configurations are changed and refused alike', async () => {
  await create('changed')
  type Change = readonly [
    type: number,
    name: string,
    ...(readonly [string, number, string | null])[],
  ]
  const changes: readonly Change[] = [
    [2, 'changed', ['retention.ms', 0, '7000'], ['segment.ms', 1, null]],
    [2, 'changed', ['retention.ms', 0, 'soon']],
    [2, 'changed', ['no.such', 0, '1']],
    [2, 'changed', ['no.such', 1, null]],
    [2, 'changed', ['retention.ms', 2, '1']],
    [2, 'changed', ['retention.ms', 3, '1']],
    [2, 'changed', ['retention.ms', 0, null]],
    [2, 'changed', ['retention.ms', 0, '1'], ['retention.ms', 1, null]],
    [2, 'changed', ['cleanup.policy', 2, 'delete']],
    [2, 'changed', ['leader.replication.throttled.replicas', 2, '0:1,1:1']],
    [2, 'changed', ['leader.replication.throttled.replicas', 3, '0:1']],
    [2, 'changed'],
    [2, 'nowhere', ['retention.ms', 0, '1']],
    [2, 'in valid', ['retention.ms', 0, '1']],
    [99, 'x'],
    [4, '1', ['num.partitions', 0, '3']],
    [4, '7', ['log.retention.ms', 0, '3']],
    [4, 'x', ['log.retention.ms', 0, '3']],
    [4, '1', ['log.retention.ms', 0, 'soon']],
    [4, '1', ['log.segment.bytes', 0, '2000000']],
    [4, '', ['log.segment.bytes', 0, '3000000']],
    [4, '1', ['sasl.kerberos.min.time.before.relogin', 0, '58000']],
  ]
  for (const [resourceType, resourceName, ...operations] of changes) {
    const configs = operations.map(([name, configOperation, value]) => {
      return { name, configOperation, value }
    })
    const resource = { resourceType, resourceName, configs }
    const body = { resources: [resource], validateOnly: false }
    await same(JSON.stringify(resource), 'IncrementalAlterConfigs', 1, () => body)
  }
  await settled('topic', 'DescribeConfigs', 4, describing(2, 'changed'))
  await settled('broker', 'DescribeConfigs', 4, describing(4, '1', ['log.segment.bytes']))
  const replaced = (value: string | null) => ({
    resources: [
      { resourceType: 2, resourceName: 'changed', configs: [{ name: 'flush.ms', value }] },
    ],
    validateOnly: false,
  })
  await same('null', 'AlterConfigs', 2, () => replaced(null))
  await same('replaced', 'AlterConfigs', 2, () => replaced('12345678'))
  await settled('replaced', 'DescribeConfigs', 4, describing(2, 'changed'))
})

async function produce(name: string, batches: readonly Buffer[]): Promise<void> {
  for (const batch of batches) {
    await same('produce', 'Produce', 8, () => ({
      acks: -1,
      timeoutMs: 5_000,
      topicData: [{ name, partitionData: [{ index: 0, records: Buffer.from(batch) }] }],
    }))
  }
}

test('offsets are listed, deleted and found alike', async () => {
  await create('listed')
  await create('empty')
  const now = Date.now()
  await produce('listed', [
    batchOf(['a', 'b', 'c'], now - 5_000, 1_000),
    batchOf(['d'], now - 9_000),
    batchOf(['e', 'f'], now - 4_000),
  ])
  const list = async (name: string, timestamp: number, version = 9, currentLeaderEpoch = -1) => {
    const partitions = [{ partitionIndex: 0, timestamp, currentLeaderEpoch }]
    const title = `${name} at ${timestamp} in version ${version}`
    await same(title, 'ListOffsets', version, () => ({ topics: [{ name, partitions }] }))
  }
  for (const timestamp of [-1, -2, -3, -4, -5, -6, now - 4_500, now - 3_000, now]) {
    await list('listed', timestamp)
    await list('empty', timestamp)
  }
  await list('listed', -6, 11)
  await list('listed', -7, 11)
  await list('listed', -3, 5)
  await list('listed', -1, 1)
  await list('listed', -1, 4, 9)
  await list('nowhere', -1)
  const twice = [-1, -2].map((timestamp) => ({ partitionIndex: 0, timestamp }))
  await same('twice', 'ListOffsets', 9, () => ({ topics: [{ name: 'listed', partitions: twice }] }))
  for (const [name, offset, partitionIndex] of [
    ['listed', 2, 0],
    ['listed', 1, 0],
    ['listed', 99, 0],
    ['listed', -2, 0],
    ['listed', 0, 9],
    ['nowhere', 0, 0],
    ['listed', -1, 0],
  ] as const) {
    await same(`delete ${offset}`, 'DeleteRecords', 2, () => ({
      topics: [{ name, partitions: [{ partitionIndex, offset }] }],
      timeoutMs: 5_000,
    }))
  }
  await create('compacted', config('cleanup.policy', 'compact'))
  await same('delete of compacted', 'DeleteRecords', 2, () => ({
    topics: [{ name: 'compacted', partitions: [{ partitionIndex: 0, offset: 0 }] }],
    timeoutMs: 5_000,
  }))
  await list('listed', -2)
  await list('listed', now - 9_000)
  for (const [topicName, leaderEpoch, currentLeaderEpoch] of [
    ['listed', 0, 0],
    ['listed', 9, -1],
    ['listed', -1, -1],
    ['listed', 0, 9],
    ['empty', 0, -1],
    ['nowhere', 0, -1],
  ] as const) {
    const partitions = [{ partition: 0, leaderEpoch, currentLeaderEpoch }]
    await same(`epoch ${leaderEpoch}`, 'OffsetForLeaderEpoch', 4, () => ({
      replicaId: -1,
      topics: [{ topic: topicName, partitions }],
    }))
  }
})

/** Sentences of refused records are each broker's own. */
const outcome = new Set(['errorCode', 'baseOffset', 'logAppendTimeMs'])

test('records are taken and refused alike', async () => {
  await create('two-replicas', config('min.insync.replicas', '2'))
  await create('small', config('max.message.bytes', '200'))
  await create('strict', config('message.timestamp.before.max.ms', '1000'))
  await create('compacted', config('cleanup.policy', 'compact'))
  const now = Date.now()
  for (const [name, index, batch, acks] of [
    ['two-replicas', 0, batchOf(['a'], now), -1],
    ['two-replicas', 0, batchOf(['a'], now), 1],
    ['small', 0, batchOf(['x'.repeat(300)], now), -1],
    ['small', 0, batchOf(['x'], now), -1],
    ['small', 9, batchOf(['x'], now), -1],
    ['nowhere', 0, batchOf(['x'], now), -1],
    ['small', 0, batchOf(['x'], now + 7_200_000), -1],
    ['small', 0, batchOf(['x', 'y'], now, 7_200_000), -1],
    ['strict', 0, batchOf(['x'], now - 60_000), -1],
    ['strict', 0, batchOf(['x'], now), -1],
    ['small', 0, batchOf(['x'], now), 2],
    ['compacted', 0, batchOf(['a record without a key'], now), -1],
  ] as const) {
    const title = `${name}-${index} of ${batch.length} bytes, acks ${acks}`
    const body = () => ({
      acks,
      timeoutMs: 5_000,
      topicData: [{ name, partitionData: [{ index, records: Buffer.from(batch) }] }],
    })
    await sameFields(title, { api: 'Produce', version: 8, keys: outcome }, body)
  }
})

test('records are fetched alike, from any offset and within any bound', async () => {
  await create('fetched')
  await produce('fetched', [batchOf(['a', 'b', 'c']), batchOf(['d']), batchOf(['e', 'f'])])
  const bounds = { maxWaitMs: 0, minBytes: 0, maxBytes: 50_000_000, isolationLevel: 0 }
  type Place = RequestToSend<'Fetch'>['topics'][number]['partitions'][number]
  const wanted: readonly [Partial<Place>, object?][] = [
    ...[0, 1, 3, 4, 6, 7, -1].map((fetchOffset): [Partial<Place>] => [{ fetchOffset }]),
    [{}, { maxBytes: 1 }],
    [{ partitionMaxBytes: 1 }],
    [{ currentLeaderEpoch: 0 }],
    [{ currentLeaderEpoch: 9 }],
    [{ fetchOffset: 6, lastFetchedEpoch: 0 }],
    [{ fetchOffset: 3, lastFetchedEpoch: 9 }],
    [{ partition: 9 }],
    [{}, { sessionId: 5, sessionEpoch: 1 }],
  ]
  const keys = new Set(['errorCode', 'records'])
  for (const [place, options] of wanted) {
    const partition = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, ...place }
    const topics = [{ topic: 'fetched', partitions: [partition] }]
    const body = () => ({ ...bounds, ...options, topics })
    const title = JSON.stringify([place, options])
    for (const version of [4, 7, 12]) await sameFields(title, { api: 'Fetch', version, keys }, body)
  }
  const topicId = '11111111-1111-1111-1111-111111111111'
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }]
  const stranger = { ...bounds, topics: [{ topicId, partitions }] }
  await sameFields('unknown id', { api: 'Fetch', version: 17, keys }, () => stranger)
})

test('elections, reassignments and the cluster are told alike', async () => {
  await create('led')
  const elect = (electionType: number, name: string, partitions: number[]) =>
    same(`elect ${name} ${partitions.join()}`, 'ElectLeaders', 2, () => ({
      electionType,
      topicPartitions: [{ topic: name, partitions }],
      timeoutMs: 5_000,
    }))
  await elect(0, 'led', [0, 9])
  await elect(1, 'led', [0])
  await elect(7, 'led', [0])
  await elect(0, 'nowhere', [0])
  for (const [name, partitionIndex, replicas] of [
    ['led', 0, [1]],
    ['led', 0, [2]],
    ['led', 0, [1, 1]],
    ['led', 0, []],
    ['led', 9, [1]],
    ['nowhere', 0, [1]],
  ] as const) {
    const topics = [{ name, partitions: [{ partitionIndex, replicas }] }]
    await same(`reassign ${name}`, 'AlterPartitionReassignments', 1, () => ({ topics }))
  }
  await same('list', 'ListPartitionReassignments', 0, () => ({ topics: null }))
  for (const endpointType of [1, 2, 9]) {
    const body = { includeClusterAuthorizedOperations: true, endpointType }
    await same(`cluster ${endpointType}`, 'DescribeCluster', 1, () => body)
  }
})

test('pages of topics begin and end alike', async () => {
  await create('page-a')
  await create('page-c', { numPartitions: 3 })
  const names = (...of: readonly string[]) => of.map((name) => ({ name }))
  type Body = RequestToSend<'DescribeTopicPartitions'>
  const at = (topicName: string, partitionIndex: number) => ({ topicName, partitionIndex })
  const bodies: readonly Body[] = [
    { topics: names('page-c', 'page-a') },
    { topics: names('page-c', 'page-a'), responsePartitionLimit: 2 },
    { topics: names('page-c'), responsePartitionLimit: 2, cursor: at('page-c', 2) },
    { topics: names('page-c'), responsePartitionLimit: 0 },
    { topics: names('page-c'), cursor: at('page-c', 7) },
    { topics: names('page-a', 'page-c'), cursor: at('page-b', 0) },
    { topics: names('page-a', 'page-c'), cursor: at('page-c', -1) },
    { topics: names('page-a', 'page-b', 'page-z'), responsePartitionLimit: 1 },
    { topics: names('page-a', 'page-b', 'in valid', 'page-a') },
  ]
  for (const body of bodies) {
    await same(JSON.stringify(body), 'DescribeTopicPartitions', 0, () => body)
  }
})
