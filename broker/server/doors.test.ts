// Tests the doors over sockets: TLS, certificates, logins, and what one client's harm leaves to others.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  makeAuthority,
  makeCertificate,
  writeCertificate,
  type Certificate,
} from '../../test/support/certificates.ts'
import { eventually } from '../../test/support/eventually.ts'
import { batchOf } from '../../test/support/log-store.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { TestBroker } from '../../test/support/test-broker.ts'
import type { BrokerOptions } from '../broker.ts'

let directory: string
let authority: Certificate
let paths: { kafkaTlsCertificate: string; kafkaTlsKey: string }
let kafkaUsers: string
let ca: { ca: string }
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-doors-'))
  authority = await makeAuthority()
  ca = { ca: authority.cert }
  paths = await writeCertificate(directory, await makeCertificate(authority, 'broker'))
  kafkaUsers = join(directory, 'users')
  await writeFile(kafkaUsers, 'ann:a-word\n', { mode: 0o600 })
})
afterAll(() => rm(directory, { recursive: true, force: true }))

let broker: TestBroker
const clients: RawKafka[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await broker.remove()
})

async function start(options: Partial<BrokerOptions> = {}): Promise<void> {
  const listeners = ['tls+ssl://127.0.0.1:0', 'safe+sasl_ssl://127.0.0.1:0']
  broker = await TestBroker.start({ ...paths, kafkaUsers, listeners, ...options })
}

const door = (name: string): string => broker.role.doors[name] ?? ''

async function open(name = 'kafka', tls?: Parameters<typeof RawKafka.connect>[1]) {
  const client = await RawKafka.connect(door(name), name === 'kafka' ? undefined : (tls ?? ca))
  clients.push(client)
  return client
}

/** A client that came later is served as if nothing were wrong. */
async function works(name = 'kafka'): Promise<void> {
  const client = await open(name)
  expect((await client.ask('ApiVersions', 3, {})).errorCode).toBe(0)
  client.close()
}

const logged = (): string => broker.log.join('')

test('over TLS requests are answered, and clients are sent back to the same door', async () => {
  await start()
  const client = await open('kafka-tls')
  const { brokers } = await client.ask('Metadata', 4, {
    topics: null,
    allowAutoTopicCreation: false,
  })
  expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([door('kafka-tls')])
})

test('a client that does not speak TLS is closed, counted, and harms nobody', async () => {
  await start()
  const [host, port] = door('kafka-tls').split(':')
  const mistaken = connect({ host: host ?? '', port: Number(port) })
  const closed = new Promise((resolve) => mistaken.once('close', resolve))
  mistaken.on('error', () => {})
  mistaken.write(Buffer.from('0000000a0012000000000007ffff', 'hex'))
  await closed
  expect(await broker.metric('millrace_broker_tls_failures_total')).toBe(1)
  await works('kafka-tls')
})

test('a door may let in only who shows a certificate of its authority', async () => {
  const kafkaTlsClientAuthority = join(directory, 'authority.pem')
  await writeFile(kafkaTlsClientAuthority, authority.cert)
  await start({ kafkaTlsClientAuthority })
  const friend = await makeCertificate(authority, 'friend')
  const client = await open('kafka-tls', { ...ca, ...friend })
  expect((await client.ask('ApiVersions', 3, {})).errorCode).toBe(0)
  const stranger = await makeCertificate(await makeAuthority('another'), 'stranger')
  for (const shown of [{}, stranger]) {
    // In TLS 1.3 the client is through before the broker has looked at its certificate.
    const refused = await open('kafka-tls', { ...ca, ...shown })
    expect(await refused.closed()).toEqual([])
  }
  expect(await broker.metric('millrace_broker_tls_failures_total')).toBe(2)
})

test('behind TLS a login opens the door, and bounds what comes before it', async () => {
  await start()
  const client = await open('kafka-safe')
  await client.ask('SaslHandshake', 1, { mechanism: 'PLAIN' })
  const token = Buffer.from('\0ann\0a-word')
  expect((await client.ask('SaslAuthenticate', 2, { authBytes: token })).errorCode).toBe(0)
  await client.ask('Metadata', 4, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
  const large = batchOf(['x'.repeat(600_000)])
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: large }] }]
  const produced = await client.ask('Produce', 8, { acks: -1, timeoutMs: 1_000, topicData })
  expect(produced.responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
  const outside = await open('kafka-safe')
  outside.send('Produce', 8, { acks: -1, timeoutMs: 1_000, topicData })
  await outside.closed()
  expect(logged()).toContain('at most 65536 bytes')
  expect(
    await broker.metric('millrace_broker_logins_total', {
      mechanism: 'PLAIN',
      outcome: 'succeeded',
    }),
  ).toBe(1)
  expect(logged()).not.toContain('a-word')
})

test('whoever does not log in is shown out', async () => {
  await start({ serverLimits: { loginMaxMs: 50 } })
  const client = await open('kafka-safe')
  await client.closed()
  expect(logged()).toContain('no login within 50 ms')
})

test('half a handshake does not keep its connection, nor the broker from stopping', async () => {
  await start({ serverLimits: { loginMaxMs: 50 } })
  const [host, port] = door('kafka-tls').split(':')
  const silent = connect({ host: host ?? '', port: Number(port) })
  await new Promise((resolve) => silent.once('close', resolve))
  expect(await broker.metric('millrace_broker_tls_failures_total')).toBe(1)
  await broker.role.stop()
  await broker.start()
})

test('there are only so many connections, in all and of one address', async () => {
  await start({ serverLimits: { connectionsPerAddressMax: 3 } })
  const three = [await open(), await open(), await open('kafka-tls')]
  const fourth = await open()
  expect(await fourth.closed()).toEqual([])
  expect(logged()).toContain('"connectionsPerAddressMax":3')
  for (const client of three) expect((await client.ask('ApiVersions', 3, {})).errorCode).toBe(0)
  expect(await broker.metric('millrace_broker_connections')).toBe(3)
  expect(await broker.metric('millrace_broker_connections_refused_total')).toBe(1)
  three[0]?.close()
  await eventually(
    async () => ((await broker.metric('millrace_broker_connections')) === 2 ? true : undefined),
    () => 'the closed connection to be counted out',
  )
  await works()
})

test('half a request does not stay for ever, however slowly its bytes come', async () => {
  await start({ serverLimits: { frameMaxMs: 60, stalledMaxMs: 30 } })
  const halves = [await open(), await open()]
  for (const half of halves) half.socket.write(Buffer.from([0, 0, 0, 50, 0]))
  // One falls silent, the other goes on with a byte at a time.
  const trickle = setInterval(() => halves[1]?.socket.write(Buffer.from([0])), 10)
  for (const half of halves) await half.closed()
  clearInterval(trickle)
  expect(logged().match(/a request was not whole after 60 ms/g)?.length).toBe(2)
  await works()
})

test('a connection that nobody uses is closed, one that waits for an answer is not', async () => {
  await start({ serverLimits: { idleMaxMs: 60, stalledMaxMs: 30 } })
  const waiting = await open()
  await waiting.ask('Metadata', 4, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }]
  const poll = { maxWaitMs: 500, minBytes: 1, maxBytes: 1_000, isolationLevel: 0 }
  waiting.send('Fetch', 11, { ...poll, topics: [{ topic: 't', partitions }] })
  const idle = await open()
  expect(await idle.closed()).toEqual([])
  const { responses } = await waiting.receive('Fetch', 11)
  expect(responses[0]?.partitions[0]?.errorCode).toBe(0)
})

test('a client that reads nothing is closed with what it was to read, and others go on', async () => {
  await start({ serverLimits: { stalledMaxMs: 100 } })
  const producer = await open()
  await producer.ask('Metadata', 4, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
  for (let i = 0; i < 16; i++) {
    const records = batchOf(['x'.repeat(1_000_000)])
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
    await producer.ask('Produce', 8, { acks: -1, timeoutMs: 1_000, topicData })
  }
  const deaf = await open()
  deaf.socket.pause()
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 16_000_000 }]
  const fetch = { maxWaitMs: 0, minBytes: 1, maxBytes: 50_000_000, isolationLevel: 0 }
  for (let i = 0; i < 5; i++) {
    deaf.send('Fetch', 11, { ...fetch, topics: [{ topic: 't', partitions }] })
  }
  await eventually(
    () => (logged().includes('answers were not read for 100 ms') ? true : undefined),
    () => logged(),
  )
  expect((await producer.ask('ApiVersions', 3, {})).errorCode).toBe(0)
  await works()
})

test('requests that are sent faster than they are answered wait in the client', async () => {
  await start({ serverLimits: { requestsMax: 4, stalledMaxMs: 20, frameMaxMs: 40 } })
  const hasty = await open()
  await hasty.ask('Metadata', 4, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }]
  const poll = { maxWaitMs: 100, minBytes: 1, maxBytes: 1_000, isolationLevel: 0 }
  const ids: number[] = []
  for (let i = 0; i < 8; i++) {
    ids.push(hasty.send('Fetch', 11, { ...poll, topics: [{ topic: 't', partitions }] }))
  }
  await works()
  const answered: number[] = []
  for (const _ of ids) answered.push((await hasty.frame()).readInt32BE(0))
  // None was taken for half a request while the broker was not reading.
  expect(answered).toEqual(ids)
})
