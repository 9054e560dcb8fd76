// Tests what is written into the files of control groups, on folders that stand for them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { joinGroup, limitGroup, makeGroup, threadGroup, throttledMs } from './cgroup-files.ts'

let parent = ''
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'millrace-cgroup-'))
})
afterEach(() => rmSync(parent, { recursive: true }))

const read = (path: string, file: string): string => readFileSync(join(path, file), 'utf8')

test('version 1: quota and period of a share, and the thread itself', () => {
  const group = threadGroup({ version: 1, parent }, 3)
  makeGroup(group)
  limitGroup(group, 0.5)
  joinGroup(group)
  expect(read(group.path, 'cpu.cfs_period_us')).toBe('20000')
  expect(read(group.path, 'cpu.cfs_quota_us')).toBe('10000')
  expect(read(group.path, 'tasks')).toBe('0')
})

test('version 2: a threaded group, quota and period in one file', () => {
  const group = threadGroup({ version: 2, parent }, 3)
  makeGroup(group)
  limitGroup(group, 2.5)
  joinGroup(group)
  expect(read(group.path, 'cgroup.type')).toBe('threaded')
  expect(read(group.path, 'cpu.max')).toBe('50000 20000')
  expect(read(group.path, 'cgroup.threads')).toBe('0')
})

test('no share is below what the kernel takes', () => {
  const group = threadGroup({ version: 2, parent }, 3)
  makeGroup(group)
  limitGroup(group, 0.001)
  expect(read(group.path, 'cpu.max')).toBe('1000 20000')
})

test('throttled time is read in the unit of its version, and a group that is gone has none', () => {
  const old = { version: 1 as const, path: parent }
  writeFileSync(join(parent, 'cpu.stat'), 'nr_periods 9\nnr_throttled 4\nthrottled_time 2500000\n')
  expect(throttledMs(old)).toBe(2.5)
  writeFileSync(join(parent, 'cpu.stat'), 'usage_usec 7\nnr_throttled 4\nthrottled_usec 2500\n')
  expect(throttledMs({ version: 2, path: parent })).toBe(2.5)
  expect(throttledMs({ version: 1, path: join(parent, 'gone') })).toBeUndefined()
})
