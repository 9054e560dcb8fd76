// Tests who may claim a directory, and what is said to those who may not.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn, spawnSync } from 'node:child_process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimDirectory } from './data-dir.ts'
import { AppError } from './errors.ts'

let scratch: string
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'millrace-'))
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

function refusal(dir: string): AppError {
  try {
    claimDirectory(dir)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error(`${dir} was claimed`)
}

test('a directory is made, claimed once, and free again after its release', () => {
  const dir = join(scratch, 'deep', 'data')
  const lock = claimDirectory(dir)
  expect(refusal(dir)).toMatchObject({ code: 'DATA_DIR_LOCKED' })
  expect(refusal(dir).message).toBe(`data directory ${dir} is in use by process ${process.pid}`)
  lock.release()
  claimDirectory(dir).release()
})

test('the lock of a process that has died is taken over', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '0'])
  writeFileSync(join(scratch, 'lock'), `${pid} 1`)
  claimDirectory(scratch)
  expect(readFileSync(join(scratch, 'lock'), 'utf8').split(' ')[0]).toBe(String(process.pid))
})

test('a number that the system has given to another process since is no lock', () => {
  writeFileSync(join(scratch, 'lock'), `${process.pid} 1`)
  claimDirectory(scratch).release()
})

test('an empty or torn lock is taken over', () => {
  writeFileSync(join(scratch, 'lock'), '')
  claimDirectory(scratch).release()
})

test('a path that cannot be a directory is not writable, with the reason', () => {
  const file = join(scratch, 'file')
  writeFileSync(file, '')
  expect(refusal(file)).toMatchObject({ code: 'DATA_DIR_NOT_WRITABLE' })
  expect(refusal(join(file, 'below')).message).toContain('ENOTDIR')
})

test.runIf(process.platform === 'linux')(
  'a killed process that is still listed holds no lock',
  async () => {
    // A parent that stands still never asks for the end of its child, which so stays a zombie.
    const source = `console.log(require('child_process').spawn('true').pid)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000)`
    const parent = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
    const pid = await new Promise<string>((resolve) =>
      parent.stdout.once('data', (text: Buffer) => resolve(text.toString().trim())),
    )
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ')
    writeFileSync(join(scratch, 'lock'), `${pid} `)
    claimDirectory(scratch).release()
    parent.kill('SIGKILL')
  },
)
