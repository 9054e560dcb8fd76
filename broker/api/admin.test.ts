// Tests the administrative APIs over the wire: deleted records, directories, replicas, the cluster, pages of topics.
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
  broker = await TestBroker.start()
  client = await RawKafka.connect(broker.address)
})
afterAll(async () => {
  client.close()
  await broker.remove()
})

async function create({
  name = `topic-${topics++}`,
  partitions = 1,
  policy = 'delete',
} = {}): Promise<string> {
  const numbers = { numPartitions: partitions, replicationFactor: 1 }
  const configs = [{ name: 'cleanup.policy', value: policy }]
  const response = await client.ask('CreateTopics', 7, {
    topics: [{ name, ...numbers, assignments: [], configs }],
    timeoutMs: 1_000,
  })
  expect(response.topics[0]?.errorCode).toBe(0)
  return name
}

async function produce(name: string, values: readonly string[]): Promise<void> {
  const { responses } = await client.ask('Produce', 8, {
    acks: -1,
    timeoutMs: 1_000,
    topicData: [{ name, partitionData: [{ index: 0, records: batchOf(values) }] }],
  })
  expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
}

async function deleteRecords(name: string, offset: number, partitionIndex = 0) {
  const { topics: answers } = await client.ask('DeleteRecords', 2, {
    topics: [{ name, partitions: [{ partitionIndex, offset }] }],
    timeoutMs: 1_000,
  })
  return answers[0]?.partitions[0]
}

test('records are deleted up to an offset, or all of them, and stay so after a restart', async () => {
  const name = await create()
  for (const value of ['a', 'b', 'c']) await produce(name, [value])
  expect(await deleteRecords(name, 2)).toMatchObject({ errorCode: 0, lowWatermark: 2 })
  expect(await deleteRecords(name, 1)).toMatchObject({ errorCode: 0, lowWatermark: 2 })
  const earliest = async () => {
    const { topics: answers } = await client.ask('ListOffsets', 7, {
      topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -2 }] }],
    })
    return answers[0]?.partitions[0]?.offset
  }
  expect(await earliest()).toBe(2)
  client.close()
  await broker.restart()
  client = await RawKafka.connect(broker.address)
  expect(await earliest()).toBe(2)
  expect(await deleteRecords(name, -1)).toMatchObject({ errorCode: 0, lowWatermark: 3 })
  expect(await earliest()).toBe(3)
})

test('records that are not there, or the broker’s own, are not deleted', async () => {
  const name = await create()
  await produce(name, ['a'])
  const codes = []
  for (const [topic, offset, partition] of [
    [name, 2, 0],
    [name, -2, 0],
    [name, 1, 7],
    ['nowhere', 0, 0],
    ['__consumer_offsets', 0, 0],
  ] as const) {
    const answer = await deleteRecords(topic, offset, partition)
    expect(answer?.lowWatermark).toBe(-1)
    codes.push(answer?.errorCode)
  }
  expect(codes).toEqual([
    errorCodes.OFFSET_OUT_OF_RANGE,
    errorCodes.OFFSET_OUT_OF_RANGE,
    errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    errorCodes.INVALID_TOPIC_EXCEPTION,
  ])
})

test('of a compacted topic records are deleted only where its policy deletes as well', async () => {
  const compacted = await create({ policy: 'compact' })
  expect((await deleteRecords(compacted, 0))?.errorCode).toBe(errorCodes.POLICY_VIOLATION)
  const both = await create({ policy: 'compact,delete' })
  expect((await deleteRecords(both, 0))?.errorCode).toBe(0)
})

test('the end of the one leader’s epoch is told, and other epochs have none', async () => {
  const name = await create()
  await produce(name, ['a', 'b'])
  const ask = async (leaderEpoch: number, currentLeaderEpoch = -1, partition = 0) => {
    const { topics: answers } = await client.ask('OffsetForLeaderEpoch', 4, {
      replicaId: -1,
      topics: [{ topic: name, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }],
    })
    return answers[0]?.partitions[0]
  }
  expect(await ask(0, 0)).toEqual({ errorCode: 0, partition: 0, leaderEpoch: 0, endOffset: 2 })
  expect(await ask(3)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1 })
  expect(await ask(0, 1)).toMatchObject({ errorCode: errorCodes.UNKNOWN_LEADER_EPOCH })
  expect(await ask(0, -3)).toMatchObject({ errorCode: errorCodes.FENCED_LEADER_EPOCH })
  expect(await ask(0, 0, 9)).toMatchObject({ errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION })
})

test('the log’s directory is told with what its partitions take, and what the disk has', async () => {
  const name = await create({ partitions: 2 })
  await produce(name, ['x'.repeat(5_000)])
  const sizes = async (wanted: { topic: string; partitions: number[] }[] | null, version = 4) => {
    const { results } = await client.ask('DescribeLogDirs', version, { topics: wanted })
    expect(results.length).toBe(1)
    expect(results[0]?.logDir).toContain(broker.dataDir)
    return results[0]
  }
  const one = await sizes([{ topic: name, partitions: [1, 0, 0, 9] }])
  expect(one?.topics.map((topic) => topic.name)).toEqual([name])
  const partitions = one?.topics[0]?.partitions ?? []
  expect(partitions.map(({ partitionIndex }) => partitionIndex)).toEqual([1, 0])
  expect(partitions[0]).toMatchObject({ partitionSize: 0, offsetLag: 0, isFutureKey: false })
  expect(partitions[1]?.partitionSize).toBe(batchOf(['x'.repeat(5_000)]).length)
  expect(one?.totalBytes).toBeGreaterThan(one?.usableBytes ?? Infinity)
  const all = (await sizes(null))?.topics.map((topic) => topic.name)
  expect(all).toContain(name)
  expect(all).toContain('__consumer_offsets')
  expect((await sizes([{ topic: 'nowhere', partitions: [0] }], 1))?.topics).toEqual([])
})

test('no election is ever needed', async () => {
  const name = await create()
  const elect = (topicPartitions: { topic: string; partitions: number[] }[] | null, type = 0) =>
    client.ask('ElectLeaders', 2, { electionType: type, topicPartitions })
  const { errorCode, replicaElectionResults } = await elect([{ topic: name, partitions: [0, 5] }])
  expect(errorCode).toBe(0)
  expect(replicaElectionResults[0]?.partitionResult).toEqual([
    {
      partitionId: 0,
      errorCode: errorCodes.ELECTION_NOT_NEEDED,
      errorMessage: 'Leader election not needed for topic partition.',
    },
    {
      partitionId: 5,
      errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      errorMessage: `No such partition as ${name}-5`,
    },
  ])
  const all = await elect(null, 1)
  expect(all.errorCode).toBe(0)
  expect(all.replicaElectionResults).toContainEqual({ topic: name, partitionResult: [] })
  expect((await elect(null, 7)).errorCode).toBe(errorCodes.INVALID_REQUEST)
})

test('a partition can be reassigned to where it is, and to nowhere else', async () => {
  const name = await create()
  const reassign = async (partitionIndex: number, replicas: number[] | null) => {
    const { responses, errorCode } = await client.ask('AlterPartitionReassignments', 1, {
      topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
    })
    expect(errorCode).toBe(0)
    return responses[0]?.partitions[0]
  }
  expect(await reassign(0, [1])).toMatchObject({ errorCode: 0, errorMessage: null })
  const refused = [
    await reassign(0, null),
    await reassign(0, [2]),
    await reassign(0, [1, 1]),
    await reassign(0, []),
    await reassign(3, [1]),
  ]
  expect(refused.map((answer) => answer?.errorCode)).toEqual([
    errorCodes.NO_REASSIGNMENT_IN_PROGRESS,
    errorCodes.INVALID_REPLICA_ASSIGNMENT,
    errorCodes.INVALID_REPLICA_ASSIGNMENT,
    errorCodes.INVALID_REPLICA_ASSIGNMENT,
    errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  ])
  for (const answer of refused) expect(answer?.errorMessage).toMatch(/^\S.+/)
  const listed = await client.ask('ListPartitionReassignments', 0, { topics: null })
  expect(listed).toMatchObject({ errorCode: 0, topics: [] })
})

test('the cluster is this broker, for those who ask for brokers', async () => {
  const port = Number(broker.address.split(':')[1])
  const cluster = await client.ask('DescribeCluster', 2, {
    includeClusterAuthorizedOperations: true,
  })
  expect(cluster).toMatchObject({
    errorCode: 0,
    controllerId: 1,
    brokers: [{ brokerId: 1, host: '127.0.0.1', port, isFenced: false }],
    clusterAuthorizedOperations: 8096,
  })
  expect(cluster.clusterId).toMatch(/^[\w-]{22}$/)
  const ask = async (endpointType: number) =>
    (
      await client.ask('DescribeCluster', 1, {
        includeClusterAuthorizedOperations: false,
        endpointType,
      })
    ).errorCode
  expect(await ask(2)).toBe(errorCodes.MISMATCHED_ENDPOINT_TYPE)
  expect(await ask(3)).toBe(errorCodes.UNSUPPORTED_ENDPOINT_TYPE)
})

type Cursor = { topicName: string; partitionIndex: number } | null

async function page(names: readonly string[], limit: number, cursor: Cursor = null) {
  const response = await client.ask('DescribeTopicPartitions', 0, {
    topics: names.map((name) => ({ name })),
    responsePartitionLimit: limit,
    cursor,
  })
  return response
}

test('topics are told page by page until there is no next', async () => {
  const names = [
    await create({ name: 'page-c', partitions: 2 }),
    await create({ name: 'page-a', partitions: 3 }),
    await create({ name: 'page-b' }),
  ]
  const seen: string[] = []
  let cursor: Cursor = null
  let pages = 0
  do {
    const { topics: told, nextCursor } = await page(names, 2, cursor)
    for (const { name, partitions } of told) {
      seen.push(...partitions.map(({ partitionIndex }) => `${name}-${partitionIndex}`))
    }
    cursor = nextCursor
    pages += 1
  } while (cursor !== null)
  expect(seen).toEqual(['page-a-0', 'page-a-1', 'page-a-2', 'page-b-0', 'page-c-0', 'page-c-1'])
  expect(pages).toBe(3)
})

test('a page has one partition at least, and tells all about it', async () => {
  const name = await create({ partitions: 2 })
  const { topics: told, nextCursor } = await page([name], 0)
  expect(told).toEqual([
    {
      errorCode: 0,
      name,
      topicId: expect.not.stringContaining(zeroUuid),
      isInternal: false,
      partitions: [
        {
          errorCode: 0,
          partitionIndex: 0,
          leaderId: 1,
          leaderEpoch: 0,
          replicaNodes: [1],
          isrNodes: [1],
          eligibleLeaderReplicas: [],
          lastKnownElr: [],
          offlineReplicas: [],
        },
      ],
      topicAuthorizedOperations: 3576,
    },
  ])
  expect(nextCursor).toEqual({ topicName: name, partitionIndex: 1 })
})

test('no names mean all topics, and unknown ones are named as such', async () => {
  const name = await create()
  const all = (await page([], 2_000)).topics
  expect(all.map((topic) => topic.name)).toContain(name)
  expect(all.find((topic) => topic.name === '__consumer_offsets')?.isInternal).toBe(true)
  const asked = (await page(['nowhere', 'in valid', name], 2_000)).topics
  expect(asked.map((topic) => [topic.name, topic.errorCode])).toEqual([
    ['in valid', errorCodes.INVALID_TOPIC_EXCEPTION],
    ['nowhere', errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    [name, 0],
  ])
})

test('a cursor that fits no topic of the request is refused', async () => {
  const name = await create()
  for (const cursor of [
    { topicName: 'zzz', partitionIndex: 0 },
    { topicName: name, partitionIndex: -1 },
  ]) {
    const { topics: told } = await page([name], 10, cursor)
    expect(told.map(({ errorCode }) => errorCode)).toEqual([errorCodes.INVALID_REQUEST])
  }
})

test('a refusal that repeats the longest text of a request is cut, and reaches its client', async () => {
  const name = 'ä'.repeat(16_383)
  for (const version of [4, 7]) {
    const numbers = { numPartitions: 1, replicationFactor: 1 }
    const { topics: refused } = await client.ask('CreateTopics', version, {
      topics: [{ name, ...numbers, assignments: [], configs: [] }],
      timeoutMs: 1_000,
    })
    expect(refused[0]).toMatchObject({ name, errorCode: errorCodes.INVALID_TOPIC_EXCEPTION })
    expect(refused[0]?.errorMessage).toMatch(/^Topic name is invalid: the length of 'ä+$/)
    expect(Buffer.byteLength(refused[0]?.errorMessage ?? '')).toBe(32_766)
  }
})
