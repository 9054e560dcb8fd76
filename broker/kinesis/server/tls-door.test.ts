// Tests TLS at the Kinesis door: both HTTP versions inside, plain ones beside it, bad handshakes, a new certificate, the end.
import { once } from 'node:events'
import { connect as connectHttp2, type SecureClientSessionOptions } from 'node:http2'
import { Agent, request, type RequestOptions } from 'node:https'
import { request as plainRequest } from 'node:http'
import { connect as connectPlain, createServer } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { structure, text } from '../../../common/aws/members.ts'
import { kinesisHeadMaxMs } from '../../../common/kinesis-limits.ts'
import { createLogger } from '../../../common/logger.ts'
import {
  makeAuthority,
  makeCertificate,
  type Certificate,
} from '../../../test/support/certificates.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import type { KinesisContext } from '../api/kinesis-context.ts'
import { KinesisCounters } from '../api/kinesis-counters.ts'
import { operation } from '../api/operations.ts'
import { KinesisServer } from './kinesis-server.ts'
import { TlsDoor } from './tls-door.ts'

const operations = {
  Echo: operation(structure({ Name: text }), (_context, { Name }) => ({ Name })),
}
const headers = {
  'content-type': 'application/x-amz-json-1.1',
  'x-amz-target': 'Kinesis_20131202.Echo',
}
const body = JSON.stringify({ Name: 'Ada' })

let authority: Certificate
let first: Certificate
let server: KinesisServer
let clock: ManualClock
let address: string
let port: number

beforeAll(async () => {
  authority = await makeAuthority()
  first = await makeCertificate(authority, 'first')
})
beforeEach(async () => {
  clock = new ManualClock()
  const logger = createLogger('kinesis', { level: 'error', format: 'json', write: () => {} })
  const context = { counters: new KinesisCounters(), clock, logger } as unknown as KinesisContext
  const options = { host: '127.0.0.1', port: 0, context, operations, tls: first }
  ;({ server, address } = await KinesisServer.start(options))
  port = Number(address.split(':')[1])
})
afterEach(async () => {
  server.drain()
  await server.closed()
})

function http1(options: RequestOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port, method: 'POST', path: '/', headers }
    const send = options.protocol === 'http:' ? plainRequest : request
    const sent = send({ ...where, ca: authority.cert, ...options }, (response) => {
      let said = `${response.httpVersion} ${response.statusCode} `
      response.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
      response.on('end', () => resolve(said))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Until the door's counter says so. */
function counted(counter: 'connections' | 'tlsFailed', value: number): Promise<true> {
  return eventually(
    () => (server.counters[counter] === value ? true : undefined),
    () => `${counter} is ${server.counters[counter]}, not ${value}`,
    5_000,
  )
}

async function http2(options: SecureClientSessionOptions = {}): Promise<string> {
  const session = connectHttp2(`https://${address}`, { ca: authority.cert, ...options })
  const stream = session.request({ ':method': 'POST', ':path': '/', ...headers })
  let said = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  stream.end(body)
  await once(stream, 'end')
  session.close()
  return said
}

/** The name in the certificate that a new connection is shown. */
async function shown(): Promise<unknown> {
  const socket = connectTls({ host: '127.0.0.1', port, ca: authority.cert })
  await once(socket, 'secureConnect')
  const name = socket.getPeerCertificate().subject.CN
  socket.destroy()
  return name
}

test('HTTP/1.1 and HTTP/2 are served inside of TLS, and without it on the same port', async () => {
  expect(await http1()).toBe('1.1 200 {"Name":"Ada"}')
  expect(await http2()).toBe('{"Name":"Ada"}')
  expect(await http1({ protocol: 'http:' })).toBe('1.1 200 {"Name":"Ada"}')
  expect(server.counters.tlsFailed).toBe(0)
})

test('HTTP/2 inside of TLS needs no agreement before', async () => {
  const unspoken = connectTls({ host: '127.0.0.1', port, ca: authority.cert })
  await once(unspoken, 'secureConnect')
  expect(unspoken.alpnProtocol).toBe(false)
  expect(await http2({ createConnection: () => unspoken })).toBe('{"Name":"Ada"}')
})

test('a connection with TLS is one connection, and is kept for the next call', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  await http1({ agent })
  await http1({ agent })
  expect(server.counters.connections).toBe(1)
  agent.destroy()
  await counted('connections', 0)
})

test('a handshake that fails closes its connection and is counted', async () => {
  const garbled = connectPlain(port, '127.0.0.1')
  garbled.on('error', () => {})
  garbled.write(Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
  await once(garbled.resume(), 'close')
  expect(server.counters.tlsFailed).toBe(1)

  const where = { host: '127.0.0.1', port, ca: authority.cert }
  const foreign = connectTls({ ...where, ALPNProtocols: ['spdy/3'] })
  await expect(once(foreign, 'secureConnect')).rejects.toThrow('no application protocol')
  await counted('tlsFailed', 2)
  expect(await http1()).toContain('200')
})

test('a new certificate is shown to connections from now on, and the others stay', async () => {
  const before: TLSSocket = connectTls({ host: '127.0.0.1', port, ca: authority.cert })
  await once(before, 'secureConnect')
  server.useCertificate(await makeCertificate(authority, 'second'))
  expect(await shown()).toBe('second')
  before.end(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n`)
  expect(before.destroyed).toBe(false)
  before.destroy()
})

/** A door that has a client which has said nothing yet. */
async function silentClient(): Promise<{
  door: TlsDoor
  failures: string[]
  closed: Promise<unknown>
}> {
  const failures: string[] = []
  const failed = (_client: string, reason: string): unknown => failures.push(reason)
  const door = new TlsDoor(first, { clock, failed, opened: () => {} })
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    door.accept(socket)
  })
  onTestFinished(() => void listener.close())
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const where = listener.address()
  const client = connectPlain(typeof where === 'object' ? (where?.port ?? 0) : 0, '127.0.0.1')
  client.on('error', () => {})
  const closed = once(client.resume(), 'close')
  await once(listener, 'connection')
  return { door, failures, closed }
}

test('a handshake that takes too long ends with its connection, and is counted once', async () => {
  const { failures, closed } = await silentClient()
  clock.advance(kinesisHeadMaxMs - 1)
  expect(failures).toEqual([])
  clock.advance(1)
  await closed
  expect(failures).toHaveLength(1)
})

test('a stop waits for no handshake, and for no connection on which nothing is asked', async () => {
  const { door, closed } = await silentClient()
  door.drain()
  await closed

  const quiet = connectTls({ host: '127.0.0.1', port, ca: authority.cert })
  quiet.on('error', () => {})
  await once(quiet, 'secureConnect')
  const ended = once(quiet.resume(), 'close')
  server.drain()
  await server.closed()
  await ended
})
