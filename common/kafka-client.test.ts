// Tests the wrapper of kafkajs against servers that accept, refuse or stay silent.
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import {
  brokerUnreachable,
  createKafka,
  isRetriable,
  partitioners,
  type Kafka,
} from './kafka-client.ts'
import { closeServer, listen } from './listen.ts'
import { createLogger, silentLogger } from './logger.ts'

const servers: Server[] = []
const sockets: Socket[] = []
afterEach(closeAll)

async function open(onConnection: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  servers.push(server)
  return listen(server, { door: 'kafka', host: '127.0.0.1', port: 0 })
}

async function closeAll(): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map(closeServer))
}

async function portOfNobody(): Promise<string> {
  const address = await open(() => {})
  await closeAll()
  return address
}

async function failureOf(kafka: Kafka): Promise<unknown> {
  const admin = kafka.admin()
  try {
    return await admin.connect()
  } catch (error) {
    return error
  } finally {
    await admin.disconnect()
  }
}

test('a refused connection becomes BROKER_UNREACHABLE that names broker and reason', async () => {
  const address = await portOfNobody()
  const lines: string[] = []
  const logger = createLogger('x', { level: 'info', format: 'text', write: (l) => lines.push(l) })
  const kafka = await createKafka({ brokers: [address], clientId: 't', logger, retries: 1 })
  const error = await failureOf(kafka)
  expect(brokerUnreachable(error, [address])).toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: `no broker answers at ${address}: connect ECONNREFUSED ${address}`,
    cause: error,
  })
  expect(lines).toEqual([])
})

test.each([
  ['hangs up', (socket: Socket): unknown => socket.destroy()],
  ['never answers', (): void => {}],
])('a server that %s is unreachable too', async (_, behave) => {
  const address = await open(behave)
  const kafka = await createKafka({
    brokers: [address],
    clientId: 't',
    logger: silentLogger,
    connectionTimeoutMs: 150,
    requestTimeoutMs: 150,
    retries: 0,
  })
  expect(brokerUnreachable(await failureOf(kafka), [address])).toMatchObject({
    code: 'BROKER_UNREACHABLE',
  })
})

test('an error that no connection caused stays what it is', () => {
  expect(brokerUnreachable(new TypeError('x is not a function'), ['a:1'])).toBeUndefined()
  expect(brokerUnreachable('a text', ['a:1'])).toBeUndefined()
})

test.each([[[]], [['localhost']], [['localhost:9092', 'b:']], [['http://localhost:9092']]])(
  'bootstrap servers that are not host:port are refused: %j',
  async (brokers) => {
    await expect(createKafka({ brokers, clientId: 't', logger: silentLogger })).rejects.toThrow(
      /^brokers: ".*" is not host:port$/,
    )
  },
)

test('an idle connection arms no timer for a time in the past', async () => {
  const warnings: string[] = []
  const listener = (warning: Error): number => warnings.push(warning.name)
  process.on('warning', listener)
  // The broker's answer to ApiVersions is one error code: UNSUPPORTED_VERSION, nothing else.
  const address = await open((socket) => {
    socket.on('data', (request) => {
      const answer = Buffer.alloc(14)
      answer.writeInt32BE(10, 0)
      request.copy(answer, 4, 8, 12)
      answer.writeInt16BE(35, 8)
      socket.write(answer)
    })
  })
  const kafka = await createKafka({
    brokers: [address],
    clientId: 't',
    logger: silentLogger,
    retries: 0,
  })
  expect(await failureOf(kafka)).toBeInstanceOf(Error)
  await new Promise(setImmediate)
  process.off('warning', listener)
  expect(warnings).toEqual([])
})

// Hashes from Kafka's own tests (org.apache.kafka.common.utils.UtilsTest, testMurmur2).
test.each([
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['abc', 479_470_107],
])('the key "%s" goes to the partition that Kafka’s Java client chooses', async (key, murmur2) => {
  const choose = (await partitioners()).DefaultPartitioner()
  const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 1,
    replicas: [1],
    isr: [1],
  }))
  const partition = choose({ topic: 't', partitionMetadata, message: { key, value: '' } })
  expect(partition).toBe((murmur2 & 0x7fff_ffff) % 12)
})

const refused = { name: 'KafkaJSProtocolError', retriable: false }
const passing = { name: 'KafkaJSProtocolError', retriable: true }
const wrapped = (cause: object): object => ({
  name: 'KafkaJSNumberOfRetriesExceeded',
  retriable: false,
  cause: Object.assign(new Error('inner'), cause),
})

test('an error is retriable when the one that kafkajs wrapped is', () => {
  const error = (fields: object): Error => Object.assign(new Error('outer'), fields)
  expect(
    [passing, refused, wrapped(passing), wrapped(refused)].map(error).map(isRetriable),
  ).toEqual([true, false, true, false])
  expect(() => isRetriable(new TypeError('a mistake'))).toThrow('a mistake')
})
