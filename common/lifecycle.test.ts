// Tests the end of a program in a process of its own: signals, exit codes, a stop that hangs.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { runAll } from './lifecycle.ts'
import { sameSignalMs } from './limits.ts'

const module = new URL('./lifecycle.ts', import.meta.url).href

/** Runs a program whose `stop` is the given text; sends the signals once it is ready. Its code, or what ended it. */
function program(
  stop: string,
  signals: readonly NodeJS.Signals[],
): Promise<number | NodeJS.Signals | null> {
  const source = `
    import { runUntilStopped } from '${module}'
    const logger = { info() {}, warn() {}, error() {}, debug() {}, child: () => logger }
    setInterval(() => {}, 1000)
    process.exit(await runUntilStopped({
      logger,
      start: async () => ({ doors: {}, stop: ${stop} }),
      ready: () => console.log('ready'),
    }))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'ready') child.kill(signals[0])
    if (line === 'stopping') child.kill(signals[1])
  })
  return new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)))
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s stops and exits with 0', async (signal) => {
  expect(await program('async () => {}', [signal])).toBe(0)
})

test('a stop that fails exits with 1', async () => {
  expect(await program('async () => { throw new Error("no") }', ['SIGTERM'])).toBe(1)
})

test('the same signal by two ways is one, and the stop goes on', async () => {
  const slow = `async () => {
    const { setTimeout } = await import('node:timers/promises')
    console.log('stopping')
    await setTimeout(100)
  }`
  expect(await program(slow, ['SIGINT', 'SIGINT'])).toBe(0)
})

/** Asks for the second signal when it is one of its own. */
const aMomentLater = `setTimeout(() => console.log('stopping'), ${sameSignalMs});`

test('a second signal ends a stop that hangs', async () => {
  const hangs = `async () => { ${aMomentLater} await new Promise(() => {}) }`
  expect(await program(hangs, ['SIGTERM', 'SIGINT'])).toBe('SIGKILL')
})

test('a second signal ends a program with a thread that nothing else ends', async () => {
  const hangs = `async () => {
    const { Worker } = await import('node:worker_threads')
    const hash = 'import("node:crypto").then((all) => all.pbkdf2Sync("a", "b", 1e9, 64, "sha512"))'
    new Worker(hash, { eval: true }).once('online', () => { ${aMomentLater} })
    await new Promise(() => {})
  }`
  expect(await program(hangs, ['SIGTERM', 'SIGINT'])).toBe('SIGKILL')
})

test('every step is run though others fail, and the first failure is told', async () => {
  const ran: number[] = []
  const step = (number: number, failure?: string) => async () => {
    ran.push(number)
    if (failure !== undefined) throw new Error(failure)
  }
  await expect(runAll([step(1), step(2, 'two'), step(3, 'three'), step(4)])).rejects.toThrow('two')
  expect(ran).toEqual([1, 2, 3, 4])
  await runAll([step(5)])
})
