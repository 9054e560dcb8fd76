// Tests when a process is given its share of the processor, held to it, let go and forgotten.
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { nodeHandler } from '../../test/support/node-bootstrap.ts'
import { startInvoker, valueOf } from '../../test/support/worker-threads.ts'
import { noCpuShares, type CpuShares } from '../cpu/cpu-shares.ts'

let workers: ReturnType<typeof startInvoker>
afterEach(() => workers.stop())

/** Shares that note what they are told. */
function notedShares(addProcess: (pid: number) => Promise<void> = () => Promise.resolve()) {
  const notes: unknown[] = []
  const shares: CpuShares = {
    ...noCpuShares(),
    open: ({ memorySizeMb }) => {
      notes.push(['open', memorySizeMb])
      return {
        addThread: () => notes.push('thread'),
        addProcess: (pid) => {
          notes.push(['process', pid])
          return addProcess(pid)
        },
        hold: () => notes.push('hold'),
        release: () => notes.push('release'),
        throttledMs: () => 7,
        close: () => notes.push('close'),
      }
    },
  }
  return { notes, shares }
}

const deploy = (handler: string) =>
  workers.deploy('f', nodeHandler(handler), {
    runtime: 'provided.al2023',
    memorySizeMb: 512,
    timeoutSeconds: 1,
  })

const empty = (): Promise<true> =>
  eventually(
    () => (workers.invoker.environments === 0 ? (true as const) : undefined),
    () => 'the environment is still there',
  )

test('a process is added before its handler runs, held from its first event on, and closed at its end', async () => {
  const { notes, shares } = notedShares()
  workers = startInvoker({ cpuShares: shares })
  await deploy('async () => process.pid')
  const pid = valueOf(await workers.invoke('f'))
  const started = [['open', 512], ['process', pid], 'hold']
  expect(notes).toEqual(started)
  await workers.invoke('f')
  expect(notes).toEqual(started)
  const [counted] = workers.invoker.functions()
  expect(counted?.counters.throttled.readMs()).toBe(7)
  await workers.registry.removeFunction('f')
  await empty()
  expect(notes).toEqual([...started, 'release', 'close'])
})

test('one that is ended in an event is let go first, and its waiting stays counted', async () => {
  const { notes, shares } = notedShares()
  workers = startInvoker({ cpuShares: shares })
  await deploy('async () => { for (;;); }')
  await workers.invoke('f')
  await empty()
  expect(notes.slice(2)).toEqual(['hold', 'release', 'close'])
  expect(workers.invoker.functions()[0]?.counters.throttled.readMs()).toBe(7)
})

test('one that ends itself is let go first, so that what it has started ends without waiting for its share', async () => {
  const { notes, shares } = notedShares()
  workers = startInvoker({ cpuShares: shares })
  await deploy('() => process.abort()')
  await workers.invoke('f')
  await empty()
  expect(notes.slice(2)).toEqual(['hold', 'release', 'close'])
})

test('a process that cannot be held runs all the same', async () => {
  const { shares } = notedShares(() => Promise.reject(new Error('no such group')))
  workers = startInvoker({ cpuShares: shares })
  await deploy('async () => "fine"')
  expect(valueOf(await workers.invoke('f'))).toBe('fine')
})
