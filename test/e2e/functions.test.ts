// Uses the Lambda API with the AWS SDK as a user would, and checks that bad handlers hurt nobody else.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  GetFunctionCommand,
  InvokeCommand,
  ListFunctionsCommand,
  PutFunctionConcurrencyCommand,
  ResourceNotFoundException,
  TooManyRequestsException,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  type InvokeCommandOutput,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFunction, lambdaClient, zipOfTexts } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

let platform: Platform
let client: LambdaClient
let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-e2e-'))
  platform = await startPlatform()
  client = lambdaClient(platform)
})
afterAll(async () => {
  client.destroy()
  expect(await platform.stop()).toBe(0)
  await rm(scratch, { recursive: true, force: true })
})

function invoke(name: string, event: unknown = {}, log = false): Promise<InvokeCommandOutput> {
  const command = new InvokeCommand({
    FunctionName: name,
    Payload: Buffer.from(JSON.stringify(event)),
    ...(log ? { LogType: 'Tail' as const } : {}),
  })
  return client.send(command)
}

function payloadOf(output: InvokeCommandOutput): unknown {
  return JSON.parse(Buffer.from(output.Payload ?? []).toString())
}

const styles: Record<string, { files: Record<string, string>; handler?: string }> = {
  esm: { files: { 'index.mjs': 'export const handler = async (e) => ({ got: e.n })' } },
  commonjs: { files: { 'index.js': 'exports.handler = async (e) => ({ got: e.n })' } },
  callback: {
    files: { 'index.js': 'exports.handler = (e, context, done) => done(null, { got: e.n })' },
  },
  typescript: {
    files: { 'index.ts': 'export const handler = async (e: { n: number }) => ({ got: e.n })' },
  },
  nested: {
    files: { 'src/app.mjs': 'export const run = async (e) => ({ got: e.n })' },
    handler: 'src/app.run',
  },
}

test.each(Object.entries(styles))('a handler in style %s answers', async (style, code) => {
  await createFunction(client, { name: `style-${style}`, ...code })
  const output = await invoke(`style-${style}`, { n: 7 })
  expect(payloadOf(output)).toEqual({ got: 7 })
  expect(output.StatusCode).toBe(200)
  expect(output.ExecutedVersion).toBe('$LATEST')
  expect(output.FunctionError).toBeUndefined()
})

test('a function is created, read, listed, changed and deleted', async () => {
  const name = 'life-of-a-function'
  await createFunction(client, {
    name,
    files: { 'index.mjs': 'export const handler = async () => process.env.COLOUR ?? "none"' },
  })
  expect(payloadOf(await invoke(name))).toBe('none')
  await client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName: name,
      Environment: { Variables: { COLOUR: 'green' } },
      MemorySize: 512,
    }),
  )
  expect(payloadOf(await invoke(name))).toBe('green')
  const code = { 'index.mjs': 'export const handler = async (e, c) => c.memoryLimitInMB' }
  await client.send(
    new UpdateFunctionCodeCommand({ FunctionName: name, ZipFile: await zipOfTexts(code) }),
  )
  expect(payloadOf(await invoke(name))).toBe('512')
  const found = await client.send(new GetFunctionCommand({ FunctionName: name }))
  expect(found.Configuration).toMatchObject({ MemorySize: 512, State: 'Active' })
  const listed = await client.send(new ListFunctionsCommand({}))
  expect(listed.Functions?.map((f) => f.FunctionName)).toContain(name)
  await client.send(new DeleteFunctionCommand({ FunctionName: name }))
  await expect(invoke(name)).rejects.toBeInstanceOf(ResourceNotFoundException)
})

test('a function with reserved concurrency runs so often at once, and says why no more', async () => {
  await createFunction(client, {
    name: 'reserved',
    files: {
      'index.mjs':
        'export const handler = (e) => new Promise((end) => setTimeout(end, e.ms, "ran"))',
    },
  })
  const reserve = (ReservedConcurrentExecutions: number): Promise<unknown> =>
    client.send(
      new PutFunctionConcurrencyCommand({ FunctionName: 'reserved', ReservedConcurrentExecutions }),
    )
  await reserve(2)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 6 }, () => invoke('reserved', { ms: 1_000 })),
  )
  const refusals = outcomes.flatMap((o) => (o.status === 'rejected' ? [o.reason as unknown] : []))
  expect(refusals).toHaveLength(4)
  for (const refusal of refusals) {
    expect(refusal).toBeInstanceOf(TooManyRequestsException)
    expect(refusal).toMatchObject({
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      $metadata: { httpStatusCode: 429 },
    })
  }
  await reserve(0)
  await expect(invoke('reserved', { ms: 1 })).rejects.toThrow(TooManyRequestsException)
  await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: 'reserved' }))
  expect(payloadOf(await invoke('reserved', { ms: 1 }))).toBe('ran')
})

test('an edit of a hot-reload directory takes effect on the next invocation', async () => {
  const file = join(scratch, 'index.mjs')
  await writeFile(file, 'export const handler = async () => "first"')
  await client.send(
    new CreateFunctionCommand({
      FunctionName: 'hot',
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/any',
      Code: { S3Bucket: 'hot-reload', S3Key: scratch },
    }),
  )
  expect(payloadOf(await invoke('hot'))).toBe('first')
  await writeFile(file, 'export const handler = async () => "second"')
  expect(payloadOf(await invoke('hot'))).toBe('second')
})

test('the tail of the log comes back with START, the line, END and REPORT', async () => {
  await createFunction(client, {
    name: 'talkative',
    files: { 'index.mjs': 'export const handler = async () => { console.log("hello %d", 5) }' },
  })
  const output = await invoke('talkative', {}, true)
  expect(payloadOf(output)).toBeNull()
  const log = Buffer.from(output.LogResult ?? '', 'base64').toString()
  expect(log).toMatch(/START RequestId: \S+ Version: \$LATEST\n/)
  expect(log).toMatch(/Z\t\S+\tINFO\thello 5\n/)
  expect(log).toMatch(/END RequestId: \S+\n/)
  expect(log).toMatch(
    /REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB/,
  )
})

const bad: Record<string, { source: string; errorType: string; message: RegExp }> = {
  throws: {
    source: 'export const handler = async () => { throw new TypeError("no good") }',
    errorType: 'TypeError',
    message: /^no good$/,
  },
  hangs: {
    source: 'export const handler = async () => { for (;;); }',
    errorType: 'Sandbox.Timedout',
    message: /Task timed out after 1\.00 seconds/,
  },
  exits: {
    source: 'export const handler = async () => { process.exit(3) }',
    errorType: 'Runtime.ExitError',
    message: /Runtime exited/,
  },
  'eats-memory': {
    source:
      'export const handler = async () => { const hoard = []; for (;;) hoard.push(new Array(1e5).fill({})) }',
    errorType: 'Runtime.ExitError',
    message: /Runtime exited/,
  },
  'rejects-later': {
    source:
      'export const handler = () => new Promise(() => { setTimeout(() => { throw new Error("late") }, 5) })',
    errorType: 'Error',
    message: /late/,
  },
}

test.each(Object.entries(bad))('a handler that %s fails alone', async (name, expectation) => {
  await createFunction(client, {
    name: `bad-${name}`,
    files: { 'index.mjs': expectation.source },
    // Eating memory is given time; the others are not.
    timeoutSeconds: name === 'eats-memory' ? 60 : 1,
    memorySizeMb: 128,
  })
  const output = await invoke(`bad-${name}`)
  expect(output.FunctionError).toBe('Unhandled')
  const payload = payloadOf(output) as { errorType: string; errorMessage: string }
  expect(payload.errorMessage).toMatch(expectation.message)
  expect(payload.errorType).toContain(expectation.errorType)
  expect(payloadOf(await invoke('style-esm', { n: 1 }))).toEqual({ got: 1 })
})
