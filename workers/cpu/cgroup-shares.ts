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

/** `plan` has been proven. Threads enter their groups themselves; processes are put there. */
export class CgroupShares implements CpuShares {
  readonly way: 'cgroup-v1' | 'cgroup-v2'
  readonly details: Readonly<Record<string, unknown>>
  readonly plan: GroupPlan
  readonly #clock: Clock
  readonly #removals = new Set<Promise<void>>()

  constructor(plan: GroupPlan, clock: Clock) {
    this.way = plan.version === 1 ? 'cgroup-v1' : 'cgroup-v2'
    this.details = { group: plan.parent, periodMs: cpuPeriodMs }
    this.plan = plan
    this.#clock = clock
  }

  open({ memorySizeMb }: Environment): CpuShare {
    return new CgroupShare(this.plan, memorySizeMb, (group) => this.#remove(group))
  }

  wake(): void {}

  async close(): Promise<void> {
    await Promise.all(this.#removals)
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

class CgroupShare implements CpuShare {
  readonly #plan: GroupPlan
  readonly #memorySizeMb: number
  readonly #remove: (group: Group) => void
  #group: Group | undefined
  #throttledMs = 0

  constructor(plan: GroupPlan, memorySizeMb: number, remove: (group: Group) => void) {
    this.#plan = plan
    this.#memorySizeMb = memorySizeMb
    this.#remove = remove
  }

  addThread({ threadId }: { readonly threadId: number }): void {
    this.#group = threadGroup(this.#plan, threadId)
  }

  // By another thread: the kernel may take 20 ms to move somebody else.
  async addProcess(pid: number): Promise<void> {
    const group = processGroup(this.#plan, pid)
    this.#group = group
    makeGroup(group)
    limitGroup(group, burstCoresOf(this.#memorySizeMb))
    try {
      await writeFile(join(group.path, 'cgroup.procs'), String(pid))
    } catch (error) {
      // It has ended already.
      if (systemCode(error) !== 'ESRCH') throw error
    }
  }

  hold(): void {
    this.#limit(coresOf(this.#memorySizeMb))
  }

  // A thread that ends takes locks which the main thread waits for, and would hold them until its next period.
  release(): void {
    this.#limit(burstCoresOf(this.#memorySizeMb))
  }

  throttledMs(): number {
    if (this.#group !== undefined) this.#throttledMs = throttledMs(this.#group) ?? this.#throttledMs
    return this.#throttledMs
  }

  close(): void {
    if (this.#group === undefined) return
    this.throttledMs()
    this.#remove(this.#group)
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
