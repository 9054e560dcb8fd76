// Watches the memory of a pool's threads, and says which of them has used up what its function has.
import type { HeapInfo } from 'node:v8'
import type { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../common/clock.ts'
import {
  memoryCheckIntervalMs,
  memoryGrowthBytes,
  memoryLookMaxMs,
} from '../common/environment-limits.ts'

export interface ExhaustedMemory {
  readonly usedMb: number
  /** Lambda ends differently for the two: V8 gives up when its heap is full, the system kills for all of it. */
  readonly kind: 'heap' | 'all'
}

export interface ThreadMemoryOptions {
  readonly memorySizeMb: number
  readonly clock: Clock
  /** Those to look at; none ends the watch until it is begun again. */
  readonly threads: () => readonly Worker[]
  readonly onExhausted: (worker: Worker, memory: ExhaustedMemory) => Promise<void>
}

/**
 * V8's own limit cannot be the function's memory: a single allocation that does not fit aborts the
 * process, not the thread, and it leaves buffers out. So it is far off, and this looks instead.
 *
 * To look, a thread is interrupted, and it answers under a lock of the main thread's: one that has used up its share of the
 * processor just then makes the platform stand still. So they are asked as soon as the process grows, and else seldom.
 */
export class ThreadMemory {
  readonly #options: ThreadMemoryOptions
  readonly #maxBytes: number
  /** Threads that have not said yet: one in a long call of the system must not keep others from being looked at. */
  readonly #asked = new WeakSet<Worker>()
  /** What was last seen of each, in MB by its id. */
  readonly #usedMb = new Map<number, number>()
  #timer: Timer | undefined
  /** The least that the process held since the last look, and when that was. */
  #residentBytes = Infinity
  #lookedMs = -Infinity

  constructor(options: ThreadMemoryOptions) {
    this.#options = options
    this.#maxBytes = memoryMaxBytes(options.memorySizeMb)
  }

  watch(): void {
    if (this.#timer !== undefined) return
    this.#lookedMs = -Infinity
    this.#wait()
  }

  #wait(): void {
    const { clock, threads } = this.#options
    const waitMs = Math.max(memoryCheckIntervalMs, 2 * threads().length)
    this.#timer = clock.after(waitMs, () => {
      this.#timer = undefined
      const all = threads()
      this.#forgetAllBut(all)
      if (this.#isLookDue(clock.now())) {
        for (const worker of all) if (!this.#asked.has(worker)) void this.#check(worker)
      }
      if (all.length > 0) this.#wait()
    })
  }

  #isLookDue(nowMs: number): boolean {
    const residentBytes = processBytes()
    // Where the system does not tell, memory may grow at any time.
    if (residentBytes === undefined) return true
    const hasGrown = residentBytes > this.#residentBytes + memoryGrowthBytes
    const isDue = hasGrown || nowMs >= this.#lookedMs + memoryLookMaxMs
    this.#residentBytes = isDue ? residentBytes : Math.min(residentBytes, this.#residentBytes)
    if (isDue) this.#lookedMs = nowMs
    return isDue
  }

  /** Of a thread that runs an event, or has just ended; undefined for one that ended before it was looked at. */
  usedMb(threadId: number): number | undefined {
    return this.#usedMb.get(threadId)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  async #check(worker: Worker): Promise<void> {
    this.#asked.add(worker)
    try {
      const { threadId } = worker
      const heap = await worker.getHeapStatistics()
      const bytes = heap.total_heap_size + heap.external_memory
      this.#usedMb.set(threadId, Math.ceil(bytes / 1024 / 1024))
      const memory = exhausted(heap, this.#maxBytes)
      if (memory !== undefined) await this.#options.onExhausted(worker, memory)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_NOT_RUNNING')) {
        throw error
      }
    } finally {
      this.#asked.delete(worker)
    }
  }

  /** Those that are gone are kept for a while, since their events may be about to ask. */
  #forgetAllBut(threads: readonly Worker[]): void {
    if (this.#usedMb.size <= 2 * threads.length + goneThreadsMax) return
    const alive = new Set(threads.map(({ threadId }) => threadId))
    for (const id of this.#usedMb.keys()) if (!alive.has(id)) this.#usedMb.delete(id)
  }
}

const goneThreadsMax = 100

function exhausted(heap: HeapInfo, maxBytes: number): ExhaustedMemory | undefined {
  const { used_heap_size: onHeap, external_memory: external } = heap
  const used = onHeap + external
  if (used <= maxBytes) return undefined
  return { usedMb: Math.ceil(used / 1024 / 1024), kind: onHeap > external ? 'heap' : 'all' }
}

/** What the process holds in memory; undefined where nobody tells, as without /proc. */
function processBytes(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}

/** With room for garbage that V8 has not collected yet, and for Node's own 32 MB. */
function memoryMaxBytes(memorySizeMb: number): number {
  return (memorySizeMb * 1.25 + 32) * 1024 * 1024
}
