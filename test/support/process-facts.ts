// What a process holds of the machine at this moment, from /proc and /sys: what a leak would show in.
import { globSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { systemCode } from '../../common/errors.ts'

export interface ProcessFacts {
  readonly threads: number
  readonly descriptors: number
  readonly children: number
  /** Groups that hold its environments to their share of the processor. */
  readonly controlGroups: number
  readonly residentMb: number
}

export function processFacts(pid: number): ProcessFacts {
  const [, residentKiB] =
    /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return {
    threads: readdirSync(`/proc/${pid}/task`).length,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    children: childrenOf(pid),
    controlGroups: controlGroups(pid).length,
    residentMb: Math.round(Number(residentKiB) / 1024),
  }
}

/** The group of the process and those in it, in either version's hierarchy. */
export function controlGroups(pid: number): readonly string[] {
  return globSync([`/sys/fs/cgroup/**/millrace-${pid}-*`, `/sys/fs/cgroup/**/millrace-${pid}-*/*/`])
}

/** What its descriptors are, each kind with its number: for the message of a test that fails. */
export function descriptorKinds(pid: number): Readonly<Record<string, number>> {
  const kinds: Record<string, number> = {}
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const kind = linkOf(`/proc/${pid}/fd/${fd}`).replace(/[[\d].*/, '')
    kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  return kinds
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    return 'closed'
  }
}

function childrenOf(pid: number): number {
  return readdirSync('/proc').filter((each) => /^\d+$/.test(each) && parentOf(each) === pid).length
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces; state and parent follow it.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch (error) {
    // One that has just ended.
    if (!['ENOENT', 'ESRCH'].includes(systemCode(error) ?? '')) throw error
    return undefined
  }
}
