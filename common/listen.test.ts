// Tests that a stop lets each HTTP client have its answer, and waits for nobody else.
import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { ManualClock } from '../test/support/manual-clock.ts'
import { closeHttpServer, closeServer, listen } from './listen.ts'

/** So long that a test which waits for it fails. */
const keepAliveTimeout = 600_000
let server: Server

/** Requests that nobody has answered, in their order. */
const asked: ServerResponse[] = []

async function start(
  answer: RequestListener = (_, response) => void asked.push(response),
): Promise<void> {
  server = createServer({ keepAliveTimeout }, answer)
  await listen(server, { door: 'test', host: '127.0.0.1', port: 0 })
}

afterEach(async () => {
  asked.length = 0
  server.closeAllConnections()
  await closeServer(server)
})

interface Client {
  readonly socket: Socket
  /** All of it, until the connection ends. */
  readonly told: Promise<string>
  /** The server's side. */
  readonly accepted: Socket
}

async function client(): Promise<Client> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (bytes) => chunks.push(bytes))
  const told = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()))
  })
  const [accepted] = (await once(server, 'connection')) as [Socket]
  return { socket, told, accepted }
}

async function request(socket: Socket, text = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'): Promise<void> {
  socket.write(text)
  await once(server, 'request')
}

test('a connection that became idle before a stop is closed at once', async () => {
  await start((_, response) => response.end('done'))
  const { socket, told } = await client()
  await request(socket)
  await once(socket, 'data')
  await closeServer(server)
  expect(await told).toMatch(/^HTTP\/1.1 200 [^]*keep-alive[^]*done$/)
})

test('a connection whose answer began before a stop is closed when all of it is there', async () => {
  await start()
  const { socket, told } = await client()
  await request(socket)
  asked[0]?.writeHead(200, { 'content-length': 7 }).write('one')
  await once(socket, 'data')
  const closed = closeServer(server)
  asked[0]?.end('last')
  await closed
  expect(await told).toMatch(/Connection: keep-alive[^]*onelast$/)
})

test('an answer that begins in a stop says that it is the last', async () => {
  await start()
  const { socket, told } = await client()
  await request(socket)
  const closed = closeServer(server)
  asked[0]?.end('last')
  await closed
  expect(await told).toMatch(/connection: close[^]*last$/)
})

test('so does that to a request which comes in a stop, on a connection that had one under way', async () => {
  await start()
  const { socket, told, accepted } = await client()
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Le')
  await once(accepted, 'data')
  const closed = closeServer(server)
  await request(socket, 'ngth: 2\r\n\r\n{}')
  asked[0]?.end('last')
  await closed
  expect(await told).toMatch(/connection: close[^]*last$/)
})

test('a connection whose answer is there before all of its request ends with the request', async () => {
  await start()
  const { socket, told } = await client()
  await request(socket, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{}')
  asked[0]?.end('done')
  await once(socket, 'data')
  const closed = closeServer(server)
  socket.write('{}')
  await closed
  expect(await told).toMatch(/done$/)
})

test('a connection of which nothing has come does not hold up a stop', async () => {
  await start()
  const { told } = await client()
  await closeServer(server)
  expect(await told).toBe('')
})

test('a request that does not come to its end is broken off when the grace is over', async () => {
  await start()
  const { socket, told } = await client()
  await request(socket, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{}')
  const clock = new ManualClock()
  const closed = closeHttpServer(server, { clock, graceMs: 1000 })
  clock.advance(999)
  expect(socket.destroyed).toBe(false)
  clock.advance(1)
  await closed
  expect(await told).toBe('')
  expect(clock.timers).toBe(0)
})
