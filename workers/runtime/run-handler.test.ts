// Tests every way in which a handler may give its answer, under a clock that stands still.
import { expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import type { EventLoop } from './event-loop.ts'
import type { Handler } from './handler-loader.ts'
import { runHandler } from './run-handler.ts'

/** A loop whose end the test decides. */
class FakeLoop {
  waits: { quietMs: number; end: () => void }[] = []

  whenEmpty(quietMs: number, end: () => void) {
    const wait = { quietMs, end }
    this.waits.push(wait)
    return { cancel: () => void (this.waits = this.waits.filter((other) => other !== wait)) }
  }
}

function run(handler: unknown, awaitsReturn = false) {
  const clock = new ManualClock()
  const loop = new FakeLoop()
  const answer = runHandler({
    handler: handler as Handler,
    event: { n: 1 },
    facts: {
      functionName: 'f',
      functionVersion: '$LATEST',
      invokedFunctionArn: 'arn',
      memoryLimitInMB: '128',
      awsRequestId: 'id',
      logGroupName: 'g',
      logStreamName: 's',
    },
    deadlineMs: clock.now() + 3000,
    awaitsReturn,
    clock,
    loop: loop as unknown as EventLoop,
  })
  return { answer, loop, clock }
}

type Context = Record<'succeed' | 'fail', (value?: unknown) => void> & {
  done(error: unknown, value?: unknown): void
  getRemainingTimeInMillis(): number
  callbackWaitsForEmptyEventLoop: boolean
}
type Callback = (error: unknown, value?: unknown) => void

test('what a promise resolves with is the answer, and nothing is waited for', async () => {
  const { answer, loop } = run(async (event: { n: number }) => event.n + 1)
  expect(await answer).toEqual({ ok: true, value: 2 })
  expect(loop.waits).toEqual([])
})

test('what a promise rejects with, and what a handler throws, is the error', async () => {
  const error = new Error('no')
  const rejecting = async () => {
    throw error
  }
  const throwing = () => {
    throw error
  }
  expect(await run(rejecting).answer).toEqual({ ok: false, error })
  expect(await run(throwing).answer).toEqual({ ok: false, error })
})

test('a callback answers when the event loop is empty', async () => {
  const { answer, loop } = run((_: unknown, __: Context, callback: Callback) => callback(null, 7))
  expect(loop.waits).toMatchObject([{ quietMs: 0 }])
  loop.waits[0]?.end()
  expect(await answer).toEqual({ ok: true, value: 7 })
})

test('a callback answers at once with callbackWaitsForEmptyEventLoop off', async () => {
  const { answer, loop } = run((_: unknown, context: Context, callback: Callback) => {
    context.callbackWaitsForEmptyEventLoop = false
    callback(null, 7)
  })
  expect(await answer).toEqual({ ok: true, value: 7 })
  expect(loop.waits).toEqual([])
})

test('an error of a callback is the answer at once, and only the first call counts', async () => {
  const { answer } = run((_: unknown, __: Context, callback: Callback) => {
    callback('first')
    callback(null, 'second')
  })
  expect(await answer).toEqual({ ok: false, error: 'first' })
})

test.each([
  ['done', (context: Context) => context.done(null, 1), { ok: true, value: 1 }],
  ['done with an error', (context: Context) => context.done('e'), { ok: false, error: 'e' }],
  ['succeed', (context: Context) => context.succeed(2), { ok: true, value: 2 }],
  ['fail', (context: Context) => context.fail('e'), { ok: false, error: 'e' }],
  ['fail without a word', (context: Context) => context.fail(), { ok: false, error: 'handled' }],
])('context.%s answers', async (_, use, expected) => {
  const { answer } = run((__: unknown, context: Context) => use(context))
  expect(await answer).toEqual(expected)
})

test('a promise that never settles fails an async function once nothing is left to do', async () => {
  const { answer, loop } = run(async () => new Promise(() => {}))
  expect(loop.waits).toMatchObject([{ quietMs: 500 }])
  loop.waits[0]?.end()
  expect(await answer).toMatchObject({ ok: false, error: { name: 'Runtime.NodeJsExit' } })
})

test('from nodejs24.x on it ends Node, whatever the handler is', async () => {
  const { answer, loop } = run(() => new Promise(() => {}), true)
  loop.waits[0]?.end()
  expect(await answer).toEqual({ ok: 'exited' })
})

test('from nodejs24.x on the context has no word of callbacks', async () => {
  const { answer } = run(async (_: unknown, context: object) => Object.entries(context), true)
  const keys = ((await answer) as unknown as { value: [string, unknown][] }).value
    .filter(([, value]) => value !== undefined)
    .map(([key]) => key)
  expect(keys).toEqual([
    'functionName',
    'functionVersion',
    'invokedFunctionArn',
    'memoryLimitInMB',
    'awsRequestId',
    'logGroupName',
    'logStreamName',
    'getRemainingTimeInMillis',
  ])
})

test('a handler that never calls back answers null', async () => {
  const { answer, loop } = run((...[, , callback]: [unknown, unknown, unknown]) => void callback)
  loop.waits[0]?.end()
  expect(await answer).toEqual({ ok: true, value: null })
})

test('a plain return value counts from nodejs24.x on, and is dropped before', async () => {
  const plain = () => 5
  expect(await run(plain, true).answer).toEqual({ ok: true, value: 5 })
  const older = run(plain)
  older.loop.waits[0]?.end()
  expect(await older.answer).toEqual({ ok: true, value: null })
})

test('the remaining time runs down with the clock', async () => {
  let context: Context | undefined
  const { answer, clock } = run(async (_: unknown, given: Context) => {
    context = given
  })
  await answer
  expect(context?.getRemainingTimeInMillis()).toBe(3000)
  clock.advance(1200)
  expect(context?.getRemainingTimeInMillis()).toBe(1800)
})
