// Tests the launcher with real processes.
import { constants, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Launcher } from './launcher.ts'

let directory = ''
let launcher: Launcher
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-launcher-'))
  launcher = new Launcher()
})
afterEach(async () => {
  await launcher.close()
  await rm(directory, { recursive: true })
})

/** Runs a shell's script, which writes into a pipe that is open for reading. */
async function start(script: string) {
  const pipePath = join(directory, 'output')
  await launcher.pipe(pipePath)
  // Open before anybody writes, as the launcher wants it.
  const fd = openSync(pipePath, constants.O_RDONLY | constants.O_NONBLOCK)
  const reading = text(new Socket({ fd, readable: true, writable: false }))
  const command = {
    command: '/bin/sh',
    args: ['-c', script],
    directory,
    environment: { A: 'b', HERE: directory },
  }
  return { ...(await launcher.start({ ...command, pipePath })), reading }
}

test('a process has its directory, environment and output, and its end is told', async () => {
  const { ended, reading } = await start('pwd; echo $A >&2; exit 3')
  expect(await ended).toEqual({ code: 3, signal: null })
  expect(await reading).toBe(`${directory}\nb\n`)
})

test('an end by a signal is told as one', async () => {
  const { ended, reading } = await start('kill -9 $$')
  expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
  await reading
})

test('a pipe that cannot be made, and one that nobody reads, are refused with why', async () => {
  await expect(launcher.pipe(join(directory, 'no/pipe'))).rejects.toThrow('mkfifo')
  const pipePath = join(directory, 'unread')
  await launcher.pipe(pipePath)
  const command = { command: '/bin/true', args: [], directory, environment: {} }
  await expect(launcher.start({ ...command, pipePath })).rejects.toThrow('ENXIO')
})

test('who was started with a variable is ended, in a session of its own too, and nobody else', async () => {
  // Values that are this test's alone: others on the machine are found as well.
  const value = directory
  const { ended, reading } = await start(
    `MILL='${value}' setsid sleep 1000 & MILL='${value}1' sleep 1000 & echo; exec sleep 1000`,
  )
  await vi.waitUntil(async () => (await launcher.end({ name: 'MILL', value })) > 0)
  expect(await launcher.end({ name: 'ILL', value })).toBe(0)
  const other = { name: 'MILL', value: `${value}1` }
  await vi.waitUntil(async () => (await launcher.end(other)) > 0)
  // A process that is killed can be found until the kernel has taken it down.
  await vi.waitUntil(async () => (await launcher.end(other)) === 0)
  expect(await launcher.end({ name: 'HERE', value })).toBe(1)
  expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
  await reading
})

test('a session holds more than its leader says of itself where others are in it', async () => {
  const alone = await start('exec sleep 1000')
  await rm(join(directory, 'output'))
  const both = await start('sleep 1000 & echo; exec sleep 1000')
  const more = async (pid: number) => new Map((await launcher.memory([pid])).moreBytes).get(pid)
  expect(await more(alone.pid)).toBe(0)
  await vi.waitUntil(async () => (await more(both.pid)) !== 0)
  for (const { pid } of [alone, both]) process.kill(-pid, 'SIGKILL')
  await Promise.all([alone.reading, both.reading])
})

test('what a launcher started ends with it, and the next process has another launcher', async () => {
  const first = await start('echo here; sleep 1000')
  const before = launcher.pid ?? 0
  process.kill(before, 'SIGKILL')
  expect(await first.ended).toEqual({ code: null, signal: 'SIGKILL' })
  // The pipe's end: nobody writes into it any more.
  await first.reading
  await rm(join(directory, 'output'))
  const second = await start('exit 0')
  expect(await second.ended).toEqual({ code: 0, signal: null })
  expect(launcher.pid).not.toBe(before)
  await second.reading
})
