// Tests that piscina, as it is installed, shows the same object of a thread again once that is kept.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Piscina } from 'piscina'
import { expect, test } from 'vitest'
import { keepShown } from './shown-thread.ts'

test('what piscina shows of a thread is made once, and follows the thread', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'shown-'))
  const filename = join(directory, 'task.mjs')
  await writeFile(filename, 'export default (x) => x + 1')
  const seen: { readonly id: number; readonly currentUsage: number }[] = []
  const piscina = new Piscina({
    filename,
    minThreads: 1,
    maxThreads: 1,
    // Asked before each event, with what is shown of every thread.
    loadBalancer: (_task, threads) => {
      const [thread] = threads
      if (thread === undefined) return null
      seen.push(thread)
      return thread.currentUsage === 0 ? thread : null
    },
  })
  const kept: boolean[] = []
  piscina.on('workerCreate', (shown: object) => kept.push(keepShown(shown)))
  try {
    expect(await piscina.run(1)).toBe(2)
    const running = piscina.run(2)
    expect(seen.at(-1)?.currentUsage).toBe(1)
    expect(await running).toBe(3)
    expect(kept).toEqual([true])
    expect(seen.length).toBeGreaterThan(1)
    expect(new Set(seen.slice(1)).size).toBe(1)
    expect(seen.at(-1)).toMatchObject({ id: piscina.threads[0]?.threadId, currentUsage: 0 })
  } finally {
    await piscina.destroy()
    await rm(directory, { recursive: true })
  }
})

test('an object without a thread is left as it is', () => {
  expect(keepShown({})).toBe(false)
  expect(keepShown({ [Symbol('thread')]: { id: 1 } })).toBe(false)
})
