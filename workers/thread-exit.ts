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
    // Ever more seldom: one in a long call of the system has heard, and cannot end before it is over.
    let waitMs = threadEndRepeatMs
    const insist = (): void => {
      void worker.terminate()
      waitMs *= 2
      timer = clock.after(waitMs, insist)
    }
    let timer = clock.after(waitMs, insist)
    worker.once('exit', () => {
      timer.cancel()
      resolve()
    })
  })
}
