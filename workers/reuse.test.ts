// Tests what lives on between two invocations of an environment and what does not, in real threads.
import { afterEach, expect, test } from 'vitest'
import { completed, startInvoker, valueOf } from '../test/support/worker-threads.ts'

let workers: ReturnType<typeof startInvoker>
afterEach(() => workers.stop())

test('state of a module lives as long as its environment, and is gone after a crash', async () => {
  workers = startInvoker()
  await workers.deploy(
    'f',
    'let n = 0\nexports.handler = async ({ exit }) => { if (exit) process.exit(1); return ++n }',
  )
  expect(valueOf(await workers.invoke('f'))).toBe(1)
  expect(valueOf(await workers.invoke('f'))).toBe(2)
  expect(valueOf(await workers.invoke('f', { exit: true }))).toMatchObject({
    errorType: 'Runtime.ExitError',
  })
  expect(valueOf(await workers.invoke('f'))).toBe(1)
  expect(workers.invoker.functions()[0]?.counters).toMatchObject({ coldStarts: 2, errors: 1 })
})

test('with callbackWaitsForEmptyEventLoop an answer waits for timers; without, they run in the next invocation', async () => {
  workers = startInvoker()
  await workers.deploy(
    'f',
    `let fired = 0
    exports.handler = (waits, context, callback) => {
      if (waits === null) return setTimeout(() => callback(null, fired), 100)
      context.callbackWaitsForEmptyEventLoop = waits
      setTimeout(() => fired++, 50)
      callback(null, fired)
    }`,
  )
  expect(valueOf(await workers.invoke('f', true))).toBe(0)
  expect(valueOf(await workers.invoke('f', false))).toBe(1)
  expect(valueOf(await workers.invoke('f', null))).toBe(2)
})

test('a promise that never settles fails before nodejs24.x, and from then on ends the environment', async () => {
  workers = startInvoker()
  const source =
    'let n = 0\nexports.handler = async (e) => { n++; return e.n ? n : new Promise(() => {}) }'
  await workers.deploy('old', source, { runtime: 'nodejs22.x' })
  await workers.deploy('new', source, { runtime: 'nodejs24.x' })
  expect(valueOf(await workers.invoke('old'))).toMatchObject({ errorType: 'Runtime.NodeJsExit' })
  expect(valueOf(await workers.invoke('old', { n: 1 }))).toBe(2)
  const ended = completed(await workers.invoke('new'))
  expect(JSON.parse(ended.payload)).toEqual({
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${ended.requestId} Error: Runtime exited without providing a reason`,
  })
  expect(valueOf(await workers.invoke('new', { n: 1 }))).toBe(1)
})

test('each invocation has a trace of its own, in its environment and from nodejs24.x on in its context', async () => {
  workers = startInvoker()
  const source =
    'exports.handler = async (_, context) => [process.env._X_AMZN_TRACE_ID, context.xRayTraceId]'
  await workers.deploy('f', source, { runtime: 'nodejs24.x' })
  const traces = [
    valueOf(await workers.invoke('f')),
    valueOf(await workers.invoke('f')),
  ] as string[][]
  for (const [variable, member] of traces) {
    expect(variable).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/)
    expect(member).toBe(variable)
  }
  expect(traces[0]).not.toEqual(traces[1])
})
