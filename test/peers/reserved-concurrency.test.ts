// Holds reserved concurrency and the account's limit against what handlers of two workers processes record.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DeleteFunctionConcurrencyCommand,
  PutFunctionConcurrencyCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { afterEach, expect, test } from 'vitest'
import { sleep, systemClock } from '../../common/clock.ts'
import type { InvocationResult } from '../../common/invocation.ts'
import { RemoteInvoker } from '../../common/remote-invoker.ts'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import type { Platform } from '../support/platform.ts'
import { rolesOverRedis } from '../support/roles-over-redis.ts'

/** Writes a line when it begins and one when it ends: the file says how many ran at once. */
const recording = `
import { appendFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
export const handler = async ({ out, name, copy, ms }) => {
  appendFileSync(out, JSON.stringify({ change: 1, name, copy, pid: process.pid }) + '\\n')
  await setTimeout(ms)
  appendFileSync(out, JSON.stringify({ change: -1, name, copy, pid: process.pid }) + '\\n')
}
`

interface Change {
  readonly change: 1 | -1
  readonly name: string
  readonly pid: number
}

const over = rolesOverRedis()
let invokers: RemoteInvoker[] = []
let client: LambdaClient
afterEach(() => {
  client.destroy()
  for (const invoker of invokers) invoker.close()
  invokers = []
})

/** Two workers over one Redis, and control with these functions. */
async function start(
  functions: readonly string[],
  accountConcurrency: number,
): Promise<readonly [Platform, Platform]> {
  const env = { MILLRACE_ACCOUNT_CONCURRENCY: String(accountConcurrency) }
  const workers = [await over.start('workers', env), await over.start('workers', env)] as const
  const control = await over.start('control', { ...env, MILLRACE_WORKERS_URL: workers[0].workers })
  invokers = workers.map((each) => new RemoteInvoker({ url: each.workers }))
  client = lambdaClient(control)
  for (const name of functions) {
    await createFunction(client, {
      name,
      files: { 'index.mjs': recording },
      memorySizeMb: 128,
      // What a variable names below /tmp is no environment's own: all of them write there.
      environment: { OUT: over.directory() },
    })
  }
  return workers
}

const reserve = (FunctionName: string, ReservedConcurrentExecutions: number): Promise<unknown> =>
  client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }))

/** Once both processes have heard of it: a reservation of 0 can be seen from outside. */
async function stopFunction(name: string): Promise<void> {
  await reserve(name, 0)
  for (const copy of [0, 1]) {
    await eventually(
      async () => {
        const { outcome } = await invoke({ name, copy, ms: 1, out: '/dev/null' })
        return outcome === 'refused' ? true : undefined
      },
      () => `copy ${copy} to hear of the reservation`,
    )
  }
}

interface Call {
  readonly name: string
  readonly copy: number
  readonly ms: number
  readonly out: string
}

async function invoke(call: Call): Promise<InvocationResult> {
  const invoker = invokers[call.copy]
  if (invoker === undefined) throw new Error(`there is no copy ${call.copy}`)
  return invoker.invoke({ functionName: call.name, payload: JSON.stringify(call) })
}

/** Invokes until it has run, as a poller does; returns what it was refused with meanwhile. */
async function persist(call: Call): Promise<readonly string[]> {
  const reasons: string[] = []
  for (;;) {
    const result = await invoke(call)
    if (result.outcome === 'completed') return reasons
    expect(result).toMatchObject({
      code: 'TooManyRequestsException',
      status: 429,
      message: 'Rate Exceeded.',
    })
    reasons.push(result.reason ?? '')
    await sleep(systemClock, 50)
  }
}

/** Calls of one name, half of them to each copy. */
function spread(name: string, count: number, options: { ms: number; out: string }): Call[] {
  return Array.from({ length: count }, (_, i) => ({ name, copy: i % 2, ...options }))
}

async function changes(out: string): Promise<readonly Change[]> {
  const lines = (await readFile(out, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Change)
}

/** The most of these that ran at once: lines are appended in the order in which things happened. */
function mostAtOnce(all: readonly Change[]): number {
  let [now, most] = [0, 0]
  for (const { change } of all) most = Math.max(most, (now += change))
  return most
}

async function fresh(name: string): Promise<string> {
  const file = join(over.directory(), name)
  await writeFile(file, '')
  return file
}

test('a reservation of 5 holds over two processes, all of it is used, and a killed one gives its part back', async () => {
  const [survivor, victim] = await start(['slow'], 1000)
  await stopFunction('slow')
  await reserve('slow', 5)
  const out = await fresh('spread')
  // Long enough for all five to overlap on a machine that has other things to do.
  const calls = spread('slow', 40, { ms: 600, out })
  const startedMs = performance.now()
  const reasons = await Promise.all(calls.map(persist))
  const elapsedMs = Math.round(performance.now() - startedMs)
  const seen = await changes(out)
  expect(seen).toHaveLength(80)
  expect(mostAtOnce(seen)).toBe(5)
  expect(new Set(seen.map(({ pid }) => pid)).size).toBe(2)
  expect(new Set(reasons.flat())).toEqual(
    new Set(['ReservedFunctionConcurrentInvocationLimitExceeded']),
  )
  process.stdout.write(`40 of 600 ms, 5 at once, took ${elapsedMs} ms (4800 at best)\n`)
  expect(elapsedMs).toBeLessThan(20_000)
  const page = await (await fetch(victim.metrics)).text()
  expect(page).toMatch(
    /^millrace_function_throttles_total\{function="slow",reason="reserved"\} [1-9]/m,
  )
  expect(page).toMatch(/^millrace_function_reserved_concurrency\{function="slow"\} 5$/m)

  // One copy has something running that will never end, and is killed.
  const lost = await fresh('lost')
  const running = spread('slow', 10, { ms: 25_000, out: lost }).filter(({ copy }) => copy === 1)
  const ended = Promise.allSettled(running.map(persist))
  await eventually(
    async () => ((await changes(lost)).length >= 5 ? true : undefined),
    () => `five to run in the copy to be killed\n${victim.log()}`,
  )
  await victim.kill9()
  const killedMs = performance.now()
  await ended
  const after = await fresh('after')
  // Its connections have been idle for as long as a server keeps them, and may be closed as they are used.
  invokers.push(new RemoteInvoker({ url: survivor.workers }))
  await Promise.all(
    Array.from({ length: 10 }, () => persist({ name: 'slow', copy: 2, ms: 1_000, out: after })),
  )
  const backMs = Math.round(performance.now() - killedMs)
  expect(mostAtOnce(await changes(after))).toBe(5)
  process.stdout.write(`a killed copy's five were used again after ${backMs} ms\n`)
  expect(backMs).toBeLessThan(15_000)
})

test('the account limit holds over two processes, beside a reservation that is taken from it', async () => {
  await start(['one', 'two', 'reserved'], 6)
  await stopFunction('reserved')
  await reserve('reserved', 2)
  const out = await fresh('account')
  const calls = ['one', 'two', 'reserved'].flatMap((name) =>
    spread(name, 12, { ms: 500, out }).map((call) => ({ call, reasons: persist(call) })),
  )
  const reasonsOf = async (reserved: boolean): Promise<ReadonlySet<string>> => {
    const some = calls.filter(({ call }) => (call.name === 'reserved') === reserved)
    return new Set((await Promise.all(some.map(({ reasons }) => reasons))).flat())
  }
  expect(await reasonsOf(true)).toEqual(
    new Set(['ReservedFunctionConcurrentInvocationLimitExceeded']),
  )
  expect(await reasonsOf(false)).toEqual(new Set(['ConcurrentInvocationLimitExceeded']))
  const seen = await changes(out)
  expect(mostAtOnce(seen.filter(({ name }) => name === 'reserved'))).toBe(2)
  expect(mostAtOnce(seen.filter(({ name }) => name !== 'reserved'))).toBe(4)
  expect(mostAtOnce(seen)).toBeLessThanOrEqual(6)

  // 0 stops the function in both processes; without a reservation it shares the rest.
  await stopFunction('reserved')
  await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: 'reserved' }))
  const freed = await fresh('freed')
  await Promise.all(spread('reserved', 12, { ms: 300, out: freed }).map(persist))
  expect(mostAtOnce(await changes(freed))).toBeGreaterThan(2)
})
