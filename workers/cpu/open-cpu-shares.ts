// Chooses how shares of the processor are held, by trying, and says so in the log.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Group } from './cgroup-files.ts'
import { openPlace, closePlace, ownGroups, ownPlaceName, removeDirectory } from './cgroup-place.ts'
import { CgroupShares } from './cgroup-shares.ts'
import { noCpuShares, type CpuShares } from './cpu-shares.ts'
import { MachineTasks } from './governed-tasks.ts'
import { Governor } from './governor.ts'
import { ThreadTimes } from './proc-times.ts'
import { ThreadNaps, monotonicMs } from './thread-naps.ts'
import type { TrialResult } from './trial-thread.ts'

export type CpuShareSetting = 'auto' | 'cgroup' | 'governor' | 'off'

export interface CpuShareOptions {
  readonly setting: CpuShareSetting
  readonly clock: Clock
  readonly logger: Logger
  /** Where the kernel tells which groups this process is in. */
  readonly proc?: string
}

/** Rejects with AppError CONFIG_INVALID where the way that was asked for does not work here. */
export async function openCpuShares(options: CpuShareOptions): Promise<CpuShares> {
  const { logger } = options
  const reasons: string[] = []
  const shares = await choose(options, reasons)
  if (shares === undefined) {
    throw new AppError('CONFIG_INVALID', { setting: '--cpu-share', reason: reasons.join('; ') })
  }
  const why = reasons.length === 0 ? {} : { because: reasons.join('; ') }
  const { way, details } = shares
  if (way === 'off') logger.info('processor shares are not held', { ...why })
  else logger.info('processor shares are held', { way, ...details, ...why })
  return shares
}

async function choose(options: CpuShareOptions, reasons: string[]): Promise<CpuShares | undefined> {
  const { setting, clock } = options
  if (setting === 'off') return noCpuShares()
  if (process.platform !== 'linux') {
    reasons.push('only Linux has what it takes')
    return setting === 'auto' ? noCpuShares() : undefined
  }
  const byGroups = setting === 'governor' ? undefined : await openCgroups(options, reasons)
  if (byGroups !== undefined) return byGroups
  const byGovernor = setting === 'cgroup' ? undefined : await openGovernor(clock, reasons)
  if (byGovernor !== undefined) return byGovernor
  return setting === 'auto' ? noCpuShares() : undefined
}

async function openCgroups(
  { clock, proc = '/proc' }: CpuShareOptions,
  reasons: string[],
): Promise<CpuShares | undefined> {
  for (const own of groupsOfThisProcess(proc, reasons)) {
    try {
      const plan = openPlace(own, ownPlaceName())
      const group = { version: plan.version, path: join(plan.parent, 'trial') }
      const failure = await tryGroup(group)
      if (failure === undefined) {
        await removed(group, clock)
        return new CgroupShares(plan, clock)
      }
      reasons.push(failure)
      await removed(group, clock)
      closePlace(plan)
    } catch (error) {
      reasons.push(reasonOf(error))
    }
  }
  return undefined
}

function groupsOfThisProcess(proc: string, reasons: string[]): ReturnType<typeof ownGroups> {
  try {
    const read = (file: string): string => readFileSync(join(proc, 'self', file), 'utf8')
    const groups = ownGroups(read('cgroup'), read('mountinfo'))
    if (groups.length === 0) reasons.push('there is no cgroup with a cpu controller')
    return groups
  } catch (error) {
    reasons.push(reasonOf(error))
    return []
  }
}

// The inspector is loaded where it is needed: a Node may be built without it.
async function openGovernor(clock: Clock, reasons: string[]): Promise<CpuShares | undefined> {
  try {
    const trial = new ThreadTimes(process.pid)
    const usedMs = trial.usedMs() ?? Number.NaN
    trial.close()
    if (!(usedMs > 0)) throw new Error('the kernel does not tell what a thread has used')
    const { InspectedThreads } = await import('./inspected-threads.ts')
    const threads = await InspectedThreads.open()
    const time = {
      now: monotonicMs,
      after: (delayMs: number, callback: () => void) => clock.after(delayMs, callback),
    }
    const tasks = new MachineTasks(new ThreadNaps(time, threads), time)
    return new Governor({ tasks, time, machineCores: availableParallelism() })
  } catch (error) {
    reasons.push(reasonOf(error))
    return undefined
  }
}

/** What works for a thread of ours works for a handler's: same user, same file system. */
function tryGroup(group: Group): Promise<TrialResult> {
  const worker = new Worker(new URL('./trial-thread.ts', import.meta.url), { workerData: group })
  return new Promise((resolve, reject) => {
    let result: TrialResult = 'the trial said nothing'
    worker.once('message', (message: TrialResult) => (result = message))
    worker.once('error', reject)
    worker.once('exit', () => resolve(result))
  })
}

// The kernel takes a moment to notice that the thread has left.
async function removed({ path }: Group, clock: Clock): Promise<void> {
  for (let i = 0; i < 10 && !removeDirectory(path); i++) {
    await new Promise<void>((resolve) => clock.after(5, resolve))
  }
}
