// Tests idempotent producers over the wire: ids, retries on the same and on another connection, refusals.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorCodes } from '../../protocol/error-codes.ts'
import { sequencedBatch } from '../../test/support/log-store.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { TestBroker } from '../../test/support/test-broker.ts'

let broker: TestBroker
let client: RawKafka
beforeAll(async () => {
  broker = await TestBroker.start()
  client = await RawKafka.connect(broker.address)
})
afterAll(async () => {
  client.close()
  await broker.remove()
})

const newProducer = { transactionalId: null, transactionTimeoutMs: 60_000 }

async function producerId(version = 4): Promise<number> {
  const given = await client.ask('InitProducerId', version, newProducer)
  expect(given).toMatchObject({ errorCode: 0, producerEpoch: 0 })
  return given.producerId
}

async function createTopic(name: string): Promise<void> {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  await client.ask('CreateTopics', 7, { topics: [topic], timeoutMs: 1_000 })
}

function produceRequest(topic: string, records: Buffer) {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
  return { acks: -1, timeoutMs: 1_000, topicData }
}

async function produce(topic: string, records: Buffer, from = client) {
  const { responses } = await from.ask('Produce', 8, produceRequest(topic, records))
  return responses[0]?.partitionResponses[0]
}

test('every version gives an id of its own, and so does a producer that brings the one it has', async () => {
  const ids = []
  for (let version = 0; version <= 5; version++) ids.push(await producerId(version))
  const held = { ...newProducer, producerId: ids[0] ?? -1, producerEpoch: 0 }
  ids.push((await client.ask('InitProducerId', 5, held)).producerId)
  expect(new Set(ids).size).toBe(7)
})

test('a retry has the offset of the first time, on another connection and after a restart too', async () => {
  await createTopic('retried')
  const producer = { producerId: await producerId() }
  const batch = (sequence: number) => sequencedBatch(producer, sequence, [`record ${sequence}`])
  expect(await produce('retried', batch(0))).toMatchObject({ errorCode: 0, baseOffset: 0 })
  expect(await produce('retried', batch(1))).toMatchObject({ errorCode: 0, baseOffset: 1 })
  const other = await RawKafka.connect(broker.address)
  expect(await produce('retried', batch(0), other)).toMatchObject({ errorCode: 0, baseOffset: 0 })
  other.close()
  await broker.restart()
  client = await RawKafka.connect(broker.address)
  expect(await produce('retried', batch(1))).toMatchObject({ errorCode: 0, baseOffset: 1 })
  expect(await produce('retried', batch(2))).toMatchObject({ errorCode: 0, baseOffset: 2 })
  expect(await producerId()).toBeGreaterThan(producer.producerId)
})

test('a batch and its retry in one write are answered alike', async () => {
  await createTopic('piped')
  const producer = { producerId: await producerId() }
  for (let n = 0; n < 2; n++) {
    client.send('Produce', 8, produceRequest('piped', sequencedBatch(producer, 0, ['a', 'b'])))
  }
  const answers = [await client.receive('Produce', 8), await client.receive('Produce', 8)]
  for (const { responses } of answers) {
    expect(responses[0]?.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 0 })
  }
})

test('a gap and an older epoch are refused with Kafka’s errors and a sentence', async () => {
  await createTopic('refused')
  const id = await producerId()
  await produce('refused', sequencedBatch({ producerId: id, epoch: 1 }, 0, ['a']))
  expect(await produce('refused', sequencedBatch({ producerId: id, epoch: 1 }, 2, ['c']))).toEqual(
    expect.objectContaining({
      errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
      baseOffset: -1,
      errorMessage: `producer ${id} sends sequence 2 where 1 is due`,
    }),
  )
  expect(await produce('refused', sequencedBatch({ producerId: id, epoch: 0 }, 1, ['b']))).toEqual(
    expect.objectContaining({
      errorCode: errorCodes.INVALID_PRODUCER_EPOCH,
      errorMessage: `producer ${id} has epoch 1 by now, not 0`,
    }),
  )
})
