// Tests where control groups are made: the kernel's texts, its refusals, and what killed processes leave.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { closePlace, openPlace, ownGroups, ownPlaceName } from './cgroup-place.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-cgroup-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const v1Mount = '36 25 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct'
const v2Mount = '40 25 0:34 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate'

test('version 1 is found by its cpu controller, wherever it is mounted', () => {
  const cgroups = '9:memory:/m\n4:cpu,cpuacct:/system.slice/millrace.service\n3:cpuset:/\n'
  expect(
    ownGroups(cgroups, `35 25 0:29 / /sys/fs/cgroup/cpuset rw - cgroup c rw,cpuset\n${v1Mount}`),
  ).toEqual([{ version: 1, directory: '/sys/fs/cgroup/cpu,cpuacct/system.slice/millrace.service' }])
})

test('version 2 is found by its line without controllers', () => {
  expect(ownGroups('0::/user.slice/a.scope\n', v2Mount)).toEqual([
    { version: 2, directory: '/sys/fs/cgroup/user.slice/a.scope' },
  ])
})

test('where both are mounted version 1 is tried first, for it has the controller', () => {
  const own = ownGroups('1:cpu:/\n0::/\n', `${v2Mount}\n${v1Mount}`)
  expect(own.map(({ version }) => version)).toEqual([1, 2])
})

test('a container that sees its own part of the hierarchy alone finds itself at its root', () => {
  const mount = '36 25 0:30 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu'
  expect(ownGroups('4:cpu:/docker/abc\n', mount)).toEqual([
    { version: 1, directory: '/sys/fs/cgroup/cpu' },
  ])
})

test('texts that name no cpu controller give no place', () => {
  expect(ownGroups('', '')).toEqual([])
  expect(ownGroups('9:memory:/\n', '36 25 0:30 / /m rw - cgroup c rw,memory')).toEqual([])
})

test('groups of a process that is gone are removed, those of others are not', () => {
  for (const name of ['millrace-999999999-5/thread-1', 'millrace-1-wrong', 'docker/millrace-2-3']) {
    mkdirSync(join(directory, name), { recursive: true })
  }
  const plan = openPlace({ version: 1, directory }, ownPlaceName())
  mkdirSync(join(plan.parent, 'thread-7'))
  openPlace({ version: 1, directory }, 'other')
  expect(existsSync(join(directory, 'millrace-999999999-5'))).toBe(false)
  expect(existsSync(join(directory, 'millrace-1-wrong'))).toBe(true)
  expect(existsSync(join(directory, 'docker/millrace-2-3'))).toBe(true)
  expect(existsSync(join(plan.parent, 'thread-7'))).toBe(true)
})

test('a place is removed with what is left in it', () => {
  const plan = openPlace({ version: 1, directory }, ownPlaceName())
  mkdirSync(join(plan.parent, 'thread-7'))
  expect(closePlace(plan)).toBe(true)
  expect(existsSync(plan.parent)).toBe(false)
})

test('version 2 asks for the cpu controller and for threads', () => {
  writeFileSync(join(directory, 'cgroup.controllers'), 'cpuset cpu memory\n')
  writeFileSync(join(directory, 'cgroup.subtree_control'), '\n')
  const parent = join(directory, 'place')
  mkdirSync(parent)
  writeFileSync(join(parent, 'cgroup.subtree_control'), '\n')
  expect(openPlace({ version: 2, directory }, 'place')).toEqual({ version: 2, parent })
  expect(readFileSync(join(directory, 'cgroup.subtree_control'), 'utf8')).toBe('+cpu')
  expect(readFileSync(join(parent, 'cgroup.type'), 'utf8')).toBe('threaded')
  expect(readFileSync(join(parent, 'cgroup.subtree_control'), 'utf8')).toBe('+cpu')
})

test('version 2 without the cpu controller is refused', () => {
  writeFileSync(join(directory, 'cgroup.controllers'), 'memory\n')
  expect(() => openPlace({ version: 2, directory }, 'place')).toThrow('cpu controller')
})
