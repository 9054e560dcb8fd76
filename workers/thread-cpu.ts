// Counts the CPU time of a pool's threads: as they tell it, and as those say that are about to be ended.
import type { Worker } from 'node:worker_threads'
import type { Clock } from '../common/clock.ts'
import { threadCpuAskMaxMs } from '../common/limits.ts'

/** Of an event beyond the slots; its thread cannot be asked. */
const noSlot = -1

/**
 * An event that is ended has no result to say what it took, and an endless loop takes most. Piscina does
 * not say which thread has which event, so each event has a slot of shared memory for its thread's id.
 */
export class ThreadCpu {
  /** Threads write their ids, which begin at 1, by `ThreadTask.slot`. */
  readonly running: Int32Array<SharedArrayBuffer>
  readonly #clock: Clock
  readonly #onUse: (use: { readonly cpuMs: number }) => void
  readonly #free: number[]
  readonly #used = new Set<number>()
  /** What was told of each thread, by its id. */
  readonly #toldMs = new Map<number, number>()

  constructor(slots: number, clock: Clock, onUse: (use: { readonly cpuMs: number }) => void) {
    this.running = new Int32Array(new SharedArrayBuffer(slots * Int32Array.BYTES_PER_ELEMENT))
    this.#free = Array.from({ length: slots }, (_, i) => i)
    this.#clock = clock
    this.#onUse = onUse
  }

  /** A slot for an event; `end` must follow. */
  begin(): number {
    const slot = this.#free.pop() ?? noSlot
    if (slot === noSlot) return slot
    Atomics.store(this.running, slot, 0)
    this.#used.add(slot)
    return slot
  }

  end(slot: number): void {
    if (this.#used.delete(slot)) this.#free.push(slot)
  }

  /** The thread that has begun the slot's event. */
  runnerOf(slot: number, threads: readonly Worker[]): Worker | undefined {
    const threadId = this.runnerIdOf(slot)
    return threads.find((worker) => worker.threadId === threadId)
  }

  /** Whether the thread has begun an event that has not ended. */
  isBusy(threadId: number): boolean {
    for (const slot of this.#used) if (Atomics.load(this.running, slot) === threadId) return true
    return false
  }

  /** Its id; 0 before any has. */
  runnerIdOf(slot: number): number {
    return slot === noSlot ? 0 : Atomics.load(this.running, slot)
  }

  /** A thread has taken so much since it began. */
  tell(threadId: number, cpuMs: number): void {
    const toldMs = this.#toldMs.get(threadId) ?? 0
    this.#toldMs.set(threadId, cpuMs)
    this.#onUse({ cpuMs: Math.max(0, cpuMs - toldMs) })
  }

  /** Asks a thread that is to be ended, and waits for a moment; one in a system call does not answer. */
  ask(worker: Worker | undefined): Promise<void> {
    // Node has it from 24.6 on.
    if (worker === undefined || !('cpuUsage' in worker)) return Promise.resolve()
    const { threadId } = worker
    return new Promise((resolve) => {
      const timer = this.#clock.after(threadCpuAskMaxMs, resolve)
      const answered = ({ user, system }: NodeJS.CpuUsage): void => {
        this.tell(threadId, (user + system) / 1000)
      }
      // It may be gone before it can say.
      const gone = (): void => {}
      void worker
        .cpuUsage()
        .then(answered, gone)
        .then(() => {
          timer.cancel()
          resolve()
        })
    })
  }

  /** Threads' ids are never given again. */
  forgetAllBut(threads: readonly Worker[]): void {
    const alive = new Set(threads.map(({ threadId }) => threadId))
    for (const id of this.#toldMs.keys()) if (!alive.has(id)) this.#toldMs.delete(id)
  }
}
