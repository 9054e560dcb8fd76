// Holds environments to their share by looking what they use and pausing them: where control groups cannot be made.
import type { Timer } from '../../common/clock.ts'
import { governorBucketMs, governorLookMinMs, governorTasksMax } from '../../common/cpu-limits.ts'
import { burstCoresOf, coresOf } from './cores.ts'
import type { CpuShare, CpuShares, Environment, GovernorPlan, ThreadIds } from './cpu-shares.ts'
import { TokenBucket, type Decision } from './token-bucket.ts'

/** A thread, or a process with what it starts. */
export interface GovernedTask {
  /** What it has used since it began; undefined once it is gone. Asked only while it is busy. */
  usedMs(): number | undefined
  /** Tells how much of its own processor time that takes, which is not the handler's. */
  pause(untilMs: number): number
  /** Ends a pause, if there is one. */
  resume(): void
  close(): void
}

/** How the governor reaches threads and processes. */
export interface TaskSource {
  readonly plan: GovernorPlan
  thread(thread: ThreadIds): GovernedTask
  process(pid: number, isBusy: () => boolean): GovernedTask
  close(): void
}

/** Time in fractions of a millisecond, the same for all threads of the machine. */
export interface GovernorTime {
  now(): number
  after(delayMs: number, callback: () => void): Timer
}

export interface GovernorOptions {
  readonly tasks: TaskSource
  readonly time: GovernorTime
  /** How many tasks can run at once. */
  readonly machineCores: number
}

/** Looks only while an environment has an event in hand. */
export class Governor implements CpuShares {
  readonly way = 'governor'
  readonly details = { periodMs: governorBucketMs }
  readonly plan: GovernorPlan
  /** It pauses threads where they hold no locks. */
  readonly refills = 0
  readonly #options: GovernorOptions
  readonly #shares = new Set<GovernedShare>()
  #timer: Timer | undefined
  #dueMs = Infinity

  constructor(options: GovernorOptions) {
    this.#options = options
    this.plan = options.tasks.plan
  }

  open(environment: Environment): CpuShare {
    const share = new GovernedShare(environment, this.#options, {
      changed: () => this.wake(),
      closed: (closed) => this.#shares.delete(closed),
    })
    this.#shares.add(share)
    return share
  }

  wake(): void {
    this.#arm(this.#options.time.now() + governorLookMinMs)
  }

  close(): Promise<void> {
    this.#timer?.cancel()
    for (const share of this.#shares) share.close()
    this.#options.tasks.close()
    return Promise.resolve()
  }

  #look(): void {
    this.#timer = undefined
    this.#dueMs = Infinity
    const nowMs = this.#options.time.now()
    let dueMs = Infinity
    for (const share of this.#shares) dueMs = Math.min(dueMs, share.look(nowMs))
    if (dueMs !== Infinity) this.#arm(Math.max(dueMs, nowMs + 1))
  }

  #arm(dueMs: number): void {
    if (dueMs >= this.#dueMs) return
    this.#timer?.cancel()
    this.#dueMs = dueMs
    const { time } = this.#options
    this.#timer = time.after(Math.max(0, dueMs - time.now()), () => this.#look())
  }
}

interface ShareListener {
  /** It is to be looked at. */
  changed(): void
  closed(share: GovernedShare): void
}

class GovernedShare implements CpuShare {
  readonly #environment: Environment
  readonly #options: GovernorOptions
  readonly #listener: ShareListener
  readonly #tasks = new Map<GovernedTask, number>()
  readonly #bucket: TokenBucket
  #lookAtMs = 0
  #throttledMs = 0
  #released = false

  constructor(environment: Environment, options: GovernorOptions, listener: ShareListener) {
    this.#environment = environment
    this.#options = options
    this.#listener = listener
    this.#bucket = new TokenBucket(burstCoresOf(environment.memorySizeMb), options.time.now())
  }

  addThread(thread: ThreadIds): void {
    this.#add(this.#options.tasks.thread(thread))
  }

  addProcess(pid: number): Promise<void> {
    this.#add(this.#options.tasks.process(pid, this.#environment.isBusy))
    return Promise.resolve()
  }

  hold(): void {
    for (const task of this.#tasks.keys()) this.#used(task)
    this.#bucket.change(coresOf(this.#environment.memorySizeMb), this.#options.time.now())
    this.#lookAtMs = 0
    this.#listener.changed()
  }

  release(): void {
    this.#released = true
    for (const task of this.#tasks.keys()) task.resume()
  }

  throttledMs(): number {
    return this.#throttledMs
  }

  close(): void {
    for (const task of this.#tasks.keys()) task.close()
    this.#tasks.clear()
    this.#listener.closed(this)
  }

  /** Pauses what has used too much; when to look again, never for one that stands still. */
  look(nowMs: number): number {
    const isBusy = this.#environment.isBusy()
    // Between two events it stands still.
    if (this.#released || !isBusy) return Infinity
    if (nowMs < this.#lookAtMs) return this.#lookAtMs
    let usedMs = 0
    let running = 0
    for (const task of this.#tasks.keys()) {
      const taskMs = this.#used(task)
      usedMs += taskMs
      if (taskMs > 0) running += 1
    }
    this.#bucket.spend(usedMs, nowMs)
    const most = Math.min(Math.max(1, running), this.#options.machineCores)
    const decision = this.#bucket.decide(nowMs, most)
    this.#pause(nowMs, decision)
    this.#lookAtMs = decision.lookAtMs
    return this.#lookAtMs
  }

  #pause(nowMs: number, { pauseUntilMs }: Decision): void {
    if (pauseUntilMs === undefined) return
    for (const task of this.#tasks.keys()) this.#bucket.giveBack(task.pause(pauseUntilMs))
    this.#throttledMs += pauseUntilMs - nowMs
  }

  #add(task: GovernedTask): void {
    if (this.#tasks.size >= governorTasksMax) return task.close()
    this.#tasks.set(task, 0)
    this.#lookAtMs = 0
    this.#listener.changed()
  }

  // One that is gone takes with it what it used since the last look.
  #used(task: GovernedTask): number {
    const before = this.#tasks.get(task) ?? 0
    const nowMs = task.usedMs()
    if (nowMs === undefined) {
      task.close()
      this.#tasks.delete(task)
      return 0
    }
    this.#tasks.set(task, Math.max(before, nowMs))
    return Math.max(0, nowMs - before)
  }
}
