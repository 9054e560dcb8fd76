// Tests that calls of the Kinesis API go on to its door as they come, over both HTTP versions, and what is said without a door.
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { connect, type ClientHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { closeServer, listen } from '../../common/listen.ts'
import { silentLogger } from '../../common/logger.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { RequestCounter } from '../lambda/request-counter.ts'
import { createRouter } from '../lambda/router.ts'
import { KinesisForward } from './kinesis-forward.ts'

const door = { host: '127.0.0.1', port: 0 }
let upstream: Server
let front: Server
let forward: KinesisForward
/** What the door was asked. */
const seen: IncomingMessage[] = []

async function start(url: string | undefined): Promise<void> {
  const shared = {
    counter: new RequestCounter(),
    logger: silentLogger,
  }
  forward = new KinesisForward({ ...shared, clock: new ManualClock(), url })
  const app = await createRouter({
    ...shared,
    routes: [],
    extend: async (app) => forward.serve(app),
  })
  front = createServer(app)
  forward.takeHttp2(front)
  await listen(front, { door: 'aws', ...door })
}

beforeEach(async () => {
  seen.length = 0
  // Answers each chunk as soon as it is there.
  upstream = createServer((request, response) => {
    seen.push(request)
    response.writeHead(400, { 'x-amzn-requestid': 'of-the-door', 'content-type': 'text/x' })
    request.pipe(response)
  })
  await start(`http://${await listen(upstream, { door: 'kinesis', ...door })}`)
})

afterEach(async () => {
  forward.drain()
  forward.close()
  await Promise.all([closeServer(front), closeServer(upstream)])
})

const port = (): number => (front.address() as AddressInfo).port
const target = 'Kinesis_20131202.PutRecord'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

async function viaHttp1(body: string, xAmzTarget = target): Promise<Answer> {
  const headers = { 'x-amz-target': xAmzTarget, 'content-type': 'application/x-amz-json-1.1' }
  const request = httpRequest({ ...door, port: port(), method: 'POST', headers, agent: false })
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const chunks = await response.toArray()
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks as Buffer[]).toString(),
  }
}

function http2Stream(xAmzTarget = target): ClientHttp2Stream {
  const session = connect(`http://127.0.0.1:${port()}`)
  const stream = session.request({ ':method': 'POST', 'x-amz-target': xAmzTarget })
  stream.on('close', () => session.close())
  return stream
}

async function viaHttp2(body: string, xAmzTarget?: string): Promise<Answer> {
  const stream = http2Stream(xAmzTarget)
  stream.end(body)
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  const chunks = await stream.toArray()
  return {
    status: Number(headers[':status']),
    headers,
    body: Buffer.concat(chunks as Buffer[]).toString(),
  }
}

const ways = [
  ['HTTP/1.1', viaHttp1],
  ['HTTP/2', viaHttp2],
] as const

test.each(ways)('over %s a call and its answer pass as they are', async (_, send) => {
  const body = 'x'.repeat(200_000)
  const answer = await send(body)
  expect([answer.status, answer.body]).toEqual([400, body])
  expect(answer.headers).toMatchObject({
    'x-amzn-requestid': 'of-the-door',
    'content-type': 'text/x',
  })
  expect(seen.map(({ method, url, headers }) => [method, url, headers['x-amz-target']])).toEqual([
    ['POST', '/', target],
  ])
})

test('nothing waits for the end of a body', async () => {
  const stream = http2Stream()
  for (const part of ['one', 'two']) {
    stream.write(part)
    const [chunk] = (await once(stream, 'data')) as [Buffer]
    expect(chunk.toString()).toBe(part)
  }
  stream.end()
})

test('in a stop a connection of HTTP/2 ends with the answer it waits for', async () => {
  const session = connect(`http://127.0.0.1:${port()}`)
  const stream = session.request({ ':method': 'POST', 'x-amz-target': target })
  stream.write('one')
  await once(stream, 'data')
  forward.drain()
  const closed = closeServer(front)
  stream.end(' and two')
  expect(Buffer.concat((await stream.toArray()) as Buffer[]).toString()).toBe(' and two')
  await closed
})

test('a client that leaves ends the call at the door', async () => {
  const stream = http2Stream()
  stream.write('one')
  await once(stream, 'data')
  stream.destroy()
  const [request] = seen
  await new Promise<void>((resolve) => request?.socket.once('close', () => resolve()))
  expect(request?.complete).toBe(false)
})

test.each(ways)('over %s a door that cannot be reached is named', async (_, send) => {
  upstream.closeAllConnections()
  await closeServer(upstream)
  const { status, body } = await send('{}')
  expect(status).toBe(503)
  expect(JSON.parse(body)).toMatchObject({
    __type: 'ServiceUnavailable',
    message: expect.stringMatching(
      /^The Kinesis door at http:.* cannot be reached: .*ECONNREFUSED/,
    ),
  })
})

test('without a door the call is refused', async () => {
  forward.close()
  await closeServer(front)
  await start(undefined)
  expect(JSON.parse((await viaHttp1('{}')).body)).toEqual({
    __type: 'ServiceUnavailable',
    message: 'The Kinesis door is shut.',
  })
})

test('another service is none over HTTP/2, and is left to its own over HTTP/1.1', async () => {
  const other = 'Logs_20140328.DescribeLogGroups'
  expect(JSON.parse((await viaHttp2('{}', other)).body)).toMatchObject({
    __type: 'UnknownOperationException',
  })
  expect((await viaHttp1('{}', other)).status).toBe(404)
  expect(seen).toEqual([])
})
