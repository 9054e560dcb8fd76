// Tests the contract of Invoke on both of its implementations: in this process and over HTTP.
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import type { FunctionInvoker } from '../common/invocation.ts'
import { closeServer, listen } from '../common/listen.ts'
import { silentLogger } from '../common/logger.ts'
import { RemoteInvoker } from '../common/remote-invoker.ts'
import { nodeBootstrap } from '../test/support/node-bootstrap.ts'
import { functionRecord } from '../test/support/memory-registry.ts'
import { recordEvent } from '../test/support/record-events.ts'
import { startInvoker, tailOf, valueOf } from '../test/support/worker-threads.ts'
import { createInvokeServer } from './invoke-server.ts'

const place = { door: 'workers', host: '127.0.0.1', port: 0 }

describe.each(['in this process', 'over HTTP'])('an invoker %s', (where) => {
  const workers = startInvoker({ accountConcurrency: 1 })
  const server = createInvokeServer({ ...workers, logger: silentLogger })
  let invoker: FunctionInvoker = workers.invoker
  beforeAll(async () => {
    const remote = new RemoteInvoker({ url: `http://${await listen(server, place)}/` })
    if (where === 'over HTTP') invoker = remote
    await workers.deploy('echo', 'exports.handler = async (event) => event')
    await workers.deploy('fail', "exports.handler = async () => { throw new Error('né') }")
    await workers.deploy('log', "exports.handler = async () => console.log('über')")
    await workers.deploy('client', 'exports.handler = async (_, context) => context.clientContext')
  })
  afterAll(async () => {
    await closeServer(server)
    await workers.stop()
  })

  test('gives back what the handler returned', async () => {
    const payload = JSON.stringify({ text: 'grüß ☃ 𝄞', list: [1, null] })
    expect(await invoker.invoke({ functionName: 'echo', payload })).toEqual({
      outcome: 'completed',
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      executedVersion: '$LATEST',
      payload,
    })
  })

  test.each([1, 100])('hands over an event of %i records, as its text has it', async (records) => {
    const event = recordEvent(records)
    const result = await invoker.invoke({ functionName: 'echo', payload: event })
    expect('payload' in result && JSON.parse(result.payload)).toEqual(JSON.parse(event.text()))
  })

  test('takes an empty payload for an empty object', async () => {
    const result = await invoker.invoke({ functionName: 'echo', payload: '' })
    expect(result).toMatchObject({ payload: '{}' })
  })

  test('tells a function error from an answer', async () => {
    const result = await invoker.invoke({ functionName: 'fail', payload: '{}' })
    expect(result).toMatchObject({ outcome: 'completed', functionError: 'Unhandled' })
    expect('payload' in result && JSON.parse(result.payload)).toMatchObject({
      errorType: 'Error',
      errorMessage: 'né',
    })
    expect(result).not.toHaveProperty('logTail')
  })

  test('gives back bytes that are no text as they came', async () => {
    const files = nodeBootstrap(`for (;;) {
      const { headers } = await call('GET', 'invocation/next')
      const path = 'invocation/' + headers['lambda-runtime-aws-request-id'] + '/response'
      await call('POST', path, Buffer.from([0x22, 0xff, 0x00, 0x22]))
    }`)
    await workers.deploy('bytes', files, { runtime: 'provided.al2023', timeoutSeconds: 30 })
    const result = await invoker.invoke({ functionName: 'bytes', payload: '{}' })
    expect(result).toMatchObject({ outcome: 'completed', payload: '"\ufffd\0"' })
    const bytes = 'payloadBytes' in result ? result.payloadBytes : undefined
    expect(Buffer.from(bytes ?? [])).toEqual(Buffer.from([0x22, 0xff, 0x00, 0x22]))
  })

  test('gives the tail of the log when asked', async () => {
    const result = await invoker.invoke({ functionName: 'log', payload: '{}', tailLog: true })
    expect(tailOf(result)).toMatch(/^START RequestId: .*\n.*\tINFO\tüber\nEND .*\nREPORT .*\n$/)
  })

  test('runs the version that is named', async () => {
    const { directory } = await workers.deploy('versions', 'exports.handler = async () => 1')
    const record = functionRecord('versions', directory)
    await workers.registry.putVersion({ ...record, version: '4', contentDigest: '' })
    const call = { functionName: 'versions', qualifier: '4', payload: '{}' }
    expect(await invoker.invoke(call)).toMatchObject({ executedVersion: '4', payload: '1' })
    expect(await invoker.invoke({ ...call, qualifier: 'a&b' })).toMatchObject({
      code: 'ResourceNotFoundException',
      message: expect.stringMatching(/:function:versions:a&b$/) as string,
    })
  })

  test('hands the client context over', async () => {
    const clientContext = Buffer.from('{"a":1}').toString('base64')
    const result = await invoker.invoke({ functionName: 'client', payload: '{}', clientContext })
    expect(result).toMatchObject({ payload: '{"a":1}' })
  })

  test.each([
    ['no such function', '{}', 'ResourceNotFoundException', 404],
    ['echo', '{', 'InvalidRequestContentException', 400],
    ['echo', `"${'x'.repeat(6_291_555)}"`, 'RequestTooLargeException', 413],
    ['echo', `"${'é'.repeat(3_145_778)}"`, 'RequestTooLargeException', 413],
  ])('refuses %s with its code and status', async (functionName, payload, code, status) => {
    const result = await invoker.invoke({ functionName, payload })
    expect(result).toMatchObject({ outcome: 'refused', code, status })
    expect('message' in result && result.message).not.toBe('')
  })

  test('refuses a client context that is too long', async () => {
    const invocation = { functionName: 'echo', payload: '{}', clientContext: 'a'.repeat(3584) }
    expect(await invoker.invoke(invocation)).toMatchObject({ status: 400 })
  })

  test('refuses what is throttled, with the reason', async () => {
    const gate = await workers.deployGated('gated')
    const running = invoker.invoke({ functionName: 'gated', payload: '{}' })
    await gate.arrived(1)
    expect(await invoker.invoke({ functionName: 'echo', payload: '{}' })).toMatchObject({
      outcome: 'refused',
      code: 'TooManyRequestsException',
      status: 429,
      reason: 'ConcurrentInvocationLimitExceeded',
    })
    gate.open()
    expect(await running).toMatchObject({ payload: '1' })
  })
})

test('what the caller has deployed is invoked by workers that have not heard of it', async () => {
  const workers = startInvoker()
  await workers.deploy('f', 'exports.handler = async () => 1')
  const known = workers.registry.function('f')
  const registry = {
    function: (name: string) => workers.registry.function(name),
    refresh: async () => {
      await workers.deploy('f', 'exports.handler = async () => 2', { revision: 2 })
    },
  }
  const server = createInvokeServer({ ...workers, registry, logger: silentLogger })
  const url = `http://${await listen(server, place)}`
  const knows = async (revision: number | undefined): Promise<unknown> => {
    const invoker = new RemoteInvoker({ url, revisionOf: () => revision })
    const result = await invoker.invoke({ functionName: 'f', payload: '{}' })
    invoker.close()
    return valueOf(result)
  }
  expect(known?.revision).toBe(1)
  expect(await knows(undefined)).toBe(1)
  expect(await knows(1)).toBe(1)
  expect(await knows(2)).toBe(2)
  await closeServer(server)
  await workers.stop()
})

test('workers that are not there are an operating error that may pass', async () => {
  const invoker = new RemoteInvoker({ url: 'http://127.0.0.1:1' })
  const failure = await invoker
    .invoke({ functionName: 'f', payload: '{}' })
    .catch((e: unknown) => e)
  expect(failure).toBeInstanceOf(AppError)
  expect(failure).toMatchObject({ code: 'WORKERS_UNREACHABLE', retriable: true })
})

test.each([
  ['another server', { status: 200, headers: {}, body: 'hello' }],
  ['an unknown code', { status: 418, headers: { 'x-amzn-requestid': 'a' }, body: '{}' }],
  [
    'a body that is no JSON',
    {
      status: 429,
      headers: { 'x-amzn-requestid': 'a', 'x-amzn-errortype': 'TooManyRequestsException' },
      body: '<html>',
    },
  ],
])('%s is not taken for workers', async (_, { status, headers, body }) => {
  const server = createServer((__, response) => void response.writeHead(status, headers).end(body))
  const invoker = new RemoteInvoker({ url: `http://${await listen(server, place)}` })
  await expect(invoker.invoke({ functionName: 'f', payload: '{}' })).rejects.toMatchObject({
    code: 'WORKERS_UNREACHABLE',
  })
  invoker.close()
  await closeServer(server)
})

test('both say how long an invocation waited where there is no room for more, and nothing else', async () => {
  const workers = startInvoker({ environmentsMax: 1 })
  const server = createInvokeServer({ ...workers, logger: silentLogger })
  const remote = new RemoteInvoker({ url: `http://${await listen(server, place)}` })
  const gate = await workers.deployGated('f')
  const first = workers.invoke('f')
  await gate.arrived(1)
  const others = [workers.invoker, remote].map((invoker) =>
    invoker.invoke({ functionName: 'f', payload: '{}' }),
  )
  await expect.poll(() => workers.invoker.functions()).toMatchObject([{ executions: 3 }])
  // A tick of the clock in which they wait.
  const since = Date.now()
  await expect.poll(() => Date.now() - since).toBeGreaterThan(2)
  for (const count of [2, 3]) {
    gate.open()
    await gate.arrived(count)
  }
  gate.open()
  expect(await first).not.toHaveProperty('roomWaitMs')
  for (const result of await Promise.all(others)) {
    expect('roomWaitMs' in result && result.roomWaitMs).toBeGreaterThan(0)
  }
  remote.close()
  await closeServer(server)
  await workers.stop()
})
