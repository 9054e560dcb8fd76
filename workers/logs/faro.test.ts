// Tests what a Faro collector is told, over real HTTP, and that one which is away costs counts alone.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../common/logger.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { framesOf } from './faro-frames.ts'
import { openFaro, type FaroReporter } from './faro.ts'

interface Body {
  readonly meta: { readonly app: unknown }
  readonly logs?: readonly Record<string, unknown>[]
  readonly exceptions?: readonly Record<string, unknown>[]
  readonly measurements?: readonly Record<string, unknown>[]
}

let clock: ManualClock
let bodies: Body[]
let status: number
let server: Server
let url: string
beforeEach(async () => {
  clock = new ManualClock()
  bodies = []
  status = 202
  server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    request.on('end', () => {
      if (status < 300) bodies.push(JSON.parse(text) as Body)
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/collect`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const open = (to = url): Promise<FaroReporter> => openFaro({ url: to, clock, logger: silentLogger })
const at = { functionName: 'f', version: '3', stream: 's', requestId: 'r', isPlatform: false }
const report = { durationMs: 12.5, memorySizeMb: 128, memoryUsedMb: 40, initMs: 100 }
const ended = { functionName: 'f', version: '3', requestId: 'r', report }

test("lines, exceptions and measurements go out in Faro's form, under the function as app", async () => {
  const faro = await open()
  faro.log({ ...at, timestampMs: 1000, message: '2026-11-27T04:00:00.000Z\tr\tWARN\tcareful' })
  faro.log({ ...at, timestampMs: 1000, message: 'START RequestId: r', isPlatform: true })
  const error = new TypeError('no such thing')
  const payload = JSON.stringify({
    errorType: error.name,
    errorMessage: error.message,
    trace: ['TypeError: no such thing', '    at handler (/var/task/index.js:3:9)'],
  })
  faro.invocation({ ...ended, outcome: 'failed', payload })
  await faro.stop()
  expect(bodies).toHaveLength(1)
  const context = { requestId: 'r', outcome: 'failed' }
  expect(bodies[0]).toMatchObject({
    meta: { app: { name: 'f', version: '3', environment: 'millrace' } },
    logs: [
      {
        message: '2026-11-27T04:00:00.000Z\tr\tWARN\tcareful',
        level: 'warn',
        timestamp: '1970-01-01T00:00:01.000Z',
        context: { requestId: 'r', stream: 's' },
      },
    ],
    exceptions: [
      {
        type: 'TypeError',
        value: 'no such thing',
        stacktrace: {
          frames: [{ filename: '/var/task/index.js', function: 'handler', lineno: 3, colno: 9 }],
        },
        context,
      },
    ],
    measurements: [
      {
        type: 'invocation',
        values: {
          duration: 12.5,
          billed_duration: 13,
          memory_size: 128,
          max_memory_used: 40,
          init_duration: 100,
        },
        context,
      },
    ],
  })
  expect(faro).toMatchObject({ sent: 3, dropped: 0 })
})

test('each function has a body of its own, and a hundred items are a body', async () => {
  const faro = await open()
  for (let i = 0; i < 150; i++) faro.log({ ...at, timestampMs: i, message: `line ${i}` })
  faro.log({ ...at, functionName: 'g', timestampMs: 1, message: 'other' })
  await faro.stop()
  expect(bodies.map(({ logs }) => logs?.length)).toEqual([100, 50, 1])
  expect(bodies.map(({ meta }) => (meta.app as { name: string }).name)).toEqual(['f', 'f', 'g'])
})

test('the same line twice is told twice', async () => {
  const faro = await open()
  for (let i = 0; i < 2; i++) faro.log({ ...at, timestampMs: 1, message: 'again' })
  await faro.stop()
  expect(bodies[0]?.logs).toHaveLength(2)
})

test('a collector that refuses or is away loses what it was sent, counted, and is asked less often', async () => {
  status = 503
  const faro = await open()
  faro.log({ ...at, timestampMs: 1, message: 'lost' })
  await faro.stop()
  expect(faro).toMatchObject({ sent: 0, dropped: 1 })
  const away = await open('http://127.0.0.1:1/collect')
  for (let i = 0; i < 6_000; i++) away.log({ ...at, timestampMs: i, message: `line ${i}` })
  expect(away.dropped).toBe(1_000)
  await away.stop()
  expect(away).toMatchObject({ sent: 0, dropped: 6_000 })
})

test('a payload that is no error is an exception all the same', async () => {
  const faro = await open()
  faro.invocation({ ...ended, outcome: 'not-started', payload: 'the platform is stopping' })
  await faro.stop()
  expect(bodies[0]?.exceptions).toMatchObject([
    { type: 'Error', value: 'the platform is stopping' },
  ])
})

test("frames are read from Node's and Python's traces", () => {
  expect(
    framesOf([
      'Error: x',
      '    at async Runtime.handler (file:///var/task/a b.mjs:10:2)',
      '    at /var/task/index.js:1:1',
      '    at new Thing (node:internal/x:5:6)',
      '  File "/var/task/app.py", line 7, in handler\n    raise x\n',
    ]),
  ).toEqual([
    { filename: '/var/task/a b.mjs', function: 'async Runtime.handler', lineno: 10, colno: 2 },
    { filename: '/var/task/index.js', function: '?', lineno: 1, colno: 1 },
    { filename: 'node:internal/x', function: 'new Thing', lineno: 5, colno: 6 },
    { filename: '/var/task/app.py', function: 'handler', lineno: 7 },
  ])
})
