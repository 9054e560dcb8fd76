// The platform's side of the watch for stalls: its thread, and which threads of functions it is to know.
import { readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { stallThreadsMax } from '../../common/cpu-limits.ts'
import { systemCode } from '../../common/errors.ts'
import { compileCache } from '../thread-limits.ts'
import type { GroupPlan } from './cgroup-files.ts'
import { stallState, stallWords } from './stall-memory.ts'
import type { StallWatchStart } from './stall-watch-thread.ts'

/** Its thread is started with the first thread that it has to know. */
export class StallWatcher {
  readonly #plan: GroupPlan
  readonly #file: string
  readonly #shared = new Int32Array(
    new SharedArrayBuffer((stallWords.threads + stallThreadsMax) * Int32Array.BYTES_PER_ELEMENT),
  )
  /** Where each thread's number stands. */
  readonly #places = new Map<number, number>()
  readonly #free = Array.from({ length: stallThreadsMax }, (_, i) => i)
  #worker: Worker | undefined

  /** Watches the thread that calls; undefined where the kernel does not tell what a thread waits for. */
  static open(plan: GroupPlan): StallWatcher | undefined {
    const file = '/proc/thread-self/syscall'
    try {
      readFileSync(file)
      // Another thread finds another one under that name.
      return new StallWatcher(plan, join(realpathSync('/proc/thread-self'), 'syscall'))
    } catch (error) {
      if (['ENOENT', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return undefined
      throw error
    }
  }

  private constructor(plan: GroupPlan, file: string) {
    this.#plan = plan
    this.#file = file
  }

  /** Shares that were given anew to end a stall. */
  get refills(): number {
    return Atomics.load(this.#shared, stallWords.refills)
  }

  /** It is held to its share from now on; to say so again changes nothing. */
  add(threadId: number): void {
    if (this.#places.has(threadId)) return
    const place = this.#free.pop()
    if (place === undefined) return
    this.#places.set(threadId, place)
    Atomics.store(this.#shared, stallWords.threads + place, threadId)
    this.#worker ??= this.#start()
  }

  remove(threadId: number): void {
    const place = this.#places.get(threadId)
    if (place === undefined) return
    this.#places.delete(threadId)
    Atomics.store(this.#shared, stallWords.threads + place, 0)
    this.#free.push(place)
  }

  /** Something begins to run. */
  wake(): void {
    if (this.#places.size === 0 || this.#state !== stallState.asleep) return
    this.#tell(stallState.awake)
  }

  async close(): Promise<void> {
    this.#tell(stallState.closed)
    await this.#worker?.terminate()
  }

  get #state(): number {
    return Atomics.load(this.#shared, stallWords.state)
  }

  #tell(state: number): void {
    Atomics.store(this.#shared, stallWords.state, state)
    Atomics.notify(this.#shared, stallWords.state)
  }

  #start(): Worker {
    Atomics.store(this.#shared, stallWords.state, stallState.awake)
    const worker = new Worker(new URL('./stall-watch-thread.ts', import.meta.url), {
      name: 'stalls',
      env: compileCache(),
      workerData: {
        plan: this.#plan,
        file: this.#file,
        shared: this.#shared,
      } satisfies StallWatchStart,
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
    })
    worker.unref()
    return worker
  }
}
