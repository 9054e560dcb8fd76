// What the governor governs on a real machine: threads that nap, processes that are stopped and go on.
import type { Timer } from '../../common/clock.ts'
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
      pause: (untilMs) => this.#naps.nap(threadId, untilMs),
      resume: () => this.#naps.wake(threadId),
      close: () => {
        this.#naps.leave(threadId)
        times?.close()
      },
    }
  }

  process(pid: number): GovernedTask {
    return new StoppedProcess(pid, this.#time, this.#stopped)
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

/** Its whole process group is stopped; `stopped` has it while it is. */
class StoppedProcess implements GovernedTask {
  readonly #pid: number
  readonly #time: GovernorTime
  readonly #times: ProcessTimes
  readonly #stopped: Set<StoppedProcess>
  #timer: Timer | undefined

  constructor(pid: number, time: GovernorTime, stopped: Set<StoppedProcess>) {
    this.#pid = pid
    this.#time = time
    this.#stopped = stopped
    this.#times = new ProcessTimes(pid)
  }

  usedMs(): number | undefined {
    return this.#times.usedMs()
  }

  pause(untilMs: number): void {
    if (this.#timer === undefined) this.#signal('SIGSTOP')
    this.#stopped.add(this)
    this.#timer?.cancel()
    this.#timer = this.#time.after(Math.max(0, untilMs - this.#time.now()), () => this.resume())
  }

  close(): void {
    this.resume()
  }

  resume(): void {
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = undefined
    this.#stopped.delete(this)
    this.#signal('SIGCONT')
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#pid, signal)
    } catch (error) {
      // It is gone, or was never the leader of a group.
      if (systemCode(error) !== 'ESRCH') throw error
    }
  }
}
