// Tests what is read of processes, on this process and on its own children.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import {
  processesWith,
  processMemory,
  processStat,
  proportionalBytes,
  sessionMembers,
} from './proc-files.ts'

const children: ReturnType<typeof spawn>[] = []
afterEach(() => {
  for (const child of children.splice(0)) process.kill(-(child.pid ?? NaN), 'SIGKILL')
})

/** A session with a name that would mislead who splits at blanks, and a child in it. */
async function session(environment: Readonly<Record<string, string>> = {}): Promise<number> {
  const script = 'sleep 1000 & echo started; wait'
  const child = spawn('/bin/sh', ['-c', script], {
    argv0: 'a) S 1',
    detached: true,
    env: { PATH: '/usr/bin:/bin', ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(child)
  await once(child.stdout, 'data')
  return child.pid ?? NaN
}

test('processor time and memory of this process are what Node says of itself', () => {
  const { user, system } = process.cpuUsage()
  expect(processStat(process.pid)?.cpuMs).toBeGreaterThanOrEqual((user + system) / 1000 - 50)
  const { bytes, peakBytes } = processMemory(process.pid) ?? { bytes: 0, peakBytes: 0 }
  expect(bytes / process.memoryUsage.rss()).toBeCloseTo(1, 0)
  expect(peakBytes).toBeGreaterThanOrEqual(bytes)
  expect(proportionalBytes(process.pid)).toBeLessThanOrEqual(bytes * 1.1)
})

test('the members of a session are found, and nobody else', async () => {
  const [one, other] = [await session(), await session()]
  const members = sessionMembers(new Set([one]))
  expect([...members.keys()]).toEqual([one])
  const [member = NaN] = members.get(one) ?? []
  expect(processStat(member)?.session).toBe(one)
  expect(members.get(one)).toHaveLength(1)
  expect(processStat(other)?.session).toBe(other)
})

test('processes are found by a variable that they were started with, whole', async () => {
  const one = await session({ MILL: '/tmp/1' })
  await session({ MILL: '/tmp/12', OTHER_MILL: '/tmp/1' })
  const found = processesWith('MILL', '/tmp/1')
  expect(found).toContain(one)
  expect(found.map((pid) => processStat(pid)?.session)).toEqual([one, one])
})

test('of a process that is not there nothing is said', () => {
  expect([processStat(2 ** 30), processMemory(2 ** 30), proportionalBytes(2 ** 30)]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})
