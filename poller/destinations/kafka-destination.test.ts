// Tests the Kafka destination against our own broker: keys, large records, outages.
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKafka, type Kafka } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { eventually } from '../../test/support/eventually.ts'
import { TestBroker } from '../../test/support/test-broker.ts'
import type { DestinationMessage } from './destination.ts'
import { KafkaDestination } from './kafka-destination.ts'

let broker: TestBroker
let kafka: Kafka
beforeAll(async () => {
  broker = await TestBroker.start({ port: await freePort() })
  kafka = await createKafka({
    brokers: [broker.address],
    clientId: 'test',
    logger: silentLogger,
  })
})
afterAll(() => broker.remove())

/** One that is the same after a restart. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

const destinationOf = (topic: string, brokers = [broker.address]): KafkaDestination =>
  new KafkaDestination({
    brokers,
    access: async () => undefined,
    topic,
    clientId: 'dead',
    logger: silentLogger,
  })
const message = (key: string | null, value: string): DestinationMessage => ({
  key: key === null ? null : Buffer.from(key),
  value,
  withoutPayload: `short ${value.length}`,
})

async function read(topic: string, count: number): Promise<(readonly [string | null, string])[]> {
  const consumer = kafka.consumer({ groupId: `reads-${topic}`, maxWaitTimeInMs: 50 })
  const seen: (readonly [string | null, string])[] = []
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message: { key, value } }) => {
      seen.push([key === null ? null : key.toString(), value?.toString() ?? ''])
    },
  })
  await eventually(
    async () => (seen.length >= count ? true : undefined),
    () => `${count} messages of ${topic}, not ${seen.length}`,
  )
  await consumer.disconnect()
  return seen
}

test('messages arrive with their keys, in their order', async () => {
  const destination = destinationOf('small')
  expect(destination.name).toBe('kafka://small')
  await destination.send([message('a', '1'), message(null, '2')])
  await destination.send([message('a', '3')])
  expect(await read('small', 3)).toEqual([
    ['a', '1'],
    [null, '2'],
    ['a', '3'],
  ])
  await destination.close()
})

test('many messages go in several requests, and one too large for the topic without its payload', async () => {
  const destination = destinationOf('large')
  const half = 'h'.repeat(500_000)
  await destination.send([
    message('a', half),
    message('b', half),
    message('c', half),
    message('d', 'x'.repeat(2_000_000)),
    message('e', 'last'),
  ])
  const seen = await read('large', 5)
  expect(seen.map(([key, value]) => [key, value.slice(0, 20), value.length])).toEqual([
    ['a', 'h'.repeat(20), 500_000],
    ['b', 'h'.repeat(20), 500_000],
    ['c', 'h'.repeat(20), 500_000],
    ['d', 'short 2000000', 13],
    ['e', 'last', 4],
  ])
  await destination.close()
})

test('a cluster that is away takes nothing, says so, and is found again when it is back', async () => {
  const destination = destinationOf('away')
  await destination.send([message('a', 'before')])
  await broker.role.stop()
  await expect(destination.send([message('a', 'lost')])).rejects.toMatchObject({
    code: 'DESTINATION_FAILED',
    retriable: true,
    message: expect.stringMatching(/^destination kafka:\/\/away took nothing: /) as string,
  })
  await broker.start()
  await destination.send([message('a', 'after')])
  expect((await read('away', 2)).map(([, value]) => value)).toEqual(['before', 'after'])
  await destination.close()
})

test('closing without having sent, and twice, is no trouble', async () => {
  const destination = destinationOf('never', ['127.0.0.1:1'])
  await destination.close()
  await destination.close()
})
