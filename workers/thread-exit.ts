// Waits for the end of a thread that was told to end.
import type { Worker } from 'node:worker_threads'
import type { Clock } from '../common/clock.ts'
import { threadEndRepeatMs } from '../common/environment-limits.ts'

/**
 * Resolves when a thread that was told to end is gone. One that was woken for an event in that very moment
 * can go back to sleep in Atomics.wait without having heard (seen with Node 24.21): it is told again.
 */
export function exitOf(worker: Worker, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    // A thread that has ended already has no number any more.
    if (worker.threadId === -1) return resolve()
    const insist = (): void => {
      void worker.terminate()
      timer = clock.after(threadEndRepeatMs, insist)
    }
    let timer = clock.after(threadEndRepeatMs, insist)
    worker.once('exit', () => {
      timer.cancel()
      resolve()
    })
  })
}
