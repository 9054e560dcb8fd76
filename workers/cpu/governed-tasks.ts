// What the governor governs on a real machine: threads that nap, processes that are stopped and go on.
import type { Timer } from '../../common/clock.ts'
import { governorPauseMs } from '../../common/cpu-limits.ts'
import { systemCode } from '../../common/errors.ts'
import type { ThreadIds } from './cpu-shares.ts'
import type { GovernedTask, GovernorTime, TaskSource } from './governor.ts'
import { ProcessTimes, ThreadTimes } from './proc-times.ts'
import type { ThreadNaps } from './thread-naps.ts'

export class MachineTasks implements TaskSource {
  readonly plan: ThreadNaps['plan']
  readonly #naps: ThreadNaps
  readonly #time: GovernorTime
  readonly #stopped = new Set<StoppedProcess>()
  // What is stopped when this process ends would be so for ever.
  readonly #onExit = (): void => {
    for (const stopped of this.#stopped) stopped.close()
  }

  constructor(naps: ThreadNaps, time: GovernorTime) {
    this.plan = naps.plan
    this.#naps = naps
    this.#time = time
    process.on('exit', this.#onExit)
  }

  thread({ threadId, tid }: ThreadIds): GovernedTask {
    const times = openTimes(tid)
    this.#naps.adopt(threadId)
    return {
      usedMs: () => times?.usedMs(),
      pause: (untilMs) => (this.#naps.nap(threadId, untilMs) ? governorPauseMs : 0),
      resume: () => this.#naps.wake(threadId),
      close: () => {
        this.#naps.leave(threadId)
        times?.close()
      },
    }
  }

  process(pid: number, isBusy: () => boolean): GovernedTask {
    return new StoppedProcess({ pid, isBusy, time: this.#time, stopped: this.#stopped })
  }

  close(): void {
    this.#onExit()
    process.off('exit', this.#onExit)
    this.#naps.close()
  }
}

// It may be gone before it is known.
function openTimes(tid: number): ThreadTimes | undefined {
  try {
    return new ThreadTimes(tid)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

interface StoppedProcessOptions {
  readonly pid: number
  readonly isBusy: () => boolean
  readonly time: GovernorTime
  readonly stopped: Set<StoppedProcess>
}

/** Its whole process group is stopped; `stopped` has it while it is. */
class StoppedProcess implements GovernedTask {
  readonly #options: StoppedProcessOptions
  readonly #times: ProcessTimes
  #timer: Timer | undefined
  /** Its pause was over when it had no event any more. */
  #isOverdue = false

  constructor(options: StoppedProcessOptions) {
    this.#options = options
    this.#times = new ProcessTimes(options.pid)
  }

  usedMs(): number | undefined {
    if (this.#isOverdue) this.resume()
    return this.#times.usedMs()
  }

  // The kernel stops it, not its own code.
  pause(untilMs: number): number {
    const { time, stopped } = this.#options
    if (!stopped.has(this)) this.#signal('SIGSTOP')
    stopped.add(this)
    this.#timer?.cancel()
    this.#timer = time.after(Math.max(0, untilMs - time.now()), () => this.#onOver())
    return 0
  }

  close(): void {
    this.resume()
  }

  resume(): void {
    if (!this.#options.stopped.delete(this)) return
    this.#timer?.cancel()
    this.#isOverdue = false
    this.#signal('SIGCONT')
  }

  // Without an event it is frozen, by others: it must not go on for our sake.
  #onOver(): void {
    if (this.#options.isBusy()) this.resume()
    else this.#isOverdue = true
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#options.pid, signal)
    } catch (error) {
      // It is gone, or was never the leader of a group.
      if (systemCode(error) !== 'ESRCH') throw error
    }
  }
}
