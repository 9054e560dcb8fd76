// Tests the reading of processor times from a folder that stands for /proc.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ProcessTimes, ThreadTimes } from './proc-times.ts'

let proc = ''
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'millrace-proc-'))
})
afterEach(() => rmSync(proc, { recursive: true }))

function write(path: string, text: string): void {
  mkdirSync(join(proc, path, '..'), { recursive: true })
  writeFileSync(join(proc, path), text)
}

const stat = (pid: number, ticks: readonly number[], state = 'R'): string =>
  `${pid} (a (b) c) ${state} 1 1 1 0 -1 0 0 0 0 0 ${ticks.join(' ')} 20 0 1 0 99`

test("a thread's time is read again from its open file", () => {
  write('self/task/12/schedstat', '2500000 17 3\n')
  const times = new ThreadTimes(12, proc)
  expect(times.usedMs()).toBe(2.5)
  write('self/task/12/schedstat', '4000000000 17 3\n')
  expect(times.usedMs()).toBe(4000)
  times.close()
  expect(times.usedMs()).toBeUndefined()
})

test('a thread that is not there is an error of the system', () => {
  expect(() => new ThreadTimes(13, proc)).toThrow('ENOENT')
})

test('a process counts with its threads and the processes below it', () => {
  write('5/stat', stat(5, [0, 0, 0, 0]))
  write('5/task/5/schedstat', '3000000 0 1')
  write('5/task/5/children', '6 ')
  write('5/task/8/schedstat', '1000000 0 1')
  write('6/task/6/schedstat', '500000 0 1')
  expect(new ProcessTimes(5, proc).usedMs()).toBe(4.5)
})

test('what has ended counts by the ticks of who waited for it, and nothing counts twice', () => {
  write('5/stat', stat(5, [1, 1, 0, 0]))
  write('5/task/5/schedstat', '21000000 0 1')
  const times = new ProcessTimes(5, proc)
  expect(times.usedMs()).toBe(21)
  write('5/stat', stat(5, [1, 1, 7, 1]))
  expect(times.usedMs()).toBe(100)
  write('5/task/5/schedstat', '22000000 0 1')
  expect(times.usedMs()).toBe(101)
})

test('a process that is gone, or only not yet waited for, has no time', () => {
  expect(new ProcessTimes(5, proc).usedMs()).toBeUndefined()
  write('5/stat', stat(5, [1, 1, 0, 0], 'Z'))
  expect(new ProcessTimes(5, proc).usedMs()).toBeUndefined()
})
