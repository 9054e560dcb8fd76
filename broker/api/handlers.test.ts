// Tests what each Kafka API answers to right and to wrong requests, over the wire.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/fields.ts'
import { batchOf } from '../../test/support/log-store.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { TestBroker } from '../../test/support/test-broker.ts'

let broker: TestBroker
let client: RawKafka
let topics = 0
beforeAll(async () => {
  broker = await TestBroker.start({ numPartitions: 2 })
  client = await RawKafka.connect(broker.address)
})
afterAll(async () => {
  client.close()
  await broker.remove()
})

interface Wanted {
  readonly name?: string
  readonly numPartitions?: number
  readonly replicationFactor?: number
  readonly assignments?: readonly { partitionIndex: number; brokerIds: readonly number[] }[]
  readonly configs?: readonly { name: string; value: string | null }[]
}

async function create(wanted: Wanted = {}, options: { validateOnly?: boolean } = {}) {
  const name = wanted.name ?? `topic-${topics++}`
  const defaults = { numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
  const response = await client.ask('CreateTopics', 7, {
    topics: [{ ...defaults, ...wanted, name }],
    timeoutMs: 1_000,
    ...options,
  })
  const topic = response.topics[0]
  if (topic === undefined) throw new Error('the topic is answered')
  return topic
}

async function produce(
  topic: string,
  records: Buffer | null,
  options: { acks?: number; version?: number } = {},
) {
  const { responses } = await client.ask('Produce', options.version ?? 8, {
    acks: options.acks ?? -1,
    timeoutMs: 1_000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  })
  return responses[0]?.partitionResponses[0]
}

type Place = {
  topic: string
  fetchOffset: number
  partitionMaxBytes?: number
  currentLeaderEpoch?: number
  lastFetchedEpoch?: number
}

async function fetch(
  places: readonly Place[],
  options: { maxBytes?: number; sessionId?: number } = {},
) {
  return client.ask('Fetch', 12, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 50_000_000,
    isolationLevel: 0,
    ...options,
    topics: places.map(({ topic, ...place }) => ({
      topic,
      partitions: [{ partition: 0, partitionMaxBytes: 1_000_000, ...place }],
    })),
  })
}

const recordBytes = (response: Awaited<ReturnType<typeof fetch>>): (number | undefined)[] =>
  response.responses.map(({ partitions }) => partitions[0]?.records?.length)

test('a created topic tells its id, partitions and configuration', async () => {
  const configs = [{ name: 'retention.ms', value: '1234' }]
  const topic = await create({ configs })
  expect(topic).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 1 })
  expect(topic.topicId).toMatch(/^[0-9a-f]{8}-/)
  expect(topic.configs).toContainEqual(
    expect.objectContaining({ name: 'retention.ms', value: '1234', configSource: 1 }),
  )
  expect(topic.configs).toContainEqual(
    expect.objectContaining({ name: 'segment.bytes', value: '67108864', configSource: 4 }),
  )
  expect(topic.configs).toContainEqual(
    expect.objectContaining({ name: 'segment.ms', value: '604800000', configSource: 5 }),
  )
})

const oneReplica = (partitionIndex: number, ...brokerIds: number[]) => ({
  partitionIndex,
  brokerIds,
})

test.each<[Wanted, keyof typeof errorCodes]>([
  [{ name: '' }, 'INVALID_TOPIC_EXCEPTION'],
  [{ name: '../etc' }, 'INVALID_TOPIC_EXCEPTION'],
  [{ name: '..' }, 'INVALID_TOPIC_EXCEPTION'],
  [{ name: 'x'.repeat(250) }, 'INVALID_TOPIC_EXCEPTION'],
  [{ name: '__consumer_offsets' }, 'TOPIC_ALREADY_EXISTS'],
  [{ numPartitions: 0 }, 'INVALID_PARTITIONS'],
  [{ numPartitions: -2 }, 'INVALID_PARTITIONS'],
  [{ numPartitions: 10_001 }, 'INVALID_PARTITIONS'],
  [{ replicationFactor: 3 }, 'INVALID_REPLICATION_FACTOR'],
  [{ replicationFactor: 0 }, 'INVALID_REPLICATION_FACTOR'],
  [{ configs: [{ name: 'retention.ms', value: 'soon' }] }, 'INVALID_CONFIG'],
  [{ configs: [{ name: 'no.such.key', value: '1' }] }, 'INVALID_CONFIG'],
  [{ configs: [{ name: 'retention.ms', value: null }] }, 'INVALID_CONFIG'],
  [{ configs: [{ name: 'constructor', value: '1' }] }, 'INVALID_CONFIG'],
  [{ configs: [{ name: '__proto__', value: '1' }] }, 'INVALID_CONFIG'],
  [{ numPartitions: 1, assignments: [oneReplica(0, 1)] }, 'INVALID_REQUEST'],
  [{ assignments: [oneReplica(0, 7)] }, 'INVALID_REPLICA_ASSIGNMENT'],
  [{ assignments: [oneReplica(0, 1), oneReplica(2, 1)] }, 'INVALID_REPLICA_ASSIGNMENT'],
])('CreateTopics of %j is refused with %s and a sentence', async (wanted, error) => {
  const topic = await create(wanted)
  expect(topic.errorCode).toBe(errorCodes[error])
  expect(topic.errorMessage).toMatch(/^\S.+/)
})

test('assignments to this broker decide the partitions', async () => {
  const topic = await create({
    assignments: [oneReplica(1, 1), oneReplica(0, 0), oneReplica(2, 1)],
  })
  expect(topic).toMatchObject({ errorCode: 0, numPartitions: 3 })
})

test('a request that only validates creates nothing', async () => {
  const topic = await create({ name: 'only-validated' }, { validateOnly: true })
  expect(topic).toMatchObject({ errorCode: 0, numPartitions: 2 })
  expect((await create({ name: 'only-validated' })).errorCode).toBe(0)
})

test('partitions are added, never taken away, and two who ask at once do not break it', async () => {
  const { name } = await create({ numPartitions: 2 })
  const ask = (count: number) => ({
    topics: [{ name, count, assignments: null }],
    timeoutMs: 1_000,
    validateOnly: false,
  })
  const other = await RawKafka.connect(broker.address)
  const both = await Promise.all([
    client.ask('CreatePartitions', 3, ask(5)),
    other.ask('CreatePartitions', 3, ask(5)),
  ])
  other.close()
  const codes = both.map(({ results }) => results[0]?.errorCode)
  expect(new Set(codes)).toEqual(new Set([0, errorCodes.INVALID_PARTITIONS]))
  const { results } = await client.ask('CreatePartitions', 3, ask(3))
  expect(results[0]).toMatchObject({
    errorCode: errorCodes.INVALID_PARTITIONS,
    errorMessage: `The topic ${name} currently has 5 partition(s); 3 would not be an increase.`,
  })
})

test('topics are deleted by name and by id, internal ones not at all', async () => {
  const [a, b] = [await create(), await create()]
  const remove = async (...wanted: { name: string | null; topicId: string }[]) =>
    (await client.ask('DeleteTopics', 6, { topics: wanted, timeoutMs: 1_000 })).responses
  const responses = await remove(
    { name: a.name, topicId: zeroUuid },
    { name: null, topicId: b.topicId },
    { name: '__consumer_offsets', topicId: zeroUuid },
  )
  const codes = responses.map(({ errorCode }) => errorCode)
  expect(codes).toEqual([0, 0, errorCodes.INVALID_TOPIC_EXCEPTION])
  expect(responses.map(({ name }) => name)).toEqual([a.name, b.name, '__consumer_offsets'])
  const gone = await remove(
    { name: a.name, topicId: zeroUuid },
    { name: null, topicId: b.topicId },
    { name: 'x', topicId: b.topicId },
    { name: null, topicId: zeroUuid },
  )
  expect(gone.map(({ errorCode }) => errorCode)).toEqual([
    errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    errorCodes.UNKNOWN_TOPIC_ID,
    errorCodes.INVALID_REQUEST,
    errorCodes.INVALID_REQUEST,
  ])
})

test('a topic that a request names twice is answered once, and nothing becomes of it', async () => {
  const { name, topicId } = await create()
  const { responses } = await client.ask('DeleteTopics', 6, {
    topics: [
      { name, topicId: zeroUuid },
      { name: null, topicId },
      { name: 'nowhere', topicId: zeroUuid },
      { name: 'nowhere', topicId: zeroUuid },
    ],
    timeoutMs: 1_000,
  })
  expect(responses.map((response) => [response.name, response.errorMessage])).toEqual([
    [name, 'Duplicate topic name.'],
    ['nowhere', 'Duplicate topic name.'],
  ])
  const wanted = { count: 5, assignments: null }
  const { results } = await client.ask('CreatePartitions', 3, {
    topics: [
      { name, ...wanted },
      { name, ...wanted },
    ],
    timeoutMs: 1_000,
    validateOnly: false,
  })
  expect(results).toMatchObject([{ name, errorMessage: 'Duplicate topic name.' }])
  const topic = (each: string) => ({
    name: each,
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  })
  const created = await client.ask('CreateTopics', 7, {
    topics: ['twice', 'twice', 'single'].map(topic),
    timeoutMs: 1_000,
  })
  expect(created.topics.map((each) => [each.name, each.errorCode])).toEqual([
    ['twice', errorCodes.INVALID_REQUEST],
    ['single', 0],
  ])
  const { topics: seen } = await client.ask('Metadata', 12, {
    topics: [{ name }, { name: 'twice' }],
    allowAutoTopicCreation: false,
  })
  expect(seen.map(({ errorCode, partitions }) => [errorCode, partitions.length])).toEqual([
    [0, 2],
    [errorCodes.UNKNOWN_TOPIC_OR_PARTITION, 0],
  ])
})

test.each([
  ['', 'the empty string is not allowed'],
  ['.', "'.' is not allowed"],
  ['ä', "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"],
  ['x'.repeat(250), 'is longer than the max allowed length 249'],
])('the name %j is refused in Kafka’s words', async (name, words) => {
  const { errorCode, errorMessage } = await create({ name })
  expect(errorCode).toBe(errorCodes.INVALID_TOPIC_EXCEPTION)
  expect(errorMessage).toContain(words)
})

test('a name that differs from another’s in dots and underscores alone is refused', async () => {
  await create({ name: 'a.b_c' })
  expect(await create({ name: 'a_b.c' })).toMatchObject({
    errorCode: errorCodes.INVALID_TOPIC_EXCEPTION,
    errorMessage: "Topic 'a_b.c' collides with existing topic: a.b_c",
  })
  const { topics: used } = await client.ask('Metadata', 4, { topics: [{ name: 'a_b_c' }] })
  expect(used[0]?.errorCode).toBe(errorCodes.INVALID_TOPIC_EXCEPTION)
  expect((await create({ name: 'a.b.d' })).errorCode).toBe(0)
})

test('partitions that are only validated are not added', async () => {
  const { name } = await create({ numPartitions: 2 })
  const ask = (count: number, validateOnly: boolean) =>
    client.ask('CreatePartitions', 3, {
      topics: [{ name, count, assignments: null }],
      timeoutMs: 1_000,
      validateOnly,
    })
  expect((await ask(4, true)).results).toMatchObject([{ name, errorCode: 0, errorMessage: null }])
  expect((await ask(1, true)).results[0]?.errorCode).toBe(errorCodes.INVALID_PARTITIONS)
  expect((await ask(3, false)).results[0]?.errorCode).toBe(0)
})

test('metadata lists all topics at version 0 for none, and names what is unknown or invalid', async () => {
  const { name, topicId } = await create()
  const listed = await client.ask('Metadata', 0, { topics: [] })
  expect(listed.topics.map((topic) => topic.name)).toContain(name)
  expect((await client.ask('Metadata', 1, { topics: [] })).topics).toEqual([])
  const asked = await client.ask('Metadata', 12, {
    topics: [{ name }, { name: 'unknown' }, { name: 'in valid' }, { name: null, topicId }],
    allowAutoTopicCreation: false,
  })
  expect(asked.topics.map(({ errorCode }) => errorCode)).toEqual([
    0,
    errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    errorCodes.INVALID_TOPIC_EXCEPTION,
    0,
  ])
  expect(asked.topics[3]?.name).toBe(name)
  expect(asked.clusterId).toMatch(/^[\w-]{22}$/)
  expect(asked.controllerId).toBe(1)
})

test('metadata by id is for version 12 and later, and says what a client may do when asked', async () => {
  const { name, topicId } = await create()
  const topics = [{ name: null, topicId }]
  const codes = async (version: number) =>
    (await client.ask('Metadata', version, { topics })).topics.map(({ errorCode }) => errorCode)
  expect(await codes(11)).toEqual([errorCodes.INVALID_REQUEST])
  expect(await codes(13)).toEqual([0])
  const unknown = await client.ask('Metadata', 13, { topics: [{ name: null }] })
  expect(unknown).toMatchObject({
    errorCode: 0,
    topics: [{ errorCode: errorCodes.UNKNOWN_TOPIC_ID, name: null }],
  })
  // Kafka without an authorizer: 3576 for a topic, 8096 for the cluster.
  const asked = await client.ask('Metadata', 10, {
    topics: [{ name }],
    includeTopicAuthorizedOperations: true,
    includeClusterAuthorizedOperations: true,
  })
  expect(asked.topics[0]?.topicAuthorizedOperations).toBe(3576)
  expect(asked.clusterAuthorizedOperations).toBe(8096)
  const plain = await client.ask('Metadata', 10, { topics: [{ name }] })
  expect(plain.topics[0]?.topicAuthorizedOperations).toBe(-2_147_483_648)
})

test('produce answers with the offsets that the records came to lie at', async () => {
  const { name } = await create()
  expect(await produce(name, batchOf(['a', 'b']))).toMatchObject({ errorCode: 0, baseOffset: 0 })
  expect(await produce(name, batchOf(['c']), { acks: 1 })).toMatchObject({ baseOffset: 2 })
  expect(await produce(name, batchOf(['d']))).toMatchObject({ baseOffset: 3, logStartOffset: 0 })
})

test('produce refuses what it cannot take, by partition', async () => {
  const { name } = await create({ configs: [{ name: 'max.message.bytes', value: '500' }] })
  const refusal = async (...call: Parameters<typeof produce>) => (await produce(...call))?.errorCode
  const flipped = batchOf(['x'])
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1
  expect(await refusal(name, flipped)).toBe(errorCodes.CORRUPT_MESSAGE)
  expect(await refusal(name, batchOf(['x'.repeat(600)]))).toBe(errorCodes.MESSAGE_TOO_LARGE)
  expect(await refusal(name, Buffer.alloc(0))).toBe(errorCodes.INVALID_RECORD)
  expect(await refusal(name, null)).toBe(errorCodes.INVALID_RECORD)
  expect(await refusal(name, batchOf(['x']), { acks: 2 })).toBe(errorCodes.INVALID_REQUIRED_ACKS)
  expect(await refusal(name, batchOf(['x']), { version: 2 })).toBe(errorCodes.UNSUPPORTED_VERSION)
  expect(await refusal('nowhere', batchOf(['x']))).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  expect(await refusal('__consumer_offsets', batchOf(['x']))).toBe(
    errorCodes.INVALID_TOPIC_EXCEPTION,
  )
  expect(await produce(name, batchOf(['x']))).toMatchObject({ baseOffset: 0 })
  expect(
    await broker.metric('millrace_broker_request_errors_total', { error: 'CORRUPT_MESSAGE' }),
  ).toBe(1)
})

test('max_bytes holds for the whole response, but the first batch always comes', async () => {
  const [a, b] = [(await create()).name, (await create()).name]
  for (const topic of [a, b]) await produce(topic, batchOf(['x'.repeat(10_000)]))
  const places = [
    { topic: a, fetchOffset: 0 },
    { topic: b, fetchOffset: 0 },
  ]
  const size = batchOf(['x'.repeat(10_000)]).length
  expect(recordBytes(await fetch(places))).toEqual([size, size])
  expect(recordBytes(await fetch(places, { maxBytes: 1 }))).toEqual([size, 0])
  expect(recordBytes(await fetch(places, { maxBytes: size + 100 }))).toEqual([size, 0])
  const small = places.map((place) => ({ ...place, partitionMaxBytes: 1 }))
  expect(recordBytes(await fetch(small))).toEqual([size, 0])
  // The first partition is at its end, so the second is the first with records.
  expect(
    recordBytes(
      await fetch([{ topic: a, fetchOffset: 1 }, places[1] ?? places[0]!], { maxBytes: 1 }),
    ),
  ).toEqual([0, size])
})

test('a fetch from the middle of a batch gets the whole batch', async () => {
  const { name } = await create()
  const batch = batchOf(['a', 'b', 'c'])
  await produce(name, batch)
  expect(recordBytes(await fetch([{ topic: name, fetchOffset: 2 }]))).toEqual([batch.length])
})

test('fetch says what is wrong with a partition, and where its log begins and ends', async () => {
  const { name } = await create()
  await produce(name, batchOf(['a']))
  const first = async (place: Place) => (await fetch([place])).responses[0]?.partitions[0]
  expect(await first({ topic: name, fetchOffset: 2 })).toMatchObject({
    errorCode: errorCodes.OFFSET_OUT_OF_RANGE,
    highWatermark: 1,
    logStartOffset: 0,
  })
  expect((await first({ topic: 'nowhere', fetchOffset: 0 }))?.errorCode).toBe(
    errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  )
  const epoch = { topic: name, fetchOffset: 0, currentLeaderEpoch: 9 }
  expect((await first(epoch))?.errorCode).toBe(errorCodes.UNKNOWN_LEADER_EPOCH)
  const ahead = { topic: name, fetchOffset: 0, lastFetchedEpoch: 9 }
  expect((await first(ahead))?.errorCode).toBe(errorCodes.OFFSET_OUT_OF_RANGE)
  const session = await fetch([{ topic: name, fetchOffset: 0 }], { sessionId: 5 })
  expect(session).toMatchObject({ errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND, responses: [] })
  expect((await fetch([{ topic: name, fetchOffset: 0 }])).sessionId).toBe(0)
})

test('from version 13 on a topic is fetched by its id, and a deleted one has none', async () => {
  const { name, topicId } = await create()
  const batch = batchOf(['a'])
  await produce(name, batch)
  const byId = (id: string) => ({
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    isolationLevel: 0,
    topics: [
      {
        topicId: id,
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }],
      },
    ],
  })
  for (const version of [13, 14, 15, 16, 17]) {
    const { responses } = await client.ask('Fetch', version, byId(topicId))
    expect(responses[0]?.topicId).toBe(topicId)
    expect(responses[0]?.partitions[0]?.records?.length).toBe(batch.length)
  }
  await client.ask('DeleteTopics', 6, { topics: [{ name: null, topicId }], timeoutMs: 1_000 })
  await create({ name })
  for (const id of [topicId, zeroUuid]) {
    const { responses } = await client.ask('Fetch', 17, byId(id))
    expect(responses).toMatchObject([
      {
        topicId: id,
        partitions: [{ errorCode: errorCodes.UNKNOWN_TOPIC_ID, highWatermark: -1 }],
      },
    ])
  }
})

test('a topic that is deleted while a fetch waits for it is unknown in the answer', async () => {
  const { name, topicId } = await create()
  const waiting = await RawKafka.connect(broker.address)
  const place = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }
  waiting.send('Fetch', 17, {
    maxWaitMs: 60_000,
    minBytes: 1,
    maxBytes: 1_000,
    isolationLevel: 0,
    topics: [{ topicId, partitions: [place] }],
  })
  await client.ask('ApiVersions', 3, {})
  await client.ask('DeleteTopics', 5, { topicNames: [name], timeoutMs: 1_000 })
  const { responses } = await waiting.receive('Fetch', 17)
  expect(responses[0]?.partitions[0]?.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_ID)
  waiting.close()
})

test('offsets are listed at both ends, by timestamp, and of the largest timestamp', async () => {
  const { name } = await create()
  await produce(name, batchOf(['a'], 1_000))
  await produce(name, batchOf(['b'], 9_000))
  await produce(name, batchOf(['c'], 3_000))
  const at = async (timestamp: number, version = 7, currentLeaderEpoch = -1) => {
    const { topics } = await client.ask('ListOffsets', version, {
      topics: [{ name, partitions: [{ partitionIndex: 0, timestamp, currentLeaderEpoch }] }],
    })
    return topics[0]?.partitions[0]
  }
  expect(await at(-1)).toMatchObject({ offset: 3, errorCode: 0, leaderEpoch: 0 })
  expect(await at(-2, 1)).toMatchObject({ offset: 0 })
  expect(await at(1_001)).toMatchObject({ offset: 1, timestamp: 9_000 })
  expect(await at(9_001)).toMatchObject({ offset: -1, timestamp: -1, leaderEpoch: -1 })
  expect(await at(-3)).toMatchObject({ offset: 1, timestamp: 9_000 })
  expect((await at(-3, 5))?.errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
  expect(await at(-4, 8)).toMatchObject({ errorCode: 0, offset: 0 })
  expect(await at(-5, 9)).toMatchObject({ errorCode: 0, offset: -1, leaderEpoch: -1 })
  expect(await at(-6, 11)).toMatchObject({ errorCode: 0, offset: -1 })
  for (const [timestamp, version] of [
    [-4, 7],
    [-5, 8],
    [-6, 10],
    [-7, 11],
  ] as const) {
    expect((await at(timestamp, version))?.errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
  }
  expect((await at(-1, 4, 9))?.errorCode).toBe(errorCodes.UNKNOWN_LEADER_EPOCH)
  const twice = { partitionIndex: 0, timestamp: -1 }
  const { topics } = await client.ask('ListOffsets', 7, {
    topics: [{ name, partitions: [twice, twice] }],
  })
  expect(topics[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([
    errorCodes.INVALID_REQUEST,
  ])
})

test('this broker coordinates groups and transactions, and nothing else', async () => {
  const port = Number(broker.address.split(':')[1])
  const one = await client.ask('FindCoordinator', 0, { key: 'g' })
  expect(one).toMatchObject({ errorCode: 0, nodeId: 1, host: '127.0.0.1', port })
  const many = await client.ask('FindCoordinator', 4, { coordinatorKeys: ['g', 'h'] })
  expect(many.coordinators.map(({ key, nodeId }) => [key, nodeId])).toEqual([
    ['g', 1],
    ['h', 1],
  ])
  const transaction = await client.ask('FindCoordinator', 2, { key: 't', keyType: 1 })
  expect(transaction).toMatchObject({ errorCode: 0, nodeId: 1, port })
  const share = await client.ask('FindCoordinator', 6, { keyType: 2, coordinatorKeys: ['g:t:0'] })
  expect(share.coordinators[0]?.errorCode).toBe(errorCodes.COORDINATOR_NOT_AVAILABLE)
})

test('offsets are committed by partition, and fetched for one group or several', async () => {
  const { name } = await create({ numPartitions: 1 })
  const commit = (partitionIndex: number, committedMetadata: string) => ({
    partitionIndex,
    committedOffset: 42,
    committedLeaderEpoch: 0,
    committedMetadata,
  })
  const committed = await client.ask('OffsetCommit', 8, {
    groupId: 'og',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: [
      { name, partitions: [commit(0, 'note'), commit(1, '')] },
      { name: 'nowhere', partitions: [commit(0, '')] },
    ],
  })
  const codes = committed.topics.flatMap(({ partitions }) => partitions.map((p) => p.errorCode))
  const unknown = errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  expect(codes).toEqual([0, unknown, unknown])
  const one = await client.ask('OffsetFetch', 5, {
    groupId: 'og',
    topics: [{ name, partitionIndexes: [0, 1] }],
  })
  expect(one.topics[0]?.partitions).toMatchObject([
    { committedOffset: 42, metadata: 'note', committedLeaderEpoch: 0, errorCode: 0 },
    { committedOffset: -1, metadata: '', errorCode: 0 },
  ])
  const groups = [
    { groupId: 'og', topics: null },
    { groupId: 'nobody', topics: null },
  ]
  const several = await client.ask('OffsetFetch', 8, { groups })
  expect(several.groups.map((group) => group.topics.length)).toEqual([1, 0])
})

test('metadata above its limit is refused, and the offset before it stays', async () => {
  const { name } = await create()
  const commit = async (committedOffset: number, committedMetadata: string) => {
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata }]
    const { topics } = await client.ask('OffsetCommit', 2, {
      groupId: 'mg',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: [{ name, partitions }],
    })
    return topics[0]?.partitions[0]?.errorCode
  }
  expect(await commit(1, 'x'.repeat(4096))).toBe(0)
  expect(await commit(2, 'x'.repeat(4097))).toBe(errorCodes.OFFSET_METADATA_TOO_LARGE)
  const { topics } = await client.ask('OffsetFetch', 1, {
    groupId: 'mg',
    topics: [{ name, partitionIndexes: [0] }],
  })
  expect(topics[0]?.partitions[0]?.committedOffset).toBe(1)
})

test('groups are listed by state and type', async () => {
  const list = async (filter: { statesFilter?: string[]; typesFilter?: string[] }) =>
    (await client.ask('ListGroups', 5, filter)).groups.map(({ groupId }) => groupId)
  await client.ask('JoinGroup', 0, {
    groupId: 'joined',
    sessionTimeoutMs: 10_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  })
  expect(await list({ statesFilter: ['completingrebalance'] })).toEqual(['joined'])
  expect(await list({ statesFilter: ['Empty'] })).not.toContain('joined')
  expect(await list({ typesFilter: ['classic'] })).toContain('joined')
  expect(await list({ typesFilter: ['consumer'] })).toEqual([])
})

test('a group of several members leaves in one request', async () => {
  const join = async () => {
    const { memberId } = await client.ask('JoinGroup', 4, {
      groupId: 'leavers',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    })
    return { memberId }
  }
  const members = [await join(), await join(), { memberId: 'stranger' }]
  const left = await client.ask('LeaveGroup', 3, { groupId: 'leavers', members })
  expect(left.members.map(({ errorCode }) => errorCode)).toEqual([
    0,
    0,
    errorCodes.UNKNOWN_MEMBER_ID,
  ])
})

test('a text that is not UTF-8, and would grow when given back, ends its connection alone', async () => {
  const hostile = await RawKafka.connect(broker.address)
  // Heartbeat's answer has no text; LeaveGroup's of version 3 gives back the member's id.
  const memberId = Buffer.alloc(20_000, 0xff)
  const groupId = Buffer.from([0, 1, 0x67])
  const length = Buffer.alloc(2)
  length.writeInt16BE(memberId.length)
  const noInstance = Buffer.from([0xff, 0xff])
  const count = Buffer.from([0, 0, 0, 1])
  hostile.sendBytes(13, 3, Buffer.concat([groupId, count, length, memberId, noInstance]))
  await hostile.closed()
  expect(broker.log.join('')).toContain('string that is not UTF-8')
  expect((await client.ask('ApiVersions', 3, {})).errorCode).toBe(0)
})

test('a client with a very long name can be a member, and others are told of it', async () => {
  const { memberId } = await client.ask('JoinGroup', 6, {
    groupId: 'long',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: -1,
    memberId: '',
    groupInstanceId: 'i'.repeat(1_024),
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  })
  expect(memberId.length).toBeGreaterThan(1_024)
  const { groups } = await client.ask('DescribeGroups', 0, { groups: ['long'] })
  expect(groups[0]?.members[0]?.memberId).toBe(memberId)
})
