// Tests that connections are used again while they can be, that readers slow their senders, and that TLS is checked.
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { kinesisConnectionsMax } from '../common/kinesis-client-limits.ts'
import { makeAuthority, makeCertificate } from '../test/support/certificates.ts'
import { HttpSocket } from './http-socket.ts'
import { SocketPool } from './socket-pool.ts'
import { readAll } from './streamed-reply.ts'

const request = Buffer.from('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n')
const never = new AbortController().signal

async function started(server: Server, scheme = 'http'): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

async function serve(listener: RequestListener): Promise<{ url: URL; connections: () => number }> {
  const server = createHttp({ keepAlive: true }, listener)
  let connections = 0
  server.on('connection', () => (connections += 1))
  onTestFinished(() => server.closeAllConnections())
  return { url: await started(server), connections: () => connections }
}

function poolOf(url: URL): SocketPool {
  const pool = new SocketPool(() => new HttpSocket(url, Buffer.allocUnsafe))
  onTestFinished(() => pool.close())
  return pool
}

async function call(pool: SocketPool, signal = never): Promise<string> {
  const socket = await pool.take()
  try {
    const { head, pieces } = await socket.call(request, signal)
    return `${head.status} ${(await readAll(pieces)).toString()}`
  } finally {
    pool.giveBack(socket)
  }
}

test('calls one after the other share a connection, those side by side have one each', async () => {
  const { url, connections } = await serve((_, response) => response.end('ok'))
  const pool = poolOf(url)
  expect(await call(pool)).toBe('200 ok')
  expect(await call(pool)).toBe('200 ok')
  expect(connections()).toBe(1)
  expect(await Promise.all([call(pool), call(pool)])).toEqual(['200 ok', '200 ok'])
  expect(connections()).toBe(2)
})

test('a connection that the server ends, with its answer or while it waits, is not used again', async () => {
  let ends: 'with' | 'later' | 'not' = 'with'
  const { url, connections } = await serve((incoming, response) => {
    if (ends === 'with') response.setHeader('connection', 'close')
    if (ends === 'later') response.on('close', () => incoming.socket.destroySoon())
    response.end('ok')
  })
  const pool = poolOf(url)
  await call(pool)
  ends = 'later'
  const socket = await pool.take()
  const { pieces } = await socket.call(request, never)
  await readAll(pieces)
  pool.giveBack(socket)
  await socket.closed
  ends = 'not'
  expect(await call(pool)).toBe('200 ok')
  expect(connections()).toBe(3)
})

test('more calls than there may be connections wait for one', async () => {
  const { url, connections } = await serve((_, response) => response.end('ok'))
  const pool = poolOf(url)
  const calls = Array.from({ length: 2 * kinesisConnectionsMax }, () => call(pool))
  expect(new Set(await Promise.all(calls))).toEqual(new Set(['200 ok']))
  expect(connections()).toBe(kinesisConnectionsMax)
})

test('a call that is given up ends its connection, and the next has another', async () => {
  let isSilent = true
  const asked = Promise.withResolvers<void>()
  const { url, connections } = await serve((_, response) => {
    if (!isSilent) response.end('ok')
    asked.resolve()
  })
  const pool = poolOf(url)
  const giveUp = new AbortController()
  const first = call(pool, giveUp.signal)
  await asked.promise
  giveUp.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  isSilent = false
  expect(await call(pool)).toBe('200 ok')
  expect(connections()).toBe(2)
})

test('who reads slowly slows the sender', async () => {
  const piece = Buffer.alloc(64 * 1024, 7)
  let sent = 0
  const stopped = Promise.withResolvers<void>()
  const { url } = await serve((_, response) => {
    const send = (): void => {
      while (sent < 1000) {
        sent += 1
        if (!response.write(piece)) {
          stopped.resolve()
          response.once('drain', send)
          return
        }
      }
      response.end()
    }
    send()
  })
  const socket = new HttpSocket(url, Buffer.allocUnsafe)
  const { pieces } = await socket.call(request, never)
  expect((await pieces.next()).value).toEqual(piece)
  await stopped.promise
  const before = sent
  expect(before).toBeLessThan(1000)
  let bytes = piece.length
  for await (const each of pieces) bytes += each.length
  expect(bytes).toBe(1000 * piece.length)
  expect(socket.isFree).toBe(true)
  socket.destroy(new Error('over'))
})

test('an answer that nobody asked for ends the connection', async () => {
  const { url } = await serve((incoming, response) => {
    response.end('ok')
    incoming.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
  })
  const socket = new HttpSocket(url, Buffer.allocUnsafe)
  const { pieces } = await socket.call(request, never)
  expect((await readAll(pieces)).toString()).toBe('ok')
  await socket.closed
  expect(socket.isFree).toBe(false)
})

test('TLS is spoken with servers whose certificate is known, and with no others', async () => {
  const authority = await makeAuthority()
  const server = createHttps(await makeCertificate(authority, 'kinesis'), (_, response) => {
    response.end('secret')
  })
  onTestFinished(() => server.closeAllConnections())
  const url = await started(server, 'https')
  await expect(call(poolOf(url))).rejects.toThrow(/certificate/)
  const known = getCACertificates('default')
  onTestFinished(() => setDefaultCACertificates(known))
  setDefaultCACertificates([...known, authority.cert])
  expect(await call(poolOf(url))).toBe('200 secret')
  expect(await call(poolOf(new URL(`https://localhost:${url.port}`)))).toBe('200 secret')
})
