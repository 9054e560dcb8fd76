// Tests the AWS door itself: Invoke, wire details, limits, health, metrics, and how it closes.
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvokeCommand } from '@aws-sdk/client-lambda'
import { expect, onTestFinished, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import type { InvocationResult } from '../common/invocation.ts'
import { httpConnectionsMax } from '../common/limits.ts'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import { mappingRecord } from '../test/support/registry-contract.ts'
import { deployTyres } from '../test/support/tyres.ts'

const arn = 'arn:aws:lambda:us-east-1:000000000000:function:tyres'
const invocations = '/2015-03-31/functions/tyres/invocations'

async function start(): Promise<ControlHarness> {
  const harness = await startControlForTest()
  await deployTyres(harness)
  return harness
}

function completed(change: object): () => Promise<InvocationResult> {
  return async () => ({
    outcome: 'completed',
    requestId: '22222222-2222-2222-2222-222222222222',
    executedVersion: '$LATEST',
    payload: '{"a":1}',
    ...change,
  })
}

test('Invoke hands the payload over as it is and answers in the form of AWS', async () => {
  const { client, invoker } = await start()
  invoker.next = completed({ functionError: 'Unhandled', logTail: 'bG9n' })
  const clientContext = Buffer.from('{"custom":{}}').toString('base64')
  const result = await client.send(
    new InvokeCommand({
      FunctionName: `${arn}:$LATEST`,
      Payload: Buffer.from('{ "x" : [1.0] }'),
      LogType: 'Tail',
      ClientContext: clientContext,
    }),
  )
  expect(invoker.seen).toEqual([
    {
      functionName: 'tyres',
      qualifier: '$LATEST',
      payload: '{ "x" : [1.0] }',
      tailLog: true,
      clientContext,
    },
  ])
  expect(result.StatusCode).toBe(200)
  expect(result.Payload?.transformToString()).toBe('{"a":1}')
  expect(result.FunctionError).toBe('Unhandled')
  expect(result.LogResult).toBe('bG9n')
  expect(result.ExecutedVersion).toBe('$LATEST')
  expect(result.$metadata.requestId).toBe('22222222-2222-2222-2222-222222222222')
})

test('no payload is an empty event; DryRun checks and runs nothing', async () => {
  const { client, invoker } = await start()
  await client.send(new InvokeCommand({ FunctionName: 'tyres' }))
  expect(invoker.seen).toEqual([{ functionName: 'tyres', payload: '{}', tailLog: false }])
  const dry = new InvokeCommand({ FunctionName: 'tyres', InvocationType: 'DryRun' })
  expect((await client.send(dry)).StatusCode).toBe(204)
  expect(invoker.seen).toHaveLength(1)
})

test.each<[string, Record<string, unknown>, [string, number], string | RegExp]>([
  [
    'an unknown function',
    { FunctionName: 'none' },
    ['ResourceNotFoundException', 404],
    /^Function not found: arn:.*:none$/,
  ],
  [
    'an unknown version',
    { Qualifier: '7' },
    ['ResourceNotFoundException', 404],
    `Function not found: ${arn}:7`,
  ],
  [
    'a payload that is no JSON',
    { Payload: Buffer.from('{"a":') },
    ['InvalidRequestContentException', 400],
    /^Could not parse request body into json: Could not parse payload into json: \S/,
  ],
  [
    'a payload that is not UTF-8',
    { Payload: Buffer.from([0x22, 0xff, 0x22]) },
    ['InvalidRequestContentException', 400],
    /^Could not parse request body into json: Could not parse payload into json: \S/,
  ],
  [
    'a payload over the limit',
    { Payload: Buffer.alloc(6_291_557, 0x20) },
    ['RequestTooLargeException', 413],
    'Request must be smaller than 6291556 bytes for the InvokeFunction operation',
  ],
  [
    'an event over the limit of those that nobody waits for',
    { InvocationType: 'Event', Payload: Buffer.from(JSON.stringify('x'.repeat(1_048_575))) },
    ['RequestTooLargeException', 413],
    '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)',
  ],
  [
    'an unknown type',
    { InvocationType: 'Later' },
    ['ValidationException', 400],
    "1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
  ],
  [
    'a client context that is no JSON',
    { ClientContext: 'x' },
    ['InvalidRequestContentException', 400],
    'Client context must be a valid Base64-encoded JSON object.',
  ],
])('%s refuses the invocation', async (_, change, error, message) => {
  const { client, invoker } = await start()
  const refusal = await refusalOf(
    client.send(new InvokeCommand({ FunctionName: 'tyres', ...change })),
  )
  expect([refusal.name, refusal.status]).toEqual(error)
  if (typeof message === 'string') expect(refusal.message).toBe(message)
  else expect(refusal.message).toMatch(message)
  expect(invoker.seen).toEqual([])
})

test('a payload of exactly the limit is taken', async () => {
  const { client, invoker } = await start()
  const Payload = Buffer.from(`"${'x'.repeat(6_291_554)}"`)
  await client.send(new InvokeCommand({ FunctionName: 'tyres', Payload }))
  expect(invoker.seen[0]?.payload).toHaveLength(6_291_556)
})

test('what the workers refuse is refused with their code, and their absence is a service error', async () => {
  const { client, invoker, url } = await start()
  invoker.next = async () => ({
    outcome: 'refused',
    requestId: 'r',
    code: 'TooManyRequestsException',
    message: 'Rate Exceeded.',
    status: 429,
    reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  })
  const throttled = await fetch(url + invocations, { method: 'POST', body: '{}' })
  expect(throttled.status).toBe(429)
  expect(throttled.headers.get('retry-after')).toBe('1')
  expect(await throttled.json()).toEqual({
    Type: 'User',
    message: 'Rate Exceeded.',
    Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  })
  invoker.next = async () => {
    throw new AppError('WORKERS_UNREACHABLE', { url: 'http://w', reason: 'refused' })
  }
  expect(await refusalOf(client.send(new InvokeCommand({ FunctionName: 'tyres' })))).toEqual({
    name: 'ServiceException',
    status: 500,
    message: 'no workers answer at http://w: refused',
  })
})

test.each([
  ['GET', '/2015-03-31/nothing', 404, 'UnknownOperationException'],
  ['PATCH', '/2015-03-31/functions', 404, 'UnknownOperationException'],
  ['POST', '/', 404, 'UnknownOperationException'],
  ['GET', '/2015-03-31/functions/%E0%A4%A', 400, 'SerializationException'],
  ['GET', '/2015-03-31/functions/?MaxItems=many', 400, 'SerializationException'],
  ['GET', '/2015-03-31/functions/tyres/', 200, null],
  ['GET', `/2015-03-31/functions/${encodeURIComponent(arn)}`, 200, null],
])('%s %s answers %i %s', async (method, path, status, code) => {
  const { url } = await start()
  const response = await fetch(url + path, { method })
  expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([status, code])
  expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/)
  expect(response.headers.get('content-type')).toBe('application/json')
})

test.each([
  ['{"FunctionName":', /^Could not parse request body into json: /],
  ['[]', 'Start of list found where not expected'],
  ['"x"', 'STRING_VALUE can not be converted to a Structure'],
  ['{"FunctionName":{}}', 'Start of structure or map found where not expected.'],
  ['{"FunctionName":1}', 'NUMBER_VALUE can not be converted to a String'],
  ['{"MemorySize":"128"}', 'STRING_VALUE can not be converted to an Integer'],
  ['{"MemorySize":1.5}', 'DECIMAL_VALUE can not be converted to an Integer'],
  ['{"Code":{"ZipFile":"%%%"}}', 'A Blob is not valid Base64'],
])('a body %s is a serialization error', async (body, message) => {
  const { url } = await start()
  const response = await fetch(`${url}/2015-03-31/functions`, { method: 'POST', body })
  expect(response.headers.get('x-amzn-errortype')).toBe('SerializationException')
  expect(response.status).toBe(400)
  const answer = (await response.json()) as { message: string; Type: string }
  expect(answer.Type).toBe('User')
  expect(answer.message).toMatch(message)
})

test('error bodies spell the text as AWS does, code by code', async () => {
  const { url } = await start()
  const body = async (path: string, init?: RequestInit): Promise<unknown> =>
    (await fetch(url + path, init)).json()
  expect(await body('/2015-03-31/functions/none')).toEqual({
    Type: 'User',
    Message: 'Function not found: arn:aws:lambda:us-east-1:000000000000:function:none',
  })
  expect(await body('/2015-03-31/functions?Marker=x')).toEqual({
    Type: 'User',
    message: 'Invalid Marker: x',
  })
  expect(Object.keys((await body('/2015-03-31/functions?MaxItems=0')) as object)).toEqual([
    'message',
  ])
})

test('a body over the limit of its operation is refused, however it is sent', async () => {
  const { url } = await start()
  const mapping = await fetch(`${url}/2015-03-31/event-source-mappings`, {
    method: 'POST',
    body: Buffer.alloc(300_000, 0x20),
  })
  expect(mapping.status).toBe(413)
  expect(await mapping.json()).toEqual({
    Type: 'User',
    message: 'Request must be smaller than 262144 bytes for the CreateEventSourceMapping operation',
  })
  const chunked = await new Promise<number | undefined>((resolve, reject) => {
    const sending = request(url + invocations, { method: 'POST' }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sending.on('error', reject)
    for (let i = 0; i < 8; i++) sending.write(Buffer.alloc(1_000_000, 0x20))
    sending.end()
  })
  expect(chunked).toBe(413)
})

test('the front page says what this is, and health that all is well', async () => {
  const { url, control } = await start()
  expect(await (await fetch(url)).json()).toMatchObject({ name: 'millrace', version: '9.9.9' })
  const health = await fetch(`${url}/health`)
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok', problems: [] }])
  expect(control.problems()).toEqual([])
})

test('a damaged registry entry shows in health, and the rest of the API goes on', async () => {
  const { url, dataDir } = await startControlForTest({
    prepare: async (dir) => {
      await mkdir(join(dir, 'registry', 'functions'), { recursive: true })
      await writeFile(join(dir, 'registry', 'functions', 'bad.json'), 'damage')
    },
  })
  const file = join(dataDir, 'registry', 'functions', 'bad.json')
  const health = await fetch(`${url}/health`)
  expect([health.status, await health.json()]).toEqual([
    503,
    { status: 'unhealthy', problems: [`${file} is not a registry entry: it is not JSON`] },
  ])
  expect((await fetch(`${url}/2015-03-31/functions`)).status).toBe(200)
})

test('requests are counted by operation and status, mappings by state', async () => {
  const { url, control, registry } = await start()
  await fetch(`${url}/2015-03-31/functions/none`)
  await fetch(`${url}/2015-03-31/functions/none`)
  await fetch(`${url}/nothing`)
  await registry.putMapping(mappingRecord())
  const samples = await control.metrics.collect()
  const value = (name: string, labels: object): unknown =>
    samples.find((s) => s.name === name && JSON.stringify(s.labels) === JSON.stringify(labels))
      ?.value
  const requests = 'millrace_control_requests_total'
  expect(value(requests, { operation: 'CreateFunction', status: 201 })).toBe(1)
  expect(value(requests, { operation: 'GetFunction', status: 404 })).toBe(2)
  expect(value(requests, { operation: 'Unknown', status: 404 })).toBe(1)
  expect(value('millrace_control_functions', {})).toBe(1)
  expect(value('millrace_control_mappings', { state: 'Creating' })).toBe(1)
  expect(value('millrace_control_mappings', { state: 'Enabled' })).toBe(0)
  const defined = new Set(control.metrics.definitions.map(({ name }) => name))
  expect(samples.filter(({ name }) => !defined.has(name))).toEqual([])
})

test('stop waits for a running request, answers it and takes no new one', async () => {
  const { url, control, invoker } = await start()
  const running = Promise.withResolvers<InvocationResult>()
  const arrived = Promise.withResolvers<void>()
  invoker.next = () => {
    arrived.resolve()
    return running.promise
  }
  const answer = fetch(url + invocations, { method: 'POST', body: '{}' })
  await arrived.promise
  let stopped = false
  const stopping = control.stop().then(() => (stopped = true))
  await expect(fetch(url)).rejects.toThrow()
  expect(stopped).toBe(false)
  running.resolve(await completed({})())
  const response = await answer
  expect(response.headers.get('connection')).toBe('close')
  expect(await response.json()).toEqual({ a: 1 })
  await stopping
})

test('a connection may rest for a minute between two calls', async () => {
  const { url } = await start()
  const answer = await fetch(`${url}/health`)
  expect(answer.headers.get('keep-alive')).toBe('timeout=65')
})

test('connections that rest make room for one that was turned away', async () => {
  const { url } = await start()
  const { port } = new URL(url)
  const agent = new Agent({ keepAlive: true, maxFreeSockets: httpConnectionsMax })
  onTestFinished(() => agent.destroy())
  const ask = async (of: Agent | false): Promise<number | undefined> => {
    const asking = request({ port, path: '/health', agent: of }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    answer.resume()
    await once(answer, 'end')
    return answer.statusCode
  }
  // One is the SDK's, which has deployed.
  await Promise.all(Array.from({ length: httpConnectionsMax - 1 }, () => ask(agent)))
  await expect(ask(false)).rejects.toThrow()
  await expect.poll(() => ask(false).catch(() => undefined)).toBe(200)
})
