// Tests the Kafka door over bare sockets: bad bytes, versions, order of answers, slow readers, stopping.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { errorCodes } from '../../protocol/error-codes.ts'
import { parseResponse } from '../../protocol/request.ts'
import { eventually } from '../../test/support/eventually.ts'
import { batchOf } from '../../test/support/log-store.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { TestBroker } from '../../test/support/test-broker.ts'
import { requestMemoryWithin } from './kafka-server.ts'

let broker: TestBroker
let client: RawKafka
beforeEach(async () => {
  broker = await TestBroker.start()
  client = await RawKafka.connect(broker.address)
})
afterEach(async () => {
  client.close()
  await broker.remove()
})

const frame = (...bytes: number[]): Buffer => Buffer.from(bytes)
const loggedReasons = (): unknown[] =>
  broker.log.flatMap((line) => {
    const { message, reason } = JSON.parse(line) as Record<string, unknown>
    return message === 'connection closed' ? [reason] : []
  })

async function works(): Promise<void> {
  const other = await RawKafka.connect(broker.address)
  expect((await other.ask('ApiVersions', 3, {})).errorCode).toBe(0)
  other.close()
}

function produceRequest(topic: string, records: Buffer, acks = -1) {
  const partitionData = [{ index: 0, records }]
  return { acks, timeoutMs: 1_000, topicData: [{ name: topic, partitionData }] }
}

function fetchRequest(
  topic: string,
  fetchOffset: number,
  wait: { maxWaitMs: number; minBytes: number },
) {
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 10_000_000 }]
  return { ...wait, maxBytes: 50_000_000, isolationLevel: 0, topics: [{ topic, partitions }] }
}

const all = { topics: [], allowAutoTopicCreation: false }
const createT = { topics: [{ name: 't', topicId: undefined }], allowAutoTopicCreation: true }

test.each([
  ['a length over the limit', frame(0x7f, 0xff, 0xff, 0xff), 'at most 104857600'],
  ['a negative length', frame(0xff, 0xff, 0xff, 0xff), 'frame length is -1'],
  ['an API that is not spoken', frame(0, 0, 0, 10, 3, 231, 0, 0, 0, 0, 0, 1, 255, 255), '999'],
  ['a body that is cut short', frame(0, 0, 0, 10, 0, 3, 0, 1, 0, 0, 0, 1, 255, 255), 'position'],
  ['a header that is cut short', frame(0, 0, 0, 3, 0, 3, 0), 'position'],
])('%s closes the connection with a logged reason, and others go on', async (_, bytes, reason) => {
  client.socket.write(bytes)
  expect(await client.closed()).toEqual([])
  expect(loggedReasons()).toEqual([expect.stringContaining(reason)])
  await works()
})

test('random bytes never stop the broker', async () => {
  for (let i = 0; i < 50; i++) {
    const noise = await RawKafka.connect(broker.address)
    const body = randomBytes(200)
    // A plausible length and API key, so that the noise reaches the parsers of bodies.
    body.writeInt32BE(196, 0)
    body.writeInt16BE(i % 20, 4)
    body.writeInt16BE(i % 5, 6)
    noise.socket.end(body)
    await noise.closed()
  }
  await works()
})

test('ApiVersions of an unknown version is answered in version 0, with what is spoken', async () => {
  client.sendBytes(18, 99, Buffer.from([0, 1, 2, 3]))
  const response = parseResponse('ApiVersions', 0, await client.frame())
  expect(response).toMatchObject({ ok: true, correlationId: 0 })
  if (!response.ok) return
  expect(response.body.errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
  expect(response.body.apiKeys).toContainEqual({ apiKey: 18, minVersion: 0, maxVersion: 4 })
  // The connection is still good for a version that is known.
  expect((await client.ask('ApiVersions', 3, {})).errorCode).toBe(0)
})

test('the least versions are those that librdkafka 2.0 looks for', async () => {
  const { apiKeys } = await client.ask('ApiVersions', 0, {})
  const least = Object.fromEntries(apiKeys.map(({ apiKey, minVersion }) => [apiKey, minVersion]))
  expect(least).toMatchObject({ 0: 0, 1: 4, 2: 1, 8: 1, 9: 1, 10: 0, 11: 0, 12: 0, 13: 0, 14: 0 })
})

test('a later version of an API with an error of its own is answered UNSUPPORTED_VERSION', async () => {
  client.sendBytes(12, 90, Buffer.alloc(0))
  const { errorCode } = await client.receive('Heartbeat', 4)
  expect(errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
})

test('a version whose answer could not be read closes the connection with a logged reason', async () => {
  client.sendBytes(1, 3, Buffer.alloc(40))
  await client.closed()
  expect(loggedReasons()).toEqual(['Fetch version 3 is not in 4 to 17'])
})

test('requests sent in one go are answered in their order', async () => {
  await client.ask('Metadata', 4, createT)
  const ids: number[] = []
  for (let i = 0; i < 200; i++) {
    ids.push(client.send('Metadata', 1, all))
    ids.push(client.send('Produce', 7, produceRequest('t', batchOf([`${i}`]))))
  }
  const answered: number[] = []
  for (const _ of ids) answered.push((await client.frame()).readInt32BE(0))
  expect(answered).toEqual(ids)
  const fetched = await client.ask('Fetch', 4, fetchRequest('t', 0, { maxWaitMs: 0, minBytes: 0 }))
  expect(fetched.responses[0]?.partitions[0]?.highWatermark).toBe(200)
})

test('requests are understood however the bytes are cut', async () => {
  const socket = client.socket
  const bytes = Buffer.from('0000000a00120000000000070000'.padEnd(28, '0'), 'hex')
  bytes.writeInt16BE(-1, 12)
  for (const byte of bytes) {
    await new Promise<void>((resolve) => socket.write(Buffer.from([byte]), () => resolve()))
  }
  expect((await client.frame()).readInt32BE(0)).toBe(7)
})

test('acks 0 gets no answer: the next answer is that of the next request', async () => {
  await client.ask('Metadata', 4, createT)
  client.send('Produce', 7, produceRequest('t', batchOf(['x']), 0))
  const id = client.send('Metadata', 1, all)
  expect((await client.frame()).readInt32BE(0)).toBe(id)
})

test('a long poll is answered by the first record that comes, not by its time', async () => {
  await client.ask('Metadata', 4, createT)
  client.send('Fetch', 11, fetchRequest('t', 0, { maxWaitMs: 60_000, minBytes: 1 }))
  const producer = await RawKafka.connect(broker.address)
  await producer.ask('Produce', 7, produceRequest('t', batchOf(['x'])))
  producer.close()
  const { responses } = await client.receive('Fetch', 11)
  expect(responses[0]?.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 1 })
})

test('a client that does not read gets no more answers made', async () => {
  await client.ask('Metadata', 4, createT)
  const megabyte = 'x'.repeat(1_000_000)
  for (let i = 0; i < 8; i++) {
    await client.ask('Produce', 7, produceRequest('t', batchOf([megabyte])))
  }
  const slow = await RawKafka.connect(broker.address)
  slow.socket.pause()
  const fetches = 300
  const request = fetchRequest('t', 0, { maxWaitMs: 0, minBytes: 0 })
  for (let i = 0; i < fetches; i++) slow.send('Fetch', 11, request)
  const fetched = async (): Promise<number> => {
    const samples = await broker.role.metrics.collect()
    const count = samples.find(
      ({ name, labels }) => name === 'millrace_broker_requests_total' && labels['api'] === 'Fetch',
    )
    return Number(count?.value ?? 0)
  }
  await eventually(
    async () => (await fetched()) > 0 || undefined,
    () => 'no fetch was answered',
  )
  // Whatever could be done for the fetches meanwhile was done before these are answered.
  for (let i = 0; i < 50; i++) await client.ask('Metadata', 1, all)
  expect(await fetched()).toBeLessThan(5)
  slow.socket.resume()
  for (let i = 0; i < 30; i++) expect((await slow.frame()).length).toBeGreaterThan(1_000_000)
  slow.close()
})

test('a connection that closes ends its long poll', async () => {
  await client.ask('Metadata', 4, createT)
  client.send('Fetch', 11, fetchRequest('t', 0, { maxWaitMs: 60_000, minBytes: 1 }))
  client.send('Metadata', 1, all)
  client.close()
  // Stopping would otherwise wait for the poll.
  await broker.role.stop()
  await broker.start()
})

test('a broker that stops answers what waits', async () => {
  await client.ask('Metadata', 4, createT)
  client.send('Fetch', 11, fetchRequest('t', 0, { maxWaitMs: 60_000, minBytes: 1 }))
  const member = await RawKafka.connect(broker.address)
  const join = {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  }
  expect((await member.ask('JoinGroup', 3, join)).errorCode).toBe(0)
  const second = await RawKafka.connect(broker.address)
  second.send('JoinGroup', 3, join)
  await works()
  const stopped = broker.role.stop()
  const { responses } = await client.receive('Fetch', 11)
  expect(responses[0]?.partitions[0]?.errorCode).toBe(0)
  const { errorCode } = await second.receive('JoinGroup', 3)
  expect(errorCode).toBe(errorCodes.COORDINATOR_NOT_AVAILABLE)
  await stopped
  await member.closed()
  await broker.start()
})

test('requests take a quarter of a small container, and a gibibyte where there is no limit', () => {
  const mib = 1024 * 1024
  expect(requestMemoryWithin(512 * mib)).toBe(128 * mib)
  expect(requestMemoryWithin(0)).toBe(1024 * mib)
  expect(requestMemoryWithin(2 ** 64)).toBe(1024 * mib)
})
