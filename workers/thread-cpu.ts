// Counts the CPU time of a pool's threads: as they tell it, and as those say that are about to be ended.
import type { Worker } from 'node:worker_threads'
import type { Clock } from '../common/clock.ts'
import { threadCpuAskMaxMs } from '../common/limits.ts'

/** An event that is ended has no result to say what it took, and an endless loop takes most: its thread is asked. */
export class ThreadCpu {
  readonly #clock: Clock
  readonly #onUse: (use: { readonly cpuMs: number }) => void
  /** What was told of each thread, by its id. */
  readonly #toldMs = new Map<number, number>()

  constructor(clock: Clock, onUse: (use: { readonly cpuMs: number }) => void) {
    this.#clock = clock
    this.#onUse = onUse
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
