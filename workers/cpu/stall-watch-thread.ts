// Runs in a thread of its own: watches another thread for stalls, and ends them.
import { openSync, readSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { systemCode } from '../../common/errors.ts'
import { refillGroup, throttles, threadGroup, type GroupPlan } from './cgroup-files.ts'
import { StallWatch } from './stall-watch.ts'
import { stallState, stallWords, waitOf } from './stall-memory.ts'

export interface StallWatchStart {
  readonly plan: GroupPlan
  /** Where the kernel tells in which system call the watched thread is. */
  readonly file: string
  readonly shared: Int32Array<SharedArrayBuffer>
}

const { plan, file, shared } = workerData as StallWatchStart
const call = openSync(file, 'r')
const text = Buffer.alloc(256)
const ids = shared.subarray(stallWords.threads)

const watch = new StallWatch({
  now: () => performance.now(),
  held: () => [...ids].filter((id) => id !== 0),
  throttles: (threadId) => throttles(threadGroup(plan, threadId)),
  waiting: () => waitOf(text.toString('latin1', 0, read())),
  refill: (threadId) => {
    if (refillGroup(threadGroup(plan, threadId))) Atomics.add(shared, stallWords.refills, 1)
  },
})

run()

function run(): void {
  for (;;) {
    const state = Atomics.load(shared, stallWords.state)
    if (state === stallState.closed) return
    const delayMs = watch.look()
    if (delayMs !== undefined) {
      Atomics.wait(shared, stallWords.state, stallState.awake, delayMs)
      continue
    }
    Atomics.compareExchange(shared, stallWords.state, stallState.awake, stallState.asleep)
    Atomics.wait(shared, stallWords.state, stallState.asleep)
    watch.wake()
  }
}

/** None when the thread has ended. */
function read(): number {
  try {
    return readSync(call, text, 0, text.length, 0)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return 0
    throw error
  }
}
