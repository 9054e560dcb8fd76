// Tests transactions over the wire: each API's errors by version, and what readers see of what is open or aborted.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorCodes, type KafkaErrorName } from '../../protocol/error-codes.ts'
import { batchOf, recordsOf, sequencedBatch } from '../../test/support/log-store.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { TestBroker } from '../../test/support/test-broker.ts'

let broker: TestBroker
let client: RawKafka
let ids = 0
beforeAll(async () => {
  broker = await TestBroker.start({ numPartitions: 2 })
  client = await RawKafka.connect(broker.address)
})
afterAll(async () => {
  client.close()
  await broker.remove()
})

const code = (error: KafkaErrorName): number => errorCodes[error]

interface Producer {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

async function initialize(transactionalId = `tx-${ids++}`): Promise<Producer> {
  const asked = { transactionalId, transactionTimeoutMs: 60_000 }
  const { errorCode, ...given } = await client.ask('InitProducerId', 4, asked)
  expect(errorCode).toBe(0)
  return { transactionalId, producerId: given.producerId, producerEpoch: given.producerEpoch }
}

async function createTopic(name = `topic-${ids++}`): Promise<string> {
  const topic = { name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
  await client.ask('CreateTopics', 7, { topics: [topic], timeoutMs: 1_000 })
  return name
}

async function add(producer: Producer, topic: string, version = 3): Promise<number[]> {
  const topics = [{ name: topic, partitions: [0] }]
  const answer = await client.ask('AddPartitionsToTxn', version, { ...producer, topics })
  return answer.resultsByTopic.flatMap(({ resultsByPartition }) =>
    resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
  )
}

async function end(producer: Producer, committed: boolean, version = 3): Promise<number> {
  return (await client.ask('EndTxn', version, { ...producer, committed })).errorCode
}

async function produce(
  topic: string,
  records: Buffer,
  { transactionalId, version = 9 }: { transactionalId: string | null; version?: number },
): Promise<number | undefined> {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
  const request = { transactionalId, acks: -1, timeoutMs: 1_000, topicData }
  const { responses } = await client.ask('Produce', version, request)
  return responses[0]?.partitionResponses[0]?.errorCode
}

function batch(producer: Producer, sequence: number, value = `${sequence}`): Buffer {
  const { producerId, producerEpoch: epoch } = producer
  return sequencedBatch({ producerId, epoch, isTransactional: true }, sequence, [value])
}

async function write(producer: Producer, topic: string, sequence: number): Promise<void> {
  const { transactionalId } = producer
  expect(await produce(topic, batch(producer, sequence), { transactionalId })).toBe(0)
}

async function fetch(topic: string, isolationLevel: number, fetchOffset = 0) {
  const partition = { partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }
  const { responses } = await client.ask('Fetch', 12, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1_000_000,
    isolationLevel,
    topics: [{ topic, partitions: [partition] }],
  })
  const read = responses[0]?.partitions[0]
  if (read === undefined) throw new Error('the partition is answered')
  const offsets = recordsOf(read.records ?? Buffer.alloc(0)).map(({ offset }) => offset)
  return { ...read, offsets }
}

async function latest(topic: string, isolationLevel: number, timestamp = -1) {
  const partitions = [{ partitionIndex: 0, timestamp }]
  const topics = [{ name: topic, partitions }]
  const answer = await client.ask('ListOffsets', 7, { replicaId: -1, isolationLevel, topics })
  return answer.topics[0]?.partitions[0]?.offset
}

test('readers of committed records stop where a transaction is open, and are told what was aborted', async () => {
  const topic = await createTopic()
  const [one, two] = [await initialize(), await initialize()]
  await produce(topic, batchOf(['plain']), { transactionalId: null })
  for (const producer of [one, two]) expect(await add(producer, topic)).toEqual([0])
  await write(one, topic, 0)
  await write(two, topic, 0)
  expect(await fetch(topic, 0)).toMatchObject({
    offsets: [0, 1, 2],
    highWatermark: 3,
    lastStableOffset: 1,
    abortedTransactions: null,
  })
  expect(await fetch(topic, 1)).toMatchObject({ offsets: [0], abortedTransactions: [] })
  expect([await latest(topic, 0), await latest(topic, 1)]).toEqual([3, 1])
  expect([await latest(topic, 0, 1), await latest(topic, 1, 1)]).toEqual([0, 0])
  expect(await end(two, false)).toBe(0)
  expect((await fetch(topic, 1)).offsets).toEqual([0])
  expect(await end(one, true)).toBe(0)
  const { producerId } = two
  expect(await fetch(topic, 1)).toMatchObject({
    offsets: [0, 1, 2, 3, 4],
    lastStableOffset: 5,
    abortedTransactions: [{ producerId, firstOffset: 2 }],
  })
  expect((await fetch(topic, 1, 4)).abortedTransactions).toEqual([])
  expect([await latest(topic, 0), await latest(topic, 1)]).toEqual([5, 5])
})

test('a long poll for committed records ends when the transaction does', async () => {
  const topic = await createTopic()
  const producer = await initialize()
  await add(producer, topic)
  await write(producer, topic, 0)
  const reader = await RawKafka.connect(broker.address)
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }]
  const topics = [{ topic, partitions }]
  const waiting = { maxWaitMs: 30_000, minBytes: 1, maxBytes: 1_000_000, isolationLevel: 1, topics }
  const answer = reader.ask('Fetch', 12, waiting)
  await end(producer, true)
  const records = (await answer).responses[0]?.partitions[0]?.records ?? Buffer.alloc(0)
  expect(recordsOf(records)).toHaveLength(2)
  reader.close()
})

test('a partition is written to only by the transaction that it belongs to', async () => {
  const topic = await createTopic()
  const producer = await initialize()
  const { transactionalId } = producer
  const attempt = (version: number) =>
    produce(topic, batch(producer, 0), { transactionalId, version })
  expect(await attempt(9)).toBe(code('INVALID_TXN_STATE'))
  expect(await attempt(11)).toBe(code('TRANSACTION_ABORTABLE'))
  const without = produce(topic, batch(producer, 0), { transactionalId: null })
  expect(await without).toBe(code('INVALID_TXN_STATE'))
  const unknown = produce(topic, batch(producer, 0), { transactionalId: 'nobody' })
  expect(await unknown).toBe(code('INVALID_PRODUCER_ID_MAPPING'))
  await add(producer, topic)
  await write(producer, topic, 0)
  const plain = sequencedBatch({ producerId: producer.producerId }, 1, ['outside'])
  expect(await produce(topic, plain, { transactionalId })).toBe(code('INVALID_TXN_STATE'))
  await end(producer, true)
  expect(await attempt(9)).toBe(code('INVALID_TXN_STATE'))
})

test.each<[number, KafkaErrorName]>([
  [1, 'INVALID_PRODUCER_EPOCH'],
  [2, 'PRODUCER_FENCED'],
])('at version %d a producer that was replaced is told %s', async (version, error) => {
  const topic = await createTopic()
  const old = await initialize()
  await initialize(old.transactionalId)
  expect(await add(old, topic, version)).toEqual([code(error)])
  expect(await end(old, true, version)).toBe(code(error))
  const offsets = await client.ask('AddOffsetsToTxn', version, { ...old, groupId: 'g' })
  expect(offsets.errorCode).toBe(code(error))
  const { transactionalId } = old
  const written = await produce(topic, batch(old, 0), { transactionalId })
  expect(written).toBe(code('INVALID_PRODUCER_EPOCH'))
})

test('InitProducerId bumps the epoch, goes on from the one that is held, and fences others', async () => {
  const first = await initialize()
  const { transactionalId, producerId } = first
  const asked = (version: number, producerEpoch: number) =>
    client.ask('InitProducerId', version, {
      transactionalId,
      transactionTimeoutMs: 60_000,
      producerId,
      producerEpoch,
    })
  expect(await asked(4, 0)).toMatchObject({ errorCode: 0, producerId, producerEpoch: 1 })
  // The same request again: its answer was lost.
  expect(await asked(4, 0)).toMatchObject({ errorCode: 0, producerId, producerEpoch: 1 })
  expect(await asked(4, 1)).toMatchObject({ errorCode: 0, producerEpoch: 2 })
  expect((await asked(4, 0)).errorCode).toBe(code('PRODUCER_FENCED'))
  expect((await asked(3, 0)).errorCode).toBe(code('INVALID_PRODUCER_EPOCH'))
  expect((await asked(4, -1)).errorCode).toBe(code('INVALID_REQUEST'))
})

test.each<[{ transactionalId: string; transactionTimeoutMs: number }, KafkaErrorName]>([
  [{ transactionalId: '', transactionTimeoutMs: 1000 }, 'INVALID_REQUEST'],
  [{ transactionalId: 'x', transactionTimeoutMs: 0 }, 'INVALID_TRANSACTION_TIMEOUT'],
  [{ transactionalId: 'x', transactionTimeoutMs: 900_001 }, 'INVALID_TRANSACTION_TIMEOUT'],
])('InitProducerId of %j is refused with %s', async (asked, error) => {
  const given = await client.ask('InitProducerId', 4, asked)
  expect(given).toMatchObject({ errorCode: code(error), producerId: -1, producerEpoch: -1 })
})

test('partitions are added together or not at all', async () => {
  const topic = await createTopic()
  const producer = await initialize()
  const topics = [
    { name: topic, partitions: [0, 7] },
    { name: '__transaction_state', partitions: [0] },
    { name: 'nowhere', partitions: [0] },
  ]
  const answer = await client.ask('AddPartitionsToTxn', 3, { ...producer, topics })
  const codes = answer.resultsByTopic.flatMap(({ resultsByPartition }) =>
    resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
  )
  expect(codes).toEqual([
    code('OPERATION_NOT_ATTEMPTED'),
    code('UNKNOWN_TOPIC_OR_PARTITION'),
    code('INVALID_TOPIC_EXCEPTION'),
    code('UNKNOWN_TOPIC_OR_PARTITION'),
  ])
  expect(await end(producer, true)).toBe(code('INVALID_TXN_STATE'))
})

test('brokers’ form of AddPartitionsToTxn takes several transactions, and only looks if asked to', async () => {
  const topic = await createTopic()
  const [one, two] = [await initialize(), await initialize()]
  const topics = [{ name: topic, partitions: [1] }]
  const ask = async (version: number, verifyOnly: boolean) => {
    const wanted = { verifyOnly, topics }
    const transactions = [
      { ...one, ...wanted },
      { ...two, ...wanted },
    ]
    const answer = await client.ask('AddPartitionsToTxn', version, { transactions })
    return answer.resultsByTransaction.map(
      ({ topicResults }) => topicResults[0]?.resultsByPartition[0]?.partitionErrorCode,
    )
  }
  const invalid = code('INVALID_TXN_STATE')
  const abortable = code('TRANSACTION_ABORTABLE')
  expect(await ask(4, true)).toEqual([invalid, invalid])
  expect(await ask(5, true)).toEqual([abortable, abortable])
  expect(await ask(4, false)).toEqual([0, 0])
  expect(await ask(5, true)).toEqual([0, 0])
})

async function commitOffset(
  producer: Producer,
  topic: string,
  options: { version?: number; memberId?: string; generationId?: number; partition?: number } = {},
) {
  const { version = 3, partition = 0, ...member } = options
  const partitions = [{ partitionIndex: partition, committedOffset: 7, committedMetadata: 'm' }]
  const request = { ...producer, groupId: `g-${topic}`, ...member }
  const topics = [{ name: topic, partitions }]
  const answer = await client.ask('TxnOffsetCommit', version, { ...request, topics })
  return answer.topics[0]?.partitions[0]?.errorCode
}

async function fetchOffset(topic: string, requireStable: boolean, version = 8) {
  const topics = [{ name: topic, partitionIndexes: [0] }]
  const groupId = `g-${topic}`
  const request =
    version < 8
      ? { groupId, topics, requireStable }
      : { groups: [{ groupId, topics }], requireStable }
  const answer = await client.ask('OffsetFetch', version, request)
  return (answer.groups[0]?.topics ?? answer.topics)[0]?.partitions[0]
}

test('a group’s offset is pending until the transaction is committed', async () => {
  const topic = await createTopic()
  const producer = await initialize()
  expect(await commitOffset(producer, topic)).toBe(code('INVALID_TXN_STATE'))
  expect(await commitOffset(producer, topic, { version: 4 })).toBe(code('TRANSACTION_ABORTABLE'))
  const added = await client.ask('AddOffsetsToTxn', 3, { ...producer, groupId: `g-${topic}` })
  expect(added.errorCode).toBe(0)
  expect(await commitOffset(producer, topic)).toBe(0)
  const missing = commitOffset(producer, topic, { partition: 9 })
  expect(await missing).toBe(code('UNKNOWN_TOPIC_OR_PARTITION'))
  for (const version of [7, 8]) {
    expect(await fetchOffset(topic, true, version)).toMatchObject({
      committedOffset: -1,
      errorCode: code('UNSTABLE_OFFSET_COMMIT'),
    })
    expect(await fetchOffset(topic, false, version)).toMatchObject({
      committedOffset: -1,
      errorCode: 0,
    })
  }
  await end(producer, true)
  expect(await fetchOffset(topic, true)).toMatchObject({
    committedOffset: 7,
    metadata: 'm',
    errorCode: 0,
  })
})

test('a group’s offset of an aborted transaction is dropped', async () => {
  const topic = await createTopic()
  const producer = await initialize()
  await client.ask('AddOffsetsToTxn', 0, { ...producer, groupId: `g-${topic}` })
  expect(await commitOffset(producer, topic, { version: 0 })).toBe(0)
  await end(producer, false)
  expect(await fetchOffset(topic, true)).toMatchObject({ committedOffset: -1, errorCode: 0 })
})

test('a consumer that is not of the group cannot have its offsets committed', async () => {
  const topic = await createTopic()
  const producer = await initialize()
  await client.ask('AddOffsetsToTxn', 3, { ...producer, groupId: `g-${topic}` })
  const stranger = { memberId: 'stranger', generationId: 1 }
  expect(await commitOffset(producer, topic, stranger)).toBe(code('ILLEGAL_GENERATION'))
  const nobody = await client.ask('AddOffsetsToTxn', 3, { ...producer, groupId: '' })
  expect(nobody.errorCode).toBe(code('INVALID_GROUP_ID'))
})

test('producers of a partition and transactions are described, and listed by filters', async () => {
  const topic = await createTopic()
  const producer = await initialize(`described-${topic}`)
  const { producerId, transactionalId } = producer
  await add(producer, topic)
  await write(producer, topic, 0)
  const topics = [{ name: topic, partitionIndexes: [0, 1, 2] }]
  const described = await client.ask('DescribeProducers', 0, { topics })
  const [first, second, third] = described.topics[0]?.partitions ?? []
  expect(first?.activeProducers).toEqual([
    {
      producerId,
      producerEpoch: 0,
      lastSequence: 0,
      lastTimestamp: 1000,
      coordinatorEpoch: 0,
      currentTxnStartOffset: 0,
    },
  ])
  expect([second?.errorCode, second?.activeProducers]).toEqual([0, []])
  expect(third?.errorCode).toBe(code('UNKNOWN_TOPIC_OR_PARTITION'))

  const transactionalIds = [transactionalId, 'nobody', '']
  const states = await client.ask('DescribeTransactions', 0, { transactionalIds })
  expect(states.transactionStates).toMatchObject([
    {
      errorCode: 0,
      transactionState: 'Ongoing',
      transactionTimeoutMs: 60_000,
      producerId,
      topics: [{ topic, partitions: [0] }],
    },
    { errorCode: code('TRANSACTIONAL_ID_NOT_FOUND') },
    { errorCode: code('INVALID_REQUEST') },
  ])

  const list = async (filters: {
    stateFilters?: string[]
    producerIdFilters?: number[]
    durationFilter?: number
  }) => {
    const all = { stateFilters: [], producerIdFilters: [], ...filters }
    const listed = await client.ask('ListTransactions', 1, all)
    const ids = listed.transactionStates.map((state) => state.transactionalId)
    return { unknown: listed.unknownStateFilters, isListed: ids.includes(transactionalId) }
  }
  expect(await list({})).toEqual({ unknown: [], isListed: true })
  const some = await list({ stateFilters: ['Ongoing', 'Wrong'], producerIdFilters: [producerId] })
  expect(some).toEqual({ unknown: ['Wrong'], isListed: true })
  expect((await list({ stateFilters: ['Empty'] })).isListed).toBe(false)
  expect((await list({ producerIdFilters: [producerId + 1] })).isListed).toBe(false)
  expect((await list({ durationFilter: 3_600_000 })).isListed).toBe(false)
  await end(producer, false)
})

test('metrics count what is open, over and fenced', async () => {
  const topic = await createTopic()
  const metric = (name: string, labels = {}) => broker.metric(`millrace_${name}`, labels)
  const open = await metric('transactions_open')
  const committed = await metric('transactions_total', { outcome: 'committed' })
  const aborted = await metric('transactions_total', { outcome: 'aborted' })
  const fenced = await metric('producers_fenced_total')
  const old = await initialize()
  await add(old, topic)
  expect(await metric('transactions_open')).toBe(open + 1)
  const asked = { transactionalId: old.transactionalId, transactionTimeoutMs: 60_000 }
  const given = await client.ask('InitProducerId', 4, asked)
  expect(given.errorCode).toBe(code('CONCURRENT_TRANSACTIONS'))
  expect(await metric('transactions_open')).toBe(open)
  await end(old, true)
  const producer = await initialize()
  await add(producer, topic)
  await end(producer, true)
  expect(await metric('transactions_total', { outcome: 'committed' })).toBe(committed + 1)
  expect(await metric('transactions_total', { outcome: 'aborted' })).toBe(aborted + 1)
  expect(await metric('producers_fenced_total')).toBe(fenced + 1)
  expect(await metric('transactions_timed_out_total')).toBe(0)
})

test('an open transaction goes on after a restart, and what it wrote is seen when it is committed', async () => {
  const topic = await createTopic()
  const producer = await initialize()
  await add(producer, topic)
  await write(producer, topic, 0)
  await broker.restart()
  client = await RawKafka.connect(broker.address)
  expect((await fetch(topic, 1)).offsets).toEqual([])
  await write(producer, topic, 1)
  expect(await end(producer, true)).toBe(0)
  // One fetch reads what lies in the segment, the next what is in memory.
  expect((await fetch(topic, 1)).offsets).toContain(0)
  expect((await fetch(topic, 1, 1)).offsets).toEqual([1, 2])
})
