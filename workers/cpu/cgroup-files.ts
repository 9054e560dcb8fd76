// Makes, limits and reads control groups through their files: version 1, and version 2 with threads.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../../common/errors.ts'
import { cpuPeriodMs } from '../../common/cpu-limits.ts'

export type CgroupVersion = 1 | 2

/** Where the groups of this process's environments are made. */
export interface GroupPlan {
  readonly version: CgroupVersion
  readonly parent: string
}

/** One group. Errors of these functions are the system's. */
export interface Group {
  readonly version: CgroupVersion
  readonly path: string
}

const periodUs = cpuPeriodMs * 1000

/** The group of a thread, by Node's number of it, which is never given twice. */
export function threadGroup({ version, parent }: GroupPlan, threadId: number): Group {
  return { version, path: join(parent, `thread-${threadId}`) }
}

export function processGroup({ version, parent }: GroupPlan, pid: number): Group {
  return { version, path: join(parent, `process-${pid}`) }
}

/** In version 2 a group may hold single threads only if it says so. */
export function makeGroup(group: Group): void {
  mkdirSync(group.path, { recursive: true })
  if (group.version === 2) write(group, 'cgroup.type', 'threaded')
}

/** So many cores in each period; never more than the groups above it have. */
export function limitGroup(group: Group, cores: number): void {
  const quotaUs = Math.max(1000, Math.round(cores * periodUs))
  if (group.version === 2) return write(group, 'cpu.max', `${quotaUs} ${periodUs}`)
  write(group, 'cpu.cfs_period_us', String(periodUs))
  try {
    write(group, 'cpu.cfs_quota_us', String(quotaUs))
  } catch (error) {
    // More than a group above it may have: then that one's limit is the limit.
    if (systemCode(error) !== 'EINVAL') throw error
    write(group, 'cpu.cfs_quota_us', '-1')
  }
}

/**
 * Takes the calling thread in, and with it those that it will start. From outside the kernel lets all other
 * threads of the process stand still for as long as 20 ms; a thread that moves itself takes 0.2 ms.
 */
export function joinGroup(group: Group): void {
  write(group, threadsFile(group), '0')
}

/** Where thread ids are read and written. */
export function threadsFile({ version }: Pick<Group, 'version'>): string {
  return version === 1 ? 'tasks' : 'cgroup.threads'
}

/** How long its threads had to wait for a new period, together; undefined once the group is gone. */
export function throttledMs(group: Group): number | undefined {
  return group.version === 1
    ? statistic(group, /^throttled_time (\d+)$/m, 1_000_000)
    : statistic(group, /^throttled_usec (\d+)$/m, 1000)
}

/** In how many periods they used up their quota; undefined as well. */
export function throttles(group: Group): number | undefined {
  return statistic(group, /^nr_throttled (\d+)$/m, 1)
}

function statistic({ path }: Group, pattern: RegExp, divisor: number): number | undefined {
  const text = unlessGone(() => readFileSync(join(path, 'cpu.stat'), 'utf8'))
  return text === undefined ? undefined : Number(pattern.exec(text)?.[1] ?? 0) / divisor
}

/**
 * The kernel begins a period anew when a limit is set, also to what it is: threads that stood still go on for one quota.
 * False when the group is gone.
 */
export function refillGroup({ version, path }: Group): boolean {
  const file = join(path, version === 1 ? 'cpu.cfs_quota_us' : 'cpu.max')
  const isSet = unlessGone(() => {
    writeFileSync(file, readFileSync(file, 'utf8').trim())
    return true
  })
  return isSet === true
}

/** Groups end with their threads, at any moment; a process without a descriptor to spare looks again later. */
function unlessGone<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EMFILE', 'ENFILE'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}

function write({ path }: Group, file: string, text: string): void {
  writeFileSync(join(path, file), text)
}
