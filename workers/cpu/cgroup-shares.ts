// Holds environments to their share by control groups: the kernel does it, exactly and for all they start.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { systemCode } from '../../common/errors.ts'
import { cpuGroupRemovalMs, cpuGroupRemovalsMax, cpuPeriodMs } from '../../common/cpu-limits.ts'
import {
  limitGroup,
  makeGroup,
  processGroup,
  threadGroup,
  throttledMs,
  type Group,
  type GroupPlan,
} from './cgroup-files.ts'
import { closePlace, removeDirectory } from './cgroup-place.ts'
import { burstCoresOf, coresOf } from './cores.ts'
import type { CpuShare, CpuShares, Environment } from './cpu-shares.ts'
import { StallWatcher } from './stall-watcher.ts'

/** `plan` has been proven. Threads enter their groups themselves; processes are put there. */
export class CgroupShares implements CpuShares {
  readonly way: 'cgroup-v1' | 'cgroup-v2'
  readonly details: Readonly<Record<string, unknown>>
  readonly plan: GroupPlan
  readonly #clock: Clock
  readonly #removals = new Set<Promise<void>>()
  readonly #stalls: StallWatcher | undefined

  constructor(plan: GroupPlan, clock: Clock) {
    this.way = plan.version === 1 ? 'cgroup-v1' : 'cgroup-v2'
    this.plan = plan
    this.#clock = clock
    this.#stalls = StallWatcher.open(plan)
    const stalls = this.#stalls === undefined ? 'not watched' : 'watched'
    this.details = { group: plan.parent, periodMs: cpuPeriodMs, stalls }
  }

  get refills(): number {
    return this.#stalls?.refills ?? 0
  }

  open({ memorySizeMb }: Environment): CpuShare {
    return new CgroupShare({
      plan: this.plan,
      memorySizeMb,
      stalls: this.#stalls,
      remove: (group) => this.#remove(group),
    })
  }

  wake(): void {
    this.#stalls?.wake()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#removals, this.#stalls?.close()])
    await this.#insist(() => closePlace(this.plan))
  }

  #remove({ path }: Group): void {
    const removal = this.#insist(() => removeDirectory(path))
    this.#removals.add(removal)
    void removal.then(() => this.#removals.delete(removal))
  }

  // What is still not gone by then is looked at again when this process stops, or at the next start.
  async #insist(remove: () => boolean): Promise<void> {
    for (let i = 0; i < cpuGroupRemovalsMax; i++) {
      if (remove()) return
      await new Promise<void>((resolve) => this.#clock.after(cpuGroupRemovalMs, resolve))
    }
  }
}

interface CgroupShareOptions {
  readonly plan: GroupPlan
  readonly memorySizeMb: number
  readonly stalls: StallWatcher | undefined
  readonly remove: (group: Group) => void
}

class CgroupShare implements CpuShare {
  readonly #options: CgroupShareOptions
  #threadId: number | undefined
  #group: Group | undefined
  #throttledMs = 0

  constructor(options: CgroupShareOptions) {
    this.#options = options
  }

  addThread({ threadId }: { readonly threadId: number }): void {
    this.#group = threadGroup(this.#options.plan, threadId)
    this.#threadId = threadId
  }

  // By another thread: the kernel may take 20 ms to move somebody else.
  async addProcess(pid: number): Promise<void> {
    const group = processGroup(this.#options.plan, pid)
    this.#group = group
    makeGroup(group)
    limitGroup(group, burstCoresOf(this.#options.memorySizeMb))
    try {
      await writeFile(join(group.path, 'cgroup.procs'), String(pid))
    } catch (error) {
      // It has ended already.
      if (systemCode(error) !== 'ESRCH') throw error
    }
  }

  // Processes take no locks of this one.
  hold(): void {
    const cores = coresOf(this.#options.memorySizeMb)
    this.#limit(cores)
    if (this.#threadId !== undefined && cores < 1) this.#options.stalls?.add(this.#threadId)
  }

  // A thread that ends takes locks which the main thread waits for, and would hold them until its next period.
  release(): void {
    this.#limit(burstCoresOf(this.#options.memorySizeMb))
  }

  throttledMs(): number {
    if (this.#group !== undefined) this.#throttledMs = throttledMs(this.#group) ?? this.#throttledMs
    return this.#throttledMs
  }

  close(): void {
    if (this.#group === undefined) return
    this.throttledMs()
    if (this.#threadId !== undefined) this.#options.stalls?.remove(this.#threadId)
    this.#options.remove(this.#group)
    this.#group = undefined
  }

  #limit(cores: number): void {
    if (this.#group === undefined) return
    try {
      limitGroup(this.#group, cores)
    } catch (error) {
      // The environment has ended, and its group with it.
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
}
