// Finds where this process may make control groups, and makes the one that holds its environments'.
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuLeftoversMax } from '../../common/cpu-limits.ts'
import { startOf } from '../../common/data-dir.ts'
import { systemCode } from '../../common/errors.ts'
import type { CgroupVersion, GroupPlan } from './cgroup-files.ts'

/** The group of this process, which its own are made in. */
export interface OwnGroup {
  readonly version: CgroupVersion
  readonly directory: string
}

/**
 * From the texts of /proc/self/cgroup and /proc/self/mountinfo; the one of version 1 first, since the cpu
 * controller belongs to that where both are there.
 */
export function ownGroups(cgroups: string, mountinfo: string): readonly OwnGroup[] {
  const mounts = mountinfo.split('\n').map(parseMount)
  return [1 as const, 2 as const].flatMap((version) => {
    const path = membership(cgroups, version)
    const mount = mounts.find((each) => each?.version === version)
    if (path === undefined || mount === undefined) return []
    // A container may see no more of the hierarchy than its own part.
    const below = path.startsWith(mount.root) ? path.slice(mount.root.length) : ''
    return [{ version, directory: join(mount.point, below) }]
  })
}

/** Lines are `<hierarchy>:<controllers>:<path>`; version 2 is hierarchy 0 and names no controllers. */
function membership(cgroups: string, version: CgroupVersion): string | undefined {
  for (const line of cgroups.split('\n')) {
    const [, hierarchy, controllers = '', path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? []
    const isIt = version === 2 ? hierarchy === '0' : controllers.split(',').includes('cpu')
    if (isIt) return path
  }
  return undefined
}

/** `36 35 0:30 <root> <mount point> rw - cgroup <source> rw,cpu,cpuacct`, proc(5). */
function parseMount(line: string) {
  const [before, after] = line.split(' - ')
  const [, , , root, point] = before?.split(' ') ?? []
  const [type, , options] = after?.split(' ') ?? []
  if (root === undefined || point === undefined) return undefined
  const mount = { root: root === '/' ? '' : root, point }
  if (type === 'cgroup2') return { version: 2 as const, ...mount }
  const isCpu = type === 'cgroup' && options?.split(',').includes('cpu') === true
  return isCpu ? { version: 1 as const, ...mount } : undefined
}

/** Throws the system's error where groups cannot be made. */
export function openPlace(own: OwnGroup, name: string): GroupPlan {
  removeLeftovers(own.directory)
  const parent = join(own.directory, name)
  if (own.version === 1) mkdirSync(parent, { recursive: true })
  else openThreadedPlace(own.directory, parent)
  return { version: own.version, parent }
}

/**
 * Threads of one process may be in several groups only below a group that holds the process itself. That is the
 * one we are in; should it have other groups or controllers that forbid it, all of this process moves one down.
 */
function openThreadedPlace(directory: string, parent: string): void {
  if (!controllers(directory, 'cgroup.controllers').includes('cpu')) {
    throw new Error(`${directory} does not have the cpu controller`)
  }
  try {
    enableCpu(directory)
    mkdirSync(parent, { recursive: true })
    writeFileSync(join(parent, 'cgroup.type'), 'threaded')
    enableCpu(parent)
  } catch (error) {
    if (!isRefusal(error)) throw error
    removeDirectory(parent)
    moveDown(directory, parent)
  }
}

function moveDown(directory: string, parent: string): void {
  mkdirSync(parent, { recursive: true })
  const pid = String(process.pid)
  writeFileSync(join(parent, 'cgroup.procs'), pid)
  try {
    enableCpu(directory)
    enableCpu(parent)
  } catch (error) {
    writeFileSync(join(directory, 'cgroup.procs'), pid)
    removeDirectory(parent)
    throw error
  }
}

function enableCpu(directory: string): void {
  if (controllers(directory, 'cgroup.subtree_control').includes('cpu')) return
  writeFileSync(join(directory, 'cgroup.subtree_control'), '+cpu')
}

function controllers(directory: string, file: string): readonly string[] {
  return readFileSync(join(directory, file), 'utf8').trim().split(' ')
}

// What the kernel says of rules of version 2: processes beside groups, domains among threads.
function isRefusal(error: unknown): boolean {
  return ['EBUSY', 'EOPNOTSUPP', 'ENOTSUP'].includes(systemCode(error) ?? '')
}

/** Removes it with what is left in it; false while somebody is in one of its groups. */
export function closePlace({ version, parent }: GroupPlan): boolean {
  if (version === 2) moveUp(parent)
  return removeTree(parent)
}

// Only a process that had to move down is listed there: a threaded group does not list processes.
function moveUp(parent: string): void {
  const pid = String(process.pid)
  try {
    const pids = readFileSync(join(parent, 'cgroup.procs'), 'utf8').split('\n')
    if (pids.includes(pid)) writeFileSync(join(parent, '..', 'cgroup.procs'), pid)
  } catch (error) {
    if (!isRefusal(error) && systemCode(error) !== 'ENOENT') throw error
  }
}

/** The name of this process's place: its number may be another's later, but not with that start. */
export function ownPlaceName(): string {
  return `millrace-${process.pid}-${startOf(process.pid) ?? ''}`
}

/** Groups of processes that were killed; those of others, and those that somebody is in, stay. */
function removeLeftovers(directory: string): void {
  const places = readdirSync(directory).flatMap((name) => {
    const [, pid, start] = /^millrace-(\d+)-(\d+)$/.exec(name) ?? []
    return pid === undefined || startOf(Number(pid)) === start ? [] : [name]
  })
  for (const name of places.slice(0, cpuLeftoversMax)) removeTree(join(directory, name))
}

function removeTree(path: string): boolean {
  try {
    const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    for (const { name } of below.slice(0, cpuLeftoversMax)) removeDirectory(join(path, name))
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
  return removeDirectory(path)
}

/** True when it is gone. The kernel removes a group with its files, unless somebody is in it. */
export function removeDirectory(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch (error) {
    const code = systemCode(error) ?? ''
    if (code === 'ENOENT') return true
    // A leftover of another user is none of ours.
    if (['EBUSY', 'EACCES', 'EPERM', 'ENOTEMPTY'].includes(code)) return false
    throw error
  }
}
