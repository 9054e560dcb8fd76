// Tests the Kafka doors: how they are written, and that each tells its clients its own address.
import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { closeServer, listen } from '../common/listen.ts'
import { RawKafka } from '../test/support/raw-kafka.ts'
import { brokerOptions, TestBroker } from '../test/support/test-broker.ts'
import { startBroker } from './broker.ts'
import { listenersOf } from './listeners.ts'

let broker: TestBroker | undefined
afterEach(async () => {
  await broker?.remove()
  broker = undefined
})

const first = { host: '127.0.0.1', port: 9092, advertised: '' }

test('without further listeners there is the one door that host and port say', () => {
  expect(listenersOf(first)).toEqual([
    { door: 'kafka', protocol: 'plaintext', host: '127.0.0.1', port: 9092, advertised: undefined },
  ])
})

test('a listener has a name, a place, and an address to tell if it is another', () => {
  const listeners = [
    'inside://0.0.0.0:29092@broker:29092',
    'v6://[::]:9093@[fd00::1]:19093',
    'x+SASL_ssl://h:0',
  ]
  expect(listenersOf({ ...first, advertised: 'localhost:19092', listeners })).toEqual([
    {
      door: 'kafka',
      protocol: 'plaintext',
      host: '127.0.0.1',
      port: 9092,
      advertised: { host: 'localhost', port: 19092 },
    },
    {
      door: 'kafka-inside',
      protocol: 'plaintext',
      host: '0.0.0.0',
      port: 29092,
      advertised: { host: 'broker', port: 29092 },
    },
    {
      door: 'kafka-v6',
      protocol: 'plaintext',
      host: '::',
      port: 9093,
      advertised: { host: 'fd00::1', port: 19093 },
    },
    { door: 'kafka-x', protocol: 'sasl_ssl', host: 'h', port: 0, advertised: undefined },
  ])
})

test.each([
  ['broker:29092', '"broker:29092" is not name://host:port'],
  ['PLAINTEXT://:9092', '"PLAINTEXT://:9092" is not name://host:port'],
  ['a://:9092', '":9092" in "a://:9092" is not host:port'],
  ['a://h:65536', '"h:65536" in "a://h:65536" is not host:port'],
  ['a://::1:9092', '"::1:9092" in "a://::1:9092" is not host:port'],
  ['a+tls://h:1', '"tls" in "a+tls://h:1" is not one of plaintext, sasl_plaintext, ssl, sasl_ssl'],
  ['a+://h:1', '"a+://h:1" is not name://host:port'],
  ['a://h:1@', '"" in "a://h:1@" is not host:port'],
  ['a://h:1@b', '"b" in "a://h:1@b" is not host:port'],
])('the listener %s is refused', (listener, reason) => {
  const invalid = { code: 'CONFIG_INVALID', message: `--kafka-listeners: ${reason}` }
  expect(() => listenersOf({ ...first, listeners: [listener] })).toThrow(
    expect.objectContaining(invalid),
  )
})

test('two listeners of one name are refused', () => {
  const listeners = ['a://h:1', 'a://h:2']
  expect(() => listenersOf({ ...first, listeners })).toThrow('there are two doors kafka-a')
})

test('an advertised address that is none is refused by its own name', () => {
  const message = '--kafka-advertised: "nonsense" is not host:port'
  expect(() => listenersOf({ ...first, advertised: 'nonsense' })).toThrow(message)
})

test('Metadata and FindCoordinator tell the address of the listener that was asked', async () => {
  broker = await TestBroker.start({
    advertised: 'localhost:9092',
    listeners: ['inside://127.0.0.1:0@broker:29092', 'plain://127.0.0.1:0'],
  })
  const { doors } = broker.role
  const plain = doors['kafka-plain'] ?? ''
  expect(await addressesAt(doors['kafka'] ?? '')).toEqual(['localhost:9092', 'localhost:9092'])
  expect(await addressesAt(doors['kafka-inside'] ?? '')).toEqual(['broker:29092', 'broker:29092'])
  expect(await addressesAt(plain)).toEqual([plain, plain])
})

test('when one door cannot be opened the others are closed again', async () => {
  const taken = createServer()
  const address = await listen(taken, { door: 'test', host: '127.0.0.1', port: 0 })
  broker = await TestBroker.start()
  await broker.role.stop()
  const port = Number(broker.address.split(':')[1])
  const options = brokerOptions(broker.dataDir, { port, listeners: [`a://${address}`] })
  await expect(startBroker(options)).rejects.toMatchObject({ code: 'PORT_TAKEN' })
  await closeServer(taken)
  const again = await startBroker(options)
  expect(again.doors).toEqual({ kafka: `127.0.0.1:${port}`, 'kafka-a': address })
  await again.stop()
})

async function addressesAt(door: string): Promise<readonly string[]> {
  const client = await RawKafka.connect(door)
  const { brokers } = await client.ask('Metadata', 4, { topics: [], allowAutoTopicCreation: false })
  const coordinator = await client.ask('FindCoordinator', 1, { key: 'group', keyType: 0 })
  client.close()
  return [...brokers, coordinator].map(({ host, port }) => `${host}:${port}`)
}
