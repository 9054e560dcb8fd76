// What a way of holding environments to their share of the processor has to offer.
import type { GroupPlan } from './cgroup-files.ts'

/** How shares are held: by the kernel, by pausing threads, or not at all. */
export const cpuShareWays = ['cgroup-v1', 'cgroup-v2', 'governor', 'off'] as const
export type CpuShareWay = (typeof cpuShareWays)[number]

/** What a thread has to do for its share: put itself into a group, lay out what it can be paused by, or nothing. */
export type ThreadPlan = GroupPlan | GovernorPlan | undefined

/** What governor and threads share: a place for each thread, by the remainder of its number. */
export interface GovernorPlan {
  /** A thread writes its number there when it ends. */
  readonly ending: Int32Array<SharedArrayBuffer>
  /** 1 from when a thread is told to nap until its nap is over. */
  readonly napping: Int32Array<SharedArrayBuffer>
}

export interface CpuShares {
  readonly way: CpuShareWay
  /** For the log: where, and how finely. */
  readonly details: Readonly<Record<string, unknown>>
  readonly plan: ThreadPlan
  /** How often shares were given anew, because this thread waited for a lock. */
  readonly refills: number
  /** The share of a new environment. It begins with a burst, until `hold`. */
  open(environment: Environment): CpuShare
  /** Work begins somewhere: shares are looked at again. */
  wake(): void
  /** To be called when all environments are gone. */
  close(): Promise<void>
}

export interface Environment {
  readonly memorySizeMb: number
  /** Whether it has an event in hand: otherwise it stands still and need not be looked at. */
  readonly isBusy: () => boolean
}

/** One execution environment: a thread with those that it starts, or a process with those that it starts. */
export interface CpuShare {
  /** Node's and the kernel's number of a thread of ours. */
  addThread(thread: ThreadIds): void
  /** A process that leads a process group of its own. Resolves when it is held. */
  addProcess(pid: number): Promise<void>
  /** The start is over: from now on it gets its share and no more. */
  hold(): void
  /** It is about to be ended and must not stand still. */
  release(): void
  /** How long it had to wait for its share, in all. */
  throttledMs(): number
  /** It is gone, or nearly. */
  close(): void
}

export interface ThreadIds {
  readonly threadId: number
  readonly tid: number
}

const freeShare: CpuShare = {
  addThread: () => {},
  addProcess: () => Promise.resolve(),
  hold: () => {},
  release: () => {},
  throttledMs: () => 0,
  close: () => {},
}

/** Where nothing is held. */
export function noCpuShares(): CpuShares {
  return {
    way: 'off',
    details: {},
    plan: undefined,
    refills: 0,
    open: () => freeShare,
    wake: () => {},
    close: () => Promise.resolve(),
  }
}
