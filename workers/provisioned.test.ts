// Tests environments that are made ahead: warm before the first event, kept, and made again when they die.
import { onTestFinished, expect, test } from 'vitest'
import { functionFolder } from '../test/support/function-folder.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { functionRecord } from '../test/support/memory-registry.ts'
import { nodeHandler } from '../test/support/node-bootstrap.ts'
import { completed, startInvoker, valueOf } from '../test/support/worker-threads.ts'
import type { FunctionRecord } from '../control/registry/registry.ts'
import type { InvokerOptions } from './invoker.ts'

const source = `
const { threadId } = require('node:worker_threads')
const initialised = process.env.AWS_LAMBDA_INITIALIZATION_TYPE
let n = 0
exports.handler = async (event) => {
  if (event.die) process.exit(1)
  return { n: ++n, initialised, threadId }
}`

/** Version 1 of `fn`, of which so many environments are provisioned. */
async function start(
  executions: number,
  {
    code = source,
    files = { 'index.js': code },
    changes = {},
    ...options
  }: Partial<InvokerOptions> & {
    readonly code?: string
    readonly files?: Readonly<Record<string, string>>
    readonly changes?: Partial<FunctionRecord>
  } = {},
) {
  const workers = startInvoker(options)
  onTestFinished(() => workers.stop())
  const { registry } = workers
  const folder = await functionFolder(files)
  onTestFinished(() => folder.remove())
  const record = functionRecord('fn', folder.directory, changes)
  await registry.putVersion({ ...record, version: '1', contentDigest: '' })
  const provision = async (count: number, revision: number) => {
    const provisioned = [{ qualifier: '1', executions: count, lastModifiedMs: 0 }]
    await registry.putFunction({ ...record, revision, ...(count === 0 ? {} : { provisioned }) })
  }
  await provision(executions, 1)
  const state = () => registry.workers()[0]?.provisioned[0]
  const ready = (count: number) =>
    expect.poll(() => state()?.ready, { timeout: 10_000 }).toBe(count)
  const invoke = (event: unknown = {}, qualifier = '1') =>
    workers.invoker.invoke({ functionName: 'fn', qualifier, payload: JSON.stringify(event) })
  return { ...workers, record, provision, ready, state, invoke }
}

test('the first event finds an environment that was initialised ahead, and no cold start', async () => {
  const { invoke, ready, invoker } = await start(1)
  await ready(1)
  expect(valueOf(await invoke())).toMatchObject({ n: 1, initialised: 'provisioned-concurrency' })
  expect(valueOf(await invoke())).toMatchObject({ n: 2 })
  const [state] = invoker.functions()
  expect(state?.provisioned).toBe(1)
  expect(state?.counters).toMatchObject({
    invocations: 2,
    coldStarts: 0,
    provisionedInvocations: 2,
    spilloverInvocations: 0,
  })
})

test('what is more than provisioned runs on demand, and $LATEST always does', async () => {
  const gate = `${source}\nconst wait = exports.handler
exports.handler = async (event) => { const answer = await wait(event); await new Promise((r) => setTimeout(r, 300)); return answer }`
  const { invoke, ready, invoker } = await start(1, { code: gate })
  await ready(1)
  const results = await Promise.all([invoke(), invoke(), invoke({}, '$LATEST')])
  const types = results.map((result) => (valueOf(result) as { initialised: string }).initialised)
  expect(types).toEqual(['provisioned-concurrency', 'on-demand', 'on-demand'])
  expect(invoker.functions()[0]?.counters).toMatchObject({
    invocations: 3,
    provisionedInvocations: 1,
    spilloverInvocations: 1,
  })
})

test('an environment that dies is made again, with its initialisation', async () => {
  const { invoke, ready } = await start(1)
  await ready(1)
  const first = valueOf(await invoke()) as { threadId: number }
  expect(completed(await invoke({ die: true })).functionError).toBe('Unhandled')
  await ready(1)
  const second = valueOf(await invoke()) as { threadId: number }
  expect(second).toMatchObject({ n: 1, initialised: 'provisioned-concurrency' })
  expect(second.threadId).not.toBe(first.threadId)
})

test('more or fewer are kept as the configuration says, and none without one', async () => {
  const { provision, ready, invoker, registry } = await start(2)
  await ready(2)
  await provision(3, 2)
  await ready(3)
  expect(invoker.environments).toBe(3)
  await provision(1, 3)
  await ready(1)
  await expect.poll(() => invoker.environments).toBe(1)
  await provision(0, 4)
  await expect.poll(() => registry.workers()).toEqual([])
  await expect.poll(() => invoker.environments).toBe(0)
})

test('an initialisation that fails is reported, tried again later, and does no harm to others', async () => {
  const clock = new ManualClock()
  const { state, invoke } = await start(1, { code: 'throw new Error("no")', clock })
  await expect.poll(() => state()?.failure, { timeout: 10_000 }).toBe('FUNCTION_ERROR_INIT_FAILURE')
  expect(state()?.ready).toBe(0)
  expect(completed(await invoke()).functionError).toBe('Unhandled')
})

test('what a machine has no room for is said, and others still find an environment', async () => {
  const { state, ready, deploy, invoker } = await start(5, { environmentsMax: 3 })
  await ready(2)
  expect(state()).toMatchObject({
    wanted: 5,
    failure: 'the workers have no room for 3 environments of these',
  })
  await deploy('other', 'exports.handler = async () => 7')
  const other = await invoker.invoke({ functionName: 'other', payload: '{}' })
  expect(valueOf(other)).toBe(7)
  await ready(2)
})

test('it is set aside of the account: others get what is left', async () => {
  const workers = await start(3, { accountConcurrency: 5, environmentsMax: 8 })
  await workers.ready(3)
  const gate = await workers.deployGated('other')
  const other = () => workers.invoker.invoke({ functionName: 'other', payload: '{}' })
  const running = [other(), other()]
  await gate.arrived(2)
  expect(await other()).toMatchObject({ reason: 'ConcurrentInvocationLimitExceeded' })
  gate.open()
  await Promise.all(running)
})

test('of two copies each keeps its part, and takes the other part over when that falls silent', async () => {
  const clock = new ManualClock()
  const { ready, registry, state, invoker } = await start(4, {
    copy: 'a',
    clock,
    environmentsMax: 8,
  })
  await ready(4)
  await registry.putWorkers({ copy: 'b', beat: 1, provisioned: [] })
  await ready(2)
  expect(state()?.wanted).toBe(2)
  await expect.poll(() => invoker.environments).toBe(2)
  for (let i = 0; i < 4; i++) {
    clock.advance(10_001)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await ready(4)
})

test('environments of other runtimes, in processes, are made ahead as well', async () => {
  const files = nodeHandler(
    'async (event) => event.die ? process.exit(1) : { pid: process.pid, initialised: process.env.AWS_LAMBDA_INITIALIZATION_TYPE }',
  )
  const changes = { runtime: 'provided.al2023', timeoutSeconds: 20 }
  const { invoke, ready, invoker } = await start(1, { files: { ...files }, changes })
  await ready(1)
  const first = valueOf(await invoke()) as { pid: number }
  expect(first).toMatchObject({ initialised: 'provisioned-concurrency' })
  expect(valueOf(await invoke())).toEqual(first)
  expect(invoker.functions()[0]?.counters).toMatchObject({ coldStarts: 0 })
  expect(completed(await invoke({ die: true })).functionError).toBe('Unhandled')
  await ready(1)
  const second = valueOf(await invoke()) as { pid: number }
  expect(second).toMatchObject({ initialised: 'provisioned-concurrency' })
  expect(second.pid).not.toBe(first.pid)
})

test('an alias parts what it is given by its weights', async () => {
  const { record, registry, ready } = await start(0)
  await registry.putVersion({ ...record, version: '2', contentDigest: '' })
  await registry.putFunction({
    ...record,
    revision: 2,
    provisioned: [{ qualifier: 'live', executions: 4, lastModifiedMs: 0 }],
    aliases: [
      {
        name: 'live',
        functionVersion: '1',
        description: '',
        revisionId: 'a',
        additional: { version: '2', weight: 0.25 },
      },
    ],
  })
  await ready(3)
  expect(registry.workers()[0]?.provisioned).toMatchObject([
    { version: '1', wanted: 3 },
    { version: '2', wanted: 1 },
  ])
})
