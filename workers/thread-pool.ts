// A function revision's threads: the one file that knows piscina.
import { getRandomValues } from 'node:crypto'
import type { Worker } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import type { Clock } from '../common/clock.ts'
import { eventMemorySpareMaxBytes } from '../common/environment-limits.ts'
import { parseCpuMessage } from './cpu/cpu-messages.ts'
import type { CpuShares } from './cpu/cpu-shares.ts'
import { PoolCpu } from './cpu/pool-cpu.ts'
import type { ThrottledTime } from './cpu/throttled-time.ts'
import type {
  EnvironmentEvent,
  EnvironmentOutcome,
  EnvironmentPool,
  EnvironmentPoolListener,
  EnvironmentResult,
  EventListener,
  RunningEvent,
} from './environment-pool.ts'
import { EventListeners } from './event-listeners.ts'
import { EventMemory } from './event-memory.ts'
import { EventSlots } from './event-slots.ts'
import type { EnvironmentLog } from './logs/environment-log.ts'
import { ThreadLogs } from './logs/thread-logs.ts'
import { keepShown } from './shown-thread.ts'
import { Stopping } from './stopping.ts'
import { TemporaryDirectories } from './temporary-directories.ts'
import { ThreadChildren } from './thread-children.ts'
import { ThreadCpu } from './thread-cpu.ts'
import { ThreadMemory, type ExhaustedMemory } from './thread-memory.ts'
import { exitOf } from './thread-exit.ts'
import { outcomeOf } from './thread-outcome.ts'
import { compileCache, resourceLimits } from './thread-limits.ts'
import {
  parseThreadMessage,
  type ThreadReply,
  type ThreadSettings,
  type ThreadStart,
  type ThreadTask,
} from './thread-messages.ts'

export interface ThreadPoolOptions extends EnvironmentPoolListener {
  readonly settings: ThreadSettings
  readonly environment: Readonly<Record<string, string>>
  readonly threadsMax: number
  readonly idleTimeoutMs: number
  readonly clock: Clock
  readonly cpuShares: CpuShares
  /** Where it is added up how long the threads had to wait for their share of the processor. */
  readonly throttled: ThrottledTime
  /** Called when a thread could not be put into its share, and why. */
  readonly onUnheld: (reason: string) => void
}

/** Loads piscina on its first call: a platform without functions does without it. */
export async function openThreadPool(options: ThreadPoolOptions): Promise<ThreadPool> {
  const { Piscina } = await import('piscina')
  return new ThreadPool(options, (settings) => new Piscina(settings))
}

/** An event and what stops it, both anew when its initialisation is repeated. */
interface Running {
  task: ThreadTask
  stopping: Stopping
  /** When the thread that was told to end is gone. */
  gone: Promise<void> | undefined
  /** Its slot is another's from then on. */
  isOver: boolean
}

type CreatePiscina = (settings: ConstructorParameters<typeof Piscina>[0]) => Piscina

/**
 * Threads end after `idleTimeoutMs` without an event. Invariant: piscina queues an event only while the
 * thread that was made for it starts.
 */
export class ThreadPool implements EnvironmentPool {
  readonly #piscina: Piscina
  readonly #options: ThreadPoolOptions
  readonly #listeners = new EventListeners()
  readonly #ending = new Set<Worker>()
  readonly #logs: ThreadLogs
  readonly #memory: ThreadMemory
  readonly #slots: EventSlots
  readonly #directories: TemporaryDirectories
  readonly #children = new ThreadChildren()
  readonly #cpu: ThreadCpu
  readonly #shares: PoolCpu
  /** Threads that were ended for want of memory; known until no event runs. */
  readonly #exhausted = new Map<number, ExhaustedMemory['kind']>()
  #busy = 0

  constructor(options: ThreadPoolOptions, create: CreatePiscina) {
    this.#options = options
    this.#logs = new ThreadLogs(options.openLog)
    this.#memory = new ThreadMemory({
      memorySizeMb: options.settings.memorySizeMb,
      clock: options.clock,
      threads: () => (this.#busy === 0 ? [] : this.#piscina.threads),
      onExhausted: (worker, memory) => this.#onExhausted(worker, memory),
    })
    this.#slots = new EventSlots(options.threadsMax)
    this.#directories = new TemporaryDirectories(options.threadsMax)
    this.#cpu = new ThreadCpu(options.clock, options.onUse)
    this.#shares = new PoolCpu({
      shares: options.cpuShares,
      memorySizeMb: options.settings.memorySizeMb,
      throttled: options.throttled,
      clock: options.clock,
      isBusy: (threadId) => this.#slots.mayBeBusy(threadId),
      onUnheld: options.onUnheld,
    })
    this.#piscina = create({
      filename: new URL('./thread.ts', import.meta.url).href,
      name: 'invoke',
      minThreads: 0,
      maxThreads: options.threadsMax,
      concurrentTasksPerWorker: 1,
      // A thread without an event stands still in Atomics.wait, as Lambda freezes an environment:
      // no CPU when idle, and timers of a handler go on only within its next event.
      atomics: 'sync',
      idleTimeout: options.idleTimeoutMs,
      recordTiming: false,
      env: { ...options.environment, ...compileCache() },
      argv: [],
      execArgv: [],
      workerData: {
        ...options.settings,
        slots: this.#slots.shared,
        directories: this.#directories.shared,
        cpuPlan: options.cpuShares.plan,
        streamSeed: getRandomValues(new Uint32Array(4)),
      } satisfies ThreadStart,
      resourceLimits: resourceLimits(options.settings.memorySizeMb),
    })
    this.#piscina.on('message', (message: unknown) => this.#deliver(message))
    this.#piscina.on('workerCreate', keepShown)
    // Piscina says so just before its own lists show it.
    this.#piscina.on('workerCreate', () => queueMicrotask(options.onChange))
    this.#piscina.on('workerDestroy', () => {
      queueMicrotask(() => {
        this.#forgetGone()
        options.onChange()
      })
    })
    // An error of a thread that has no event: piscina drops the thread, nobody waits for it.
    this.#piscina.on('error', () => queueMicrotask(options.onChange))
  }

  get environments(): number {
    // Between a failed initialisation and the next an event has no thread, and keeps its place.
    return Math.max(this.#piscina.threads.length, this.#busy + this.idle) + this.#ending.size
  }

  get idle(): number {
    return this.#piscina.idleThreads
  }

  get busy(): number {
    return this.#busy
  }

  get starting(): number {
    return Math.max(0, this.#piscina.threads.length - this.#piscina.idleThreads - this.#busy)
  }

  get ending(): number {
    return this.#ending.size
  }

  run(event: EnvironmentEvent, listener: EventListener): RunningEvent {
    const slot = this.#slots.begin()
    const running: Running = {
      task: { ...event, payload: eventMemory.handOver(event.payload), slot },
      stopping: new Stopping(),
      gone: undefined,
      isOver: false,
    }
    const forget = this.#listeners.add(event.requestId, listener)
    this.#busy += 1
    this.#memory.watch()
    this.#shares.wake()
    let log: EnvironmentLog | undefined
    // Known while the event has its slot, which goes to another one at the end; a repeated event changes threads.
    const findLog = () =>
      (log = running.isOver ? log : (this.#logs.of(this.#slots.runnerIdOf(slot)) ?? log))
    return {
      outcome: this.#outcome(running, listener, findLog),
      stop: () => {
        const { stopping } = running
        const runner = this.#runnerOf(slot)
        this.#directories.keep(this.#slots.runnerIdOf(slot))
        this.#shares.release(runner?.threadId)
        void this.#cpu.ask(runner).then(() => {
          running.gone = this.#endThread(() => stopping.abort())
        })
      },
      forget,
      log: findLog,
    }
  }

  endIdle(): boolean {
    if (this.idle === 0) return false
    const stopping = new Stopping()
    // An aborted task takes its thread with it: the one way to make piscina end a given thread.
    const ended = this.#piscina.run(null, { signal: stopping })
    void this.#endThread(() => stopping.abort())
    ended.catch(() => {})
    return true
  }

  async close(): Promise<void> {
    this.#memory.stop()
    const threads = [...this.#piscina.threads, ...this.#ending]
    for (const { threadId } of threads) this.#shares.release(threadId)
    const endChildren = this.#children.note(threads)
    const destroyed = this.#piscina.destroy()
    for (const thread of threads) endChildren(thread)
    await Promise.all([destroyed, ...threads.map((worker) => exitOf(worker, this.#options.clock))])
    this.#forgetGone()
    await this.#directories.close()
  }

  async #outcome(
    running: Running,
    listener: EventListener,
    findLog: () => unknown,
  ): Promise<EnvironmentOutcome> {
    const { task } = running
    try {
      const outcome = await this.#attempt(running)
      findLog()
      if (outcome.kind === 'result' || !listener.repeats(outcome)) return outcome
      await running.gone
      this.#slots.again(task.slot)
      running.task = { ...task, announce: true, repeatsInit: true }
      running.stopping = new Stopping()
      return await this.#attempt(running)
    } finally {
      findLog()
      running.isOver = true
      this.#busy -= 1
      if (this.#busy === 0) this.#exhausted.clear()
      this.#slots.end(task.slot)
      this.#options.onChange()
    }
  }

  async #attempt({ task, stopping }: Running): Promise<EnvironmentOutcome> {
    try {
      const reply = (await this.#piscina.run(task, { signal: stopping })) as ThreadReply
      // Not in other ends: a thread that is about to die may still read it.
      if (typeof task.payload !== 'string') eventMemory.giveBack(task.payload)
      return { kind: 'result', result: this.#resultOf(task, reply) }
    } catch (error) {
      return (
        this.#exhaustedOutcome(task) ??
        outcomeOf(error, this.#memory.usedMb(this.#slots.runnerIdOf(task.slot)))
      )
    }
  }

  #resultOf({ slot }: ThreadTask, reply: ThreadReply): EnvironmentResult {
    const isText = typeof reply === 'string'
    const result = isText
      ? {
          outcome: 'returned' as const,
          payload: reply,
          lateOutput: '',
          ...this.#slots.figuresOf(slot),
        }
      : reply
    if (!isText) this.#logs.know(reply.threadId, reply.logStream)
    this.#cpu.tell(result.threadId, result.threadCpuMs)
    this.#options.onUse({ memoryUsedMb: result.memoryUsedMb })
    return result
  }

  #exhaustedOutcome({ slot }: ThreadTask): EnvironmentOutcome | undefined {
    const of = this.#exhausted.get(this.#slots.runnerIdOf(slot))
    return of === undefined ? undefined : { kind: 'out-of-memory', of }
  }

  #runnerOf(slot: number): Worker | undefined {
    const threadId = this.#slots.runnerIdOf(slot)
    return this.#piscina.threads.find((worker) => worker.threadId === threadId)
  }

  async #onExhausted(worker: Worker, { usedMb, kind }: ExhaustedMemory): Promise<void> {
    this.#options.onUse({ memoryUsedMb: usedMb })
    this.#exhausted.set(worker.threadId, kind)
    await this.#cpu.ask(worker)
    // Not before: with a whole core it would fill gigabytes while a busy machine lets this thread wait.
    this.#shares.release(worker.threadId)
    const endChildren = this.#children.note([worker])
    const ended = worker.terminate()
    endChildren(worker)
    await ended
  }

  // Ending is asynchronous, and waits for a synchronous system call: a thread counts until it is gone.
  async #endThread(abort: () => void): Promise<void> {
    const before = this.#piscina.threads
    const endChildren = this.#children.note(before)
    abort()
    const after = new Set(this.#piscina.threads)
    const gone = before
      .filter((thread) => !after.has(thread))
      .map(async (worker) => {
        this.#ending.add(worker)
        endChildren(worker)
        this.#shares.abandon(worker.threadId)
        await exitOf(worker, this.#options.clock)
        this.#ending.delete(worker)
        this.#forgetGone()
        this.#options.onChange()
      })
    await Promise.all(gone)
  }

  #forgetGone(): void {
    const threads = [...this.#piscina.threads, ...this.#ending]
    this.#directories.forgetAllBut(threads, (threadId) => this.#slots.isBusy(threadId))
    this.#children.forgetAllBut(threads)
    this.#cpu.forgetAllBut(threads)
    this.#shares.forgetAllBut(threads)
    this.#logs.forgetAllBut(threads)
  }

  #deliver(message: unknown): void {
    const cpu = parseCpuMessage(message)
    if (cpu?.type === 'born') this.#children.know(cpu.threadId, cpu.tid)
    if (cpu !== undefined) return this.#shares.hear(cpu)
    const parsed = parseThreadMessage(message)
    if (parsed === undefined) return
    if (parsed.type === 'initialising') this.#logs.know(parsed.threadId, parsed.logStream)
    this.#listeners.of(parsed.requestId)?.onMessage(parsed)
    if (parsed.type === 'log') this.#slots.took(parsed.slot, parsed.text.length)
  }
}

/** One for all pools: what one function does not use, another may. */
const eventMemory = new EventMemory(eventMemorySpareMaxBytes)
