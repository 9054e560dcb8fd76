// Tests how handlers are found, loaded and called, in real threads.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { completed, startInvoker, tailOf, valueOf } from '../test/support/worker-threads.ts'

let workers: ReturnType<typeof startInvoker>
beforeAll(() => (workers = startInvoker()))
afterAll(() => workers.stop())

const styles: Record<string, { files: Record<string, string>; handler?: string }> = {
  'CommonJS, async': { files: { 'index.js': 'exports.handler = async (e) => e.n + 1' } },
  'CommonJS, returned promise': {
    files: { 'index.js': 'exports.handler = (e) => Promise.resolve(e.n + 1)' },
  },
  'CommonJS, callback': {
    files: {
      'index.js': 'exports.handler = (e, c, done) => setImmediate(() => done(null, e.n + 1))',
    },
  },
  '.cjs': { files: { 'index.cjs': 'exports.handler = async (e) => e.n + 1' } },
  '.mjs': { files: { 'index.mjs': 'export const handler = async (e) => e.n + 1' } },
  'type: module': {
    files: {
      'package.json': '{"type":"module"}',
      'one.js': 'export const one = await Promise.resolve(1)',
      'index.js': "import { one } from './one.js'\nexport const handler = async (e) => e.n + one",
    },
  },
  'ES syntax in a .js without package.json': {
    files: { 'index.js': 'export const handler = async (e) => e.n + 1' },
  },
  '.ts': {
    files: {
      'index.ts':
        'interface E { n: number }\nexport const handler = async (e: E): Promise<number> => e.n + 1',
    },
  },
  '.mts': {
    files: { 'index.mts': 'export const handler = async (e: { n: number }) => e.n + 1' },
  },
  'a nested export in a folder': {
    files: { 'lib/api.js': 'exports.users = { add: { one: async (e) => e.n + 1 } }' },
    handler: 'lib/api.users.add.one',
  },
}

test.each(Object.keys(styles))('a handler may be %s', async (style) => {
  const { files, handler = 'index.handler' } = styles[style] ?? { files: {} }
  await workers.deploy(style, files, { handler })
  expect(valueOf(await workers.invoke(style, { n: 41 }))).toBe(42)
})

test.each([
  [
    'a missing file',
    { 'other.js': '' },
    { errorType: 'Runtime.ImportModuleError', errorMessage: /^Error: Cannot find module 'index'/ },
  ],
  [
    'a missing package',
    { 'index.js': "require('no-such-package')" },
    {
      errorType: 'Runtime.ImportModuleError',
      errorMessage: /Cannot find module 'no-such-package'/,
    },
  ],
  [
    'a missing export',
    { 'index.js': 'exports.other = 1' },
    {
      errorType: 'Runtime.HandlerNotFound',
      errorMessage: /^index\.handler is undefined or not exported$/,
    },
  ],
  [
    'an export that is no function',
    { 'index.js': 'exports.handler = 1' },
    { errorType: 'Runtime.HandlerNotFound', errorMessage: /^index\.handler is not a function$/ },
  ],
  [
    'a syntax error',
    { 'index.js': 'exports.handler = (' },
    { errorType: 'Runtime.UserCodeSyntaxError', errorMessage: /^SyntaxError: / },
  ],
  [
    'a top level that throws',
    { 'index.js': "throw new RangeError('top')" },
    { errorType: 'RangeError', errorMessage: /^top$/ },
  ],
])('%s fails the invocation with the error of Lambda', async (name, files, expected) => {
  await workers.deploy(name, files)
  const result = completed(await workers.invoke(name))
  expect(result.functionError).toBe('Unhandled')
  expect(JSON.parse(result.payload)).toMatchObject({
    errorType: expected.errorType,
    errorMessage: expect.stringMatching(expected.errorMessage),
    trace: expect.any(Array),
  })
})

test('a top level that failed is tried again by the next invocation', async () => {
  const folder = await workers.deploy(
    'flaky',
    `const fs = require('node:fs')
    if (!fs.existsSync(__dirname + '/ready')) throw new Error('not yet')
    exports.handler = async () => 'ready'`,
  )
  expect(valueOf(await workers.invoke('flaky'))).toMatchObject({ errorMessage: 'not yet' })
  await folder.write({ ready: '' })
  expect(valueOf(await workers.invoke('flaky'))).toBe('ready')
})

test('a thread loads its handler once and sees only the variables of its function', async () => {
  await workers.deploy(
    'environment',
    'let n = 0\nexports.handler = async () => ({ n: ++n, env: process.env, cwd: process.cwd() })',
    { environment: { MINE: 'yes', AWS_REGION: 'mars' }, runtime: 'nodejs22.x', memorySizeMb: 256 },
  )
  await workers.invoke('environment')
  const { directory } = workers.registry.function('environment')?.code ?? { directory: '' }
  const { n, env, cwd } = valueOf(await workers.invoke('environment')) as {
    n: number
    env: Record<string, string>
    cwd: string
  }
  expect(n).toBe(2)
  expect(cwd).toBe(directory)
  expect(env).toMatchObject({
    MINE: 'yes',
    TZ: 'UTC',
    _HANDLER: 'index.handler',
    AWS_REGION: 'us-east-1',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x',
    AWS_LAMBDA_FUNCTION_NAME: 'environment',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/environment',
    LAMBDA_TASK_ROOT: directory,
  })
  expect(env['AWS_LAMBDA_LOG_STREAM_NAME']).toMatch(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/)
  expect(env['HOME']).toBeUndefined()
})

test('the context has the facts of Lambda', async () => {
  await workers.deploy(
    'context',
    'exports.handler = async (e, c) => ({ ...c, left: c.getRemainingTimeInMillis() })',
  )
  const clientContext = Buffer.from('{"custom":{"a":1}}').toString('base64')
  const result = completed(
    await workers.invoker.invoke({ functionName: 'context', payload: '', clientContext }),
  )
  const context = JSON.parse(result.payload) as Record<string, unknown>
  expect(context).toMatchObject({
    functionName: 'context',
    functionVersion: '$LATEST',
    memoryLimitInMB: '128',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:context',
    awsRequestId: result.requestId,
    logGroupName: '/aws/lambda/context',
    callbackWaitsForEmptyEventLoop: true,
    clientContext: { custom: { a: 1 } },
  })
  expect(context['left']).toBeGreaterThan(2000)
  expect(context['left']).toBeLessThanOrEqual(3000)
})

test.each([
  ['undefined', 'null'],
  ['() => 1', 'null'],
  ['"é"', '"é"'],
])('a handler that returns %s answers %s', async (value, payload) => {
  await workers.deploy('value', `exports.handler = async () => (${value})`, {
    revisionId: value,
  })
  expect(completed(await workers.invoke('value')).payload).toBe(payload)
})

test.each([
  ['1n', { errorType: 'Error', errorMessage: 'Unable to stringify response body' }],
  [
    '"x".repeat(6291555)',
    {
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
    },
  ],
])('an answer of %s is an error', async (value, payload) => {
  await workers.deploy('error-value', `exports.handler = async () => (${value})`, {
    revisionId: value,
  })
  const result = completed(await workers.invoke('error-value'))
  expect(result.functionError).toBe('Unhandled')
  expect(JSON.parse(result.payload)).toMatchObject(payload)
})

test('the largest answer that Lambda takes comes back', async () => {
  await workers.deploy('largest', 'exports.handler = async () => "x".repeat(6291554)')
  const result = completed(await workers.invoke('largest'))
  expect(result.functionError).toBeUndefined()
  expect(result.payload.length).toBe(6_291_556)
})

test('everything that a handler writes is in the tail, in order', async () => {
  await workers.deploy(
    'output',
    `const fs = require('node:fs')
    exports.handler = async () => {
      console.log('one %d', 1, { a: 2 })
      console.error('two')
      process.stdout.write('three\\n')
      fs.writeSync(1, 'four\\n')
      fs.writeSync(2, Buffer.from('xxfivexx\\n'), 2, 4)
      await new Promise((resolve) => fs.write(1, 'six\\n', resolve))
    }`,
  )
  const result = await workers.invoke('output', {}, true)
  const { requestId } = completed(result)
  const [start, one, two, ...rest] = tailOf(result).split('\n')
  expect(start).toBe(`START RequestId: ${requestId} Version: $LATEST`)
  expect(one?.split('\t').slice(1)).toEqual([requestId, 'INFO', 'one 1 { a: 2 }'])
  expect(Date.parse(one?.split('\t')[0] ?? '')).not.toBeNaN()
  expect(two?.split('\t').slice(1)).toEqual([requestId, 'ERROR', 'two'])
  expect(rest.slice(0, 3)).toEqual(['three', 'four', 'fivesix'])
})
