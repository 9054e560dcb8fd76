// Tests that the CPU time and the memory of handlers are counted for their function, in real threads.
import { afterEach, expect, test } from 'vitest'
import { startInvoker, valueOf } from '../test/support/worker-threads.ts'

let workers: ReturnType<typeof startInvoker>
afterEach(() => workers.stop())

/** JavaScript for a handler: works for so many milliseconds of its thread's own CPU time. */
const work = `(ms) => {
  const used = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000 }
  const until = used() + ms
  while (used() < until);
}`

const countersOf = (name: string) => {
  const found = workers.invoker.functions().find((each) => each.name === name)
  if (found === undefined) throw new Error(`${name} was never invoked`)
  return found.counters
}

test('what a handler computes counts, what it waits for does not', async () => {
  workers = startInvoker()
  await workers.deploy(
    'f',
    `exports.handler = async ({ work, wait }) => {
      (${work})(work)
      await new Promise((resolve) => setTimeout(resolve, wait))
    }`,
  )
  await workers.invoke('f', { work: 0, wait: 0 })
  const startMs = countersOf('f').cpuMs
  expect(startMs).toBeGreaterThan(0)
  await workers.invoke('f', { work: 120, wait: 0 })
  const workedMs = countersOf('f').cpuMs - startMs
  expect(workedMs).toBeGreaterThanOrEqual(120)
  expect(workedMs).toBeLessThan(1000)
  await workers.invoke('f', { work: 0, wait: 1000 })
  expect(countersOf('f').cpuMs - startMs - workedMs).toBeLessThan(500)
})

test('threads of one function add up, and each counts for its own function', async () => {
  workers = startInvoker()
  for (const name of ['f', 'g']) {
    await workers.deploy(name, `exports.handler = async (ms) => (${work})(ms)`)
  }
  await Promise.all([100, 100, 0].map((ms, i) => workers.invoke(i === 2 ? 'g' : 'f', ms)))
  expect(countersOf('f').cpuMs).toBeGreaterThanOrEqual(200)
  expect(countersOf('g').cpuMs).toBeLessThan(countersOf('f').cpuMs)
})

test('an endless loop that ends at the timeout has counted', async () => {
  workers = startInvoker()
  await workers.deploy('loop', `exports.handler = async () => { (${work})(20); for (;;); }`, {
    timeoutSeconds: 1,
  })
  expect(valueOf(await workers.invoke('loop'))).toMatchObject({ errorType: 'Sandbox.Timedout' })
  await expect.poll(() => countersOf('loop').cpuMs, { timeout: 10_000 }).toBeGreaterThanOrEqual(20)
})

test('the memory of an environment is known after its invocation, and after its end for want of it', async () => {
  workers = startInvoker()
  await workers.deploy(
    'f',
    'exports.handler = async (size) => { globalThis.kept = Buffer.alloc(size, 1) }',
  )
  await workers.invoke('f', 1)
  const small = countersOf('f').memoryUsedMb.read() ?? Number.NaN
  await workers.invoke('f', 100e6)
  const large = countersOf('f').memoryUsedMb.read() ?? Number.NaN
  expect(large - small).toBeGreaterThan(60)
  await workers.deploy(
    'hungry',
    'exports.handler = async () => { for (;;) (globalThis.kept ??= []).push(Buffer.alloc(1e6, 1)) }',
    {
      timeoutSeconds: 30,
    },
  )
  expect(valueOf(await workers.invoke('hungry'))).toMatchObject({
    errorType: 'Runtime.OutOfMemory',
  })
  expect(countersOf('hungry').memoryUsedMb.read()).toBeGreaterThan(128)
})
