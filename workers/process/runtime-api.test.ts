// Tests the Runtime API on its own: what a runtime may ask and when, and what it is told otherwise.
import { request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { payloadMaxBytes } from '../../common/limits.ts'
import { RuntimeApi, type RuntimeAnswer, type RuntimeEvent } from './runtime-api.ts'

const event: RuntimeEvent = {
  requestId: 'request-1',
  invocationId: 'try-1',
  payload: '{"name":"☃"}',
  deadlineMs: 1_700_000_000_000,
  functionArn: 'arn:f',
  traceId: 'Root=1',
}

let api: RuntimeApi
let address: string
const ready = { times: 0 }
let answers: RuntimeAnswer[]
let initErrors: string[]
beforeEach(async () => {
  ready.times = 0
  answers = []
  initErrors = []
  api = new RuntimeApi({
    onReady: () => (ready.times += 1),
    onAnswer: (answer) => answers.push(answer),
    onInitError: (payload) => initErrors.push(payload),
  })
  address = await api.open()
})
afterEach(() => api.close())

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

function call(
  method: string,
  path: string,
  body: string | Buffer = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const [host, port] = address.split(':')
  return new Promise((resolve, reject) => {
    const target = {
      host,
      port: Number(port),
      method,
      headers,
      path: `/2018-06-01/runtime/${path}`,
    }
    const sent = request(target, (response) => {
      const { statusCode: status = 0, headers: found } = response
      text(response).then((read) => resolve({ status, headers: found, body: read }), reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Asks for an event, as soon as the API has noticed gives it one, and resolves with what came. */
async function next(given = event): Promise<Answer> {
  const times = ready.times + 1
  const asked = call('GET', 'invocation/next')
  while (ready.times < times) await new Promise(setImmediate)
  api.hand(given)
  return asked
}

const errorOf = ({ status, body }: Answer): unknown => [
  status,
  (JSON.parse(body) as { errorType: string }).errorType,
]

test('an event waits for its runtime and comes with Lambda’s headers', async () => {
  const { status, headers, body } = await next()
  expect([status, body]).toEqual([200, '{"name":"☃"}'])
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'lambda-runtime-aws-request-id': 'request-1',
    'lambda-runtime-invocation-id': 'try-1',
    'lambda-runtime-deadline-ms': '1700000000000',
    'lambda-runtime-invoked-function-arn': 'arn:f',
    'lambda-runtime-trace-id': 'Root=1',
  })
  expect(headers).not.toHaveProperty('lambda-runtime-client-context')
})

test('a response is accepted once, then the runtime is ready for the next event', async () => {
  await next()
  const path = 'invocation/request-1/response'
  const accepted = await call('POST', path, '"ä"', { 'Lambda-Runtime-Invocation-Id': 'try-1' })
  expect([accepted.status, accepted.body]).toEqual([202, '{"status":"OK"}'])
  expect(answers).toEqual([{ outcome: 'returned', payload: '"ä"' }])
  const again = await call('POST', path, '1')
  expect([again.status, JSON.parse(again.body)]).toEqual([
    403,
    {
      errorType: 'InvalidStateTransition',
      errorMessage:
        'State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. ' +
        'Error: State transition is not allowed',
    },
  ])
  expect((await next({ ...event, requestId: 'request-2' })).status).toBe(200)
  expect([ready.times, answers.length]).toEqual([2, 1])
})

test('an error is taken as the runtime words it, or made from the type in its header', async () => {
  await next()
  const accepted = await call('POST', 'invocation/request-1/error', '{"errorMessage":"no"}')
  expect(accepted.status).toBe(202)
  await next()
  await call('POST', 'invocation/request-1/error', '', {
    'Lambda-Runtime-Function-Error-Type': 'Runtime.NoTable',
  })
  expect(answers).toEqual([
    { outcome: 'failed', payload: '{"errorMessage":"no"}' },
    { outcome: 'failed', payload: '{"errorType":"Runtime.NoTable","errorMessage":""}' },
  ])
})

test.each([
  ['another request id', 'invocation/request-2/response', {}, [400, 'InvalidRequestID']],
  [
    'another invocation id',
    'invocation/request-1/response',
    { 'Lambda-Runtime-Invocation-Id': 'try-2' },
    [400, 'InvalidInvocationId'],
  ],
  [
    'a streamed response',
    'invocation/request-1/response',
    { 'Lambda-Runtime-Function-Response-Mode': 'streaming' },
    [400, 'InvalidFunctionResponseMode'],
  ],
  ['an init error', 'init/error', {}, [403, 'InvalidStateTransition']],
])('%s is refused and the event can still be answered', async (_, path, headers, expected) => {
  await next()
  expect(errorOf(await call('POST', path, '1', headers))).toEqual(expected)
  expect((await call('POST', 'invocation/request-1/response', '2')).status).toBe(202)
  expect(answers).toEqual([{ outcome: 'returned', payload: '2' }])
})

test('a response that is no text is passed on byte by byte', async () => {
  await next()
  const payloadBytes = Buffer.from([0x22, 0xff, 0x22])
  expect((await call('POST', 'invocation/request-1/response', payloadBytes)).status).toBe(202)
  expect(answers).toEqual([{ outcome: 'returned', payload: '"\ufffd"', payloadBytes }])
  expect((await next()).status).toBe(200)
})

test.each([
  ['announced', { 'Content-Length': String(payloadMaxBytes + 1) }],
  ['sent', { 'Transfer-Encoding': 'chunked' }],
])('more than a response may be fails the event, whether %s or not', async (_, headers) => {
  await next()
  const path = 'invocation/request-1/response'
  const refused = await call('POST', path, 'x'.repeat(payloadMaxBytes + 1), headers)
  expect([refused.status, JSON.parse(refused.body)]).toEqual([
    413,
    {
      errorType: 'RequestEntityTooLarge',
      errorMessage: 'Exceeded maximum allowed payload size (6291556 bytes).',
    },
  ])
  expect(answers.map(({ outcome, payload }) => [outcome, JSON.parse(payload)])).toEqual([
    [
      'failed',
      {
        errorType: 'Function.ResponseSizeTooLarge',
        errorMessage:
          'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
      },
    ],
  ])
  expect((await next()).status).toBe(200)
})

test('the largest response there may be is accepted', async () => {
  await next()
  const body = 'x'.repeat(payloadMaxBytes)
  expect((await call('POST', 'invocation/request-1/response', body)).status).toBe(202)
  expect(answers[0]?.payload.length).toBe(payloadMaxBytes)
})

test('a response that breaks off does not count, and can be sent again', async () => {
  await next()
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  const head = 'POST /2018-06-01/runtime/invocation/request-1/response HTTP/1.1\r\nHost: a\r\n'
  socket.write(`${head}Content-Length: 10\r\n\r\n"half`)
  const isRead = async (): Promise<boolean> => {
    const { body } = await call('POST', 'init/error')
    return body.includes('State transition from InvocationResponse')
  }
  while (!(await isRead()));
  socket.destroy()
  while (await isRead());
  const again = await call('POST', 'invocation/request-1/response', '2')
  expect(again.status).toBe(202)
  expect(answers).toEqual([{ outcome: 'returned', payload: '2' }])
})

test('a runtime that lost its event on the way gets it again', async () => {
  await next()
  expect((await call('GET', 'invocation/next')).headers).toMatchObject({
    'lambda-runtime-aws-request-id': 'request-1',
  })
  expect(ready.times).toBe(1)
})

test('of two that wait the later one gets the event', async () => {
  const first = call('GET', 'invocation/next')
  while (ready.times === 0) await new Promise(setImmediate)
  const second = call('GET', 'invocation/next')
  expect(errorOf(await first)).toEqual([403, 'InvalidStateTransition'])
  api.hand(event)
  expect((await second).status).toBe(200)
})

test('an error of the initialisation is taken once, and no event follows', async () => {
  expect((await call('POST', 'init/error', '{"errorType":"A"}')).status).toBe(202)
  expect(initErrors).toEqual(['{"errorType":"A"}'])
  expect(errorOf(await call('POST', 'init/error'))).toEqual([403, 'InvalidStateTransition'])
  expect(errorOf(await call('GET', 'invocation/next'))).toEqual([403, 'InvalidStateTransition'])
})

test.each([
  ['GET', 'invocation/else', 404],
  ['GET', '../../2020-01-01/extension/register', 404],
  ['POST', 'invocation/next', 405],
  ['GET', 'invocation/a/response', 405],
  ['PUT', 'init/error', 405],
])('%s %s is answered with %i', async (method, path, status) => {
  expect((await call(method, path)).status).toBe(status)
})

test('what is no HTTP ends its own connection alone', async () => {
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  socket.end('\u0000\u0001 nonsense\r\n\r\n')
  await new Promise((resolve) => socket.once('close', resolve).resume())
  expect((await next()).status).toBe(200)
})
