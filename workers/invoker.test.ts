// Tests revisions, hot reload, concurrency, the bound of threads and stopping, with real threads.
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Clock } from '../common/clock.ts'
import { systemClock } from '../common/clock.ts'
import type { EventPayload } from '../common/invocation.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { recordEvent } from '../test/support/record-events.ts'
import { completed, startInvoker, valueOf } from '../test/support/worker-threads.ts'
import { functionRecord } from '../test/support/memory-registry.ts'

let workers: ReturnType<typeof startInvoker>
afterEach(() => workers.stop())

test('a new revision runs at once, while the old one finishes what it has', async () => {
  workers = startInvoker()
  const gate = await workers.deployGated('f')
  const old = workers.invoke('f')
  await gate.arrived(1)
  await workers.deploy('f', 'exports.handler = async () => "new"', { revision: 2 })
  expect(valueOf(await workers.invoke('f'))).toBe('new')
  gate.open()
  expect(valueOf(await old)).toBe(1)
  await until(() => workers.invoker.environments === 1)
})

test('an edit of a hot-reload directory takes effect at the next invocation', async () => {
  // The moment in which a look at the directory serves again is skipped.
  let aheadMs = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + (aheadMs += 1000) }
  workers = startInvoker({ clock })
  const folder = await workers.deploy('f', 'exports.handler = async () => "one"')
  const { directory } = folder
  const code = { kind: 'hot-reload', directory } as const
  await workers.registry.putFunction(functionRecord('f', directory, { code, revision: 2 }))
  expect(valueOf(await workers.invoke('f'))).toBe('one')
  await folder.write({ 'index.js': 'exports.handler = async () => "two"' })
  await utimes(join(directory, 'index.js'), 1, 1)
  expect(valueOf(await workers.invoke('f'))).toBe('two')
  await folder.write({ 'index.js': 'exports.handler = async () => require("./lib/three.js")' })
  await folder.write({ 'lib/three.js': 'module.exports = "three"' })
  expect(valueOf(await workers.invoke('f'))).toBe('three')
  await until(() => workers.invoker.environments === 1)
})

test('a deleted function is not found, its invocation ends well and its numbers are gone', async () => {
  workers = startInvoker()
  const gate = await workers.deployGated('f')
  const running = workers.invoke('f')
  await gate.arrived(1)
  await workers.registry.removeFunction('f')
  expect(await workers.invoke('f')).toMatchObject({
    outcome: 'refused',
    code: 'ResourceNotFoundException',
    status: 404,
    message: 'Function not found: arn:aws:lambda:us-east-1:000000000000:function:f',
  })
  gate.open()
  expect(valueOf(await running)).toBe(1)
  expect(workers.invoker.functions()).toEqual([])
  await until(() => workers.invoker.environments === 0)
})

test('invocations at the same time run in threads of their own, later ones find them warm', async () => {
  workers = startInvoker()
  const gate = await workers.deployGated('f')
  const first = [1, 2, 3].map(() => workers.invoke('f'))
  await gate.arrived(3)
  expect(workers.invoker.environments).toBe(3)
  expect(workers.invoker.functions()).toMatchObject([{ name: 'f', executions: 3 }])
  gate.open()
  expect((await Promise.all(first)).map(valueOf)).toEqual([1, 1, 1])
  const second = workers.invoke('f')
  await gate.arrived(4)
  gate.open()
  expect(valueOf(await second)).toBe(2)
  expect(workers.invoker.functions()[0]?.counters).toMatchObject({ invocations: 4, coldStarts: 3 })
})

test('at the pace of AWS a reservation is good for ten invocations a second each', async () => {
  const clock = new ManualClock()
  workers = startInvoker({ pace: 'aws', clock })
  await workers.deploy('f', 'exports.handler = async () => 1', { reservedConcurrency: 1 })
  for (let i = 0; i < 10; i++) expect(valueOf(await workers.invoke('f'))).toBe(1)
  expect(await workers.invoke('f')).toMatchObject({
    code: 'TooManyRequestsException',
    reason: 'ReservedFunctionInvocationRateLimitExceeded',
  })
  clock.advance(100)
  expect(valueOf(await workers.invoke('f'))).toBe(1)
  const throttles = workers.invoker.functions()[0]?.counters.throttles
  expect(throttles).toMatchObject({ 'reserved-rate': 1, reserved: 0 })
})

test('the account limit throttles with the words of Lambda', async () => {
  workers = startInvoker({ accountConcurrency: 2 })
  const gate = await workers.deployGated('f')
  await workers.deploy('g', 'exports.handler = async () => 1')
  const running = [workers.invoke('f'), workers.invoke('f')]
  await gate.arrived(2)
  expect(await workers.invoke('g')).toMatchObject({
    outcome: 'refused',
    code: 'TooManyRequestsException',
    message: 'Rate Exceeded.',
    reason: 'ConcurrentInvocationLimitExceeded',
    status: 429,
  })
  gate.open()
  await Promise.all(running)
  expect(valueOf(await workers.invoke('g'))).toBe(1)
  const counters = workers.invoker.functions().find(({ name }) => name === 'g')?.counters
  expect(counters).toMatchObject({
    throttles: { account: 1, reserved: 0 },
    invocations: 1,
    errors: 0,
  })
})

test('a reservation is a bound and is taken from the others, each with its reason of Lambda', async () => {
  workers = startInvoker({ accountConcurrency: 3 })
  const gate = await workers.deployGated('reserved', { reservedConcurrency: 2 })
  const other = await workers.deployGated('other')
  const running = ['reserved', 'reserved', 'other'].map((name) => workers.invoke(name))
  await Promise.all([gate.arrived(2), other.arrived(1)])
  const refused = { code: 'TooManyRequestsException', message: 'Rate Exceeded.', status: 429 }
  expect(await workers.invoke('reserved')).toMatchObject({
    ...refused,
    reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  })
  expect(await workers.invoke('other')).toMatchObject({
    ...refused,
    reason: 'ConcurrentInvocationLimitExceeded',
  })
  gate.open()
  other.open()
  await Promise.all(running)
  expect(workers.invoker.functions()).toMatchObject([
    { name: 'reserved', reservedConcurrency: 2, counters: { throttles: { reserved: 1 } } },
    { name: 'other', reservedConcurrency: undefined, counters: { throttles: { account: 1 } } },
  ])
})

test('a reservation of 0 stops a function; a change of it takes effect and keeps environments', async () => {
  workers = startInvoker()
  const { directory } = await workers.deploy('f', 'let n = 0\nexports.handler = async () => ++n')
  const reserve = (reservedConcurrency: number, revision: number) =>
    workers.registry.putFunction(functionRecord('f', directory, { reservedConcurrency, revision }))
  expect(valueOf(await workers.invoke('f'))).toBe(1)
  await reserve(0, 2)
  expect(await workers.invoke('f')).toMatchObject({
    reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  })
  await reserve(1, 3)
  expect(valueOf(await workers.invoke('f'))).toBe(2)
})

test('beyond the bound of threads invocations wait in order, up to a bound of bytes', async () => {
  workers = startInvoker({ environmentsMax: 1, waitingMaxBytes: 20 })
  const gate = await workers.deployGated('f')
  const first = workers.invoke('f')
  await gate.arrived(1)
  const done: string[] = []
  const note = (name: string) => () => void done.push(name)
  const second = workers.invoke('f', '12345678').then(note('second'))
  const third = workers.invoke('f', '12345678').then(note('third'))
  expect(await workers.invoke('f')).toMatchObject({ code: 'TooManyRequestsException' })
  for (const count of [2, 3]) {
    gate.open()
    await gate.arrived(count)
  }
  gate.open()
  await Promise.all([first, second, third])
  expect(done).toEqual(['second', 'third'])
  expect(workers.invoker.environments).toBe(1)
})

test('an idle thread of another function makes room, and the bound holds', async () => {
  workers = startInvoker({ environmentsMax: 1 })
  await workers.deploy('f', 'exports.handler = async () => "f"')
  await workers.deploy('g', 'exports.handler = async () => "g"')
  for (const name of ['f', 'g', 'f']) {
    expect(valueOf(await workers.invoke(name))).toBe(name)
    expect(workers.invoker.environments).toBe(1)
  }
})

test('a thread whose handler blocks in the system counts until it is gone', async () => {
  workers = startInvoker({ environmentsMax: 1 })
  await workers.deploy(
    'blocked',
    `exports.handler = async () => require('node:child_process').execSync('sleep 1.5')`,
    { timeoutSeconds: 1 },
  )
  await workers.deploy('g', 'exports.handler = async () => "g"')
  expect(valueOf(await workers.invoke('blocked'))).toMatchObject({ errorType: 'Sandbox.Timedout' })
  const next = workers.invoke('g')
  expect(workers.invoker.environments).toBe(1)
  expect(valueOf(await next)).toBe('g')
})

test('an idle thread ends after the idle timeout', async () => {
  workers = startInvoker({ idleTimeoutMs: 20 })
  await workers.deploy('f', 'exports.handler = async () => 1')
  await workers.invoke('f')
  await until(() => workers.invoker.environments === 0)
  expect(valueOf(await workers.invoke('f'))).toBe(1)
})

test('stopping lets running invocations end and takes no more', async () => {
  workers = startInvoker()
  const gate = await workers.deployGated('f')
  const running = workers.invoke('f')
  await gate.arrived(1)
  const stopped = workers.invoker.stop(10_000)
  expect(await workers.invoke('f')).toMatchObject({ code: 'ServiceException', status: 500 })
  gate.open()
  expect(valueOf(await running)).toBe(1)
  await stopped
  expect(workers.invoker.environments).toBe(0)
})

test('stopping ends what outlives the grace, and what waits', async () => {
  workers = startInvoker({ environmentsMax: 1 })
  const gate = await workers.deployGated('f')
  const running = workers.invoke('f')
  const waiting = workers.invoke('f')
  await gate.arrived(1)
  await workers.invoker.stop(10)
  for (const result of await Promise.all([running, waiting])) {
    expect(result).toMatchObject({ outcome: 'refused', code: 'ServiceException' })
  }
})

test.each([
  ['java21', 'ServiceException', /java21/],
  ['nodejs22.x', 'InvalidRequestContentException', /^Could not parse request body into json: /],
])('a payload or runtime that cannot be (%s) is refused', async (runtime, code, message) => {
  workers = startInvoker()
  await workers.deploy('f', 'exports.handler = async () => 1', { runtime })
  const result = await workers.invoker.invoke({ functionName: 'f', payload: '{"a":' })
  expect(result).toMatchObject({
    outcome: 'refused',
    code,
    message: expect.stringMatching(message),
  })
  expect(workers.invoker.functions()[0]?.counters.invocations ?? 0).toBe(0)
})

test('the largest payload arrives, one byte more is refused', async () => {
  workers = startInvoker()
  await workers.deploy('f', 'exports.handler = async (event) => event.length')
  const event = 'x'.repeat(6_291_554)
  expect(completed(await workers.invoke('f', event)).payload).toBe('6291554')
  expect(await workers.invoke('f', `${event}x`)).toMatchObject({
    code: 'RequestTooLargeException',
    status: 413,
  })
})

test('the limit of an event of records is that of its text', async () => {
  workers = startInvoker()
  const length = 'exports.handler = async (event) => event.Records[0].kinesis.data.length'
  await workers.deploy('f', length)
  const invoke = (payload: EventPayload) => workers.invoker.invoke({ functionName: 'f', payload })
  const frameBytes = recordEvent(1, 0).sizeBytes
  // Base64 makes four bytes of three.
  const dataBytes = Math.floor((6_291_556 - frameBytes) / 4) * 3
  const event = recordEvent(1, dataBytes)
  expect(event.sizeBytes).toBeGreaterThan(6_291_552)
  expect(completed(await invoke(event)).payload).toBe(String((dataBytes / 3) * 4))
  expect(await invoke(recordEvent(1, dataBytes + 1))).toMatchObject({
    code: 'RequestTooLargeException',
    status: 413,
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
