// Tests that large requests take turns, and that one which goes meanwhile holds nobody up.
import { createServer, request, type ClientRequest, type Server } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { largeRequestMinBytes, largeRequestsMax } from '../../common/limits.ts'
import { closeServer, listen } from '../../common/listen.ts'
import { silentLogger } from '../../common/logger.ts'
import { eventually } from '../../test/support/eventually.ts'
import { RequestCounter } from './request-counter.ts'
import { createRouter } from './router.ts'

const large = Buffer.alloc(largeRequestMinBytes + 1)
let server: Server
let address: string
/** What is being handled, in the order in which it came to be, each with what answers it. */
let handling: Map<string, () => void>
beforeEach(async () => {
  handling = new Map()
  const app = await createRouter({
    routes: [
      {
        operation: 'Upload',
        method: 'post',
        path: '/upload/:name',
        bodyMaxBytes: 2 * large.length,
        handle: async ({ path }) => {
          await new Promise<void>((resolve) => handling.set(path['name'] ?? '', resolve))
          return { status: 200, body: '"done"' }
        },
      },
    ],
    counter: new RequestCounter(),
    logger: silentLogger,
  })
  server = createServer(app)
  address = await listen(server, { door: 'test', host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  server.closeAllConnections()
  await closeServer(server)
})

function upload(name: string, body: Buffer): { call: ClientRequest; answered: Promise<number> } {
  const { promise: answered, resolve, reject } = Promise.withResolvers<number>()
  const options = { method: 'POST', headers: { 'content-length': body.length }, agent: false }
  const call = request(`http://${address}/upload/${name}`, options, (response) => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  call.on('error', reject)
  call.end(body)
  return { call, answered }
}

const handled = (name: string) =>
  eventually(
    () => Promise.resolve(handling.get(name)),
    () => `${name} to be handled`,
  )

test('large requests wait for each other, and small ones for none', async () => {
  expect(largeRequestsMax).toBe(2)
  const [one, two, three] = [upload('1', large), upload('2', large), upload('3', large)]
  const first = await eventually(
    () => Promise.resolve(handling.size === 2 ? [...handling.keys()] : undefined),
    () => 'two large requests to be handled',
  )
  const small = upload('small', Buffer.alloc(10))
  ;(await handled('small'))()
  expect(await small.answered).toBe(200)
  expect([...handling.keys()].filter((name) => name !== 'small')).toEqual(first)
  handling.get(first[0] ?? '')?.()
  const last = ['1', '2', '3'].find((name) => !first.includes(name)) ?? ''
  ;(await handled(last))()
  handling.get(first[1] ?? '')?.()
  expect(await Promise.all([one, two, three].map(({ answered }) => answered))).toEqual([
    200, 200, 200,
  ])
})

test('one that goes while it waits holds nobody up, and one that goes while it is read neither', async () => {
  const [one, two] = [upload('1', large), upload('2', large)]
  const [first, second] = [await handled('1'), await handled('2')]
  const gone = upload('gone', large)
  const ended = expect(gone.answered).rejects.toThrow()
  await new Promise((resolve) =>
    gone.call.once('socket', (socket) => socket.once('connect', resolve)),
  )
  gone.call.destroy()
  await ended
  const next = upload('next', large)
  first()
  ;(await handled('next'))()
  second()
  expect(await Promise.all([one, two, next].map(({ answered }) => answered))).toEqual([
    200, 200, 200,
  ])
  expect([...handling.keys()].toSorted()).toEqual(['1', '2', 'next'])
})
