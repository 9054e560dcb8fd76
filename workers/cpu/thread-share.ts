// In a thread: puts it into its share of the processor, and tells the platform which thread it is.
import { readlinkSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { reasonOf } from '../../common/errors.ts'
import { joinGroup, limitGroup, makeGroup, threadGroup, type GroupPlan } from './cgroup-files.ts'
import { burstCoresOf, coresOf } from './cores.ts'
import { napKey, type CpuMessage } from './cpu-messages.ts'
import type { GovernorPlan, ThreadPlan } from './cpu-shares.ts'

export interface ThreadShareSettings {
  readonly memorySizeMb: number
  readonly cpuPlan?: ThreadPlan
}

/**
 * The thread does it itself and at once: there is no moment in which a handler runs without its limit, and nobody
 * waits for the kernel. What a handler starts afterwards, threads and processes, is in the same group.
 */
export class ThreadShare {
  readonly #settings: ThreadShareSettings
  readonly #tell: (message: CpuMessage) => void
  #failure: string | undefined

  /** To be made before anything of the handler runs. */
  constructor(settings: ThreadShareSettings, tell: (message: CpuMessage) => void) {
    this.#settings = settings
    this.#tell = tell
    const { cpuPlan } = settings
    if (cpuPlan !== undefined && 'ending' in cpuPlan) layOutNap(cpuPlan)
    this.#limit((plan) => {
      const group = threadGroup(plan, threadId)
      makeGroup(group)
      limitGroup(group, burstCoresOf(settings.memorySizeMb))
      joinGroup(group)
    })
    tell({ type: 'born', threadId, tid: kernelThreadId(), ...this.#failed() })
  }

  /** The handler is loaded: its events get what the memory size is due. */
  hold(): void {
    const { memorySizeMb } = this.#settings
    this.#limit((plan) => limitGroup(threadGroup(plan, threadId), coresOf(memorySizeMb)))
    this.#tell({ type: 'initialised', threadId, ...this.#failed() })
  }

  /** The thread is about to end itself: what it takes down meanwhile, others wait for. */
  release(): void {
    const { memorySizeMb } = this.#settings
    this.#limit((plan) => limitGroup(threadGroup(plan, threadId), burstCoresOf(memorySizeMb)))
  }

  // A handler without a limit is better than none: the platform is told, and says so.
  #limit(act: (plan: GroupPlan) => void): void {
    const { cpuPlan } = this.#settings
    if (cpuPlan === undefined || 'ending' in cpuPlan || this.#failure !== undefined) return
    try {
      act(cpuPlan)
    } catch (error) {
      this.#failure = reasonOf(error)
    }
  }

  #failed(): { readonly failure?: string } {
    return this.#failure === undefined ? {} : { failure: this.#failure }
  }
}

// Before anything of the handler runs, which could take it: the governor has it by then.
function layOutNap({ ending, napping }: GovernorPlan): void {
  const { waitForDebugger } = process.getBuiltinModule('node:inspector')
  const { store, notify } = Atomics
  const place = threadId % napping.length
  const napper = {
    nap: () => {
      waitForDebugger()
      store(napping, place, 0)
      notify(napping, place)
    },
  }
  Object.defineProperty(globalThis, Symbol.for(napKey), { value: napper, configurable: true })
  process.on('exit', () => store(ending, place, threadId))
}

/** Linux: `<process>/task/<thread>`; 0 where there is no such thing. */
export function kernelThreadId(): number {
  if (process.platform !== 'linux') return 0
  try {
    return Number(/\d+$/.exec(readlinkSync('/proc/thread-self'))?.[0] ?? 0)
  } catch {
    // /proc may be hidden; then nobody can hold this thread from outside.
    return 0
  }
}
