// Lets threads of this process stand still through the inspector, in the middle of whatever they compute.
import type { Timer } from '../../common/clock.ts'
import { governorWakeMaxMs } from '../../common/cpu-limits.ts'
import { napKey } from './cpu-messages.ts'
import type { GovernorPlan } from './cpu-shares.ts'
import type { GovernorTime } from './governor.ts'
import type { Answer, InspectedThreads } from './inspected-threads.ts'

/** Evaluated in a thread, which has laid it out. Nothing may be loaded: the thread may be loading just then. */
const takeNap = `(() => {
  const key = Symbol.for(${JSON.stringify(napKey)})
  const napper = globalThis[key]
  delete globalThis[key]
  return napper
})()`

/** Places of threads, by the remainder of their numbers: far more than can be alive. */
const places = 4096
const newPlaces = (): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(places * Int32Array.BYTES_PER_ELEMENT))

interface Adopted {
  readonly threadId: number
  /** The inspector's name of the function to nap, once it is there. */
  napper?: string
  /** Ends a nap; there while it naps. */
  waking?: Timer
}

/**
 * A nap is the wait for a debugger to come, from which any session may wake a thread. Unlike a pause of the debugger it
 * needs none to be on (27 ms of a thread's time, and 20 KB for each pause), leaves those alone who debug, and
 * ends when its thread is ended. `Atomics.wait` cannot do it: V8 knows one such wait in a thread, and crashes on a second.
 *
 * Node 24 aborts the process when a message meets the end of a thread's inspector. So nothing is sent to a thread once it
 * says that it ends (`plan`), or once somebody is about to end it (`leave`).
 */
export class ThreadNaps {
  readonly plan: GovernorPlan = { ending: newPlaces(), napping: newPlaces() }
  readonly #time: GovernorTime
  readonly #threads: InspectedThreads
  readonly #adopted = new Map<number, Adopted>()
  readonly #onExit = (): void => this.#wakeAll()

  constructor(time: GovernorTime, threads: InspectedThreads) {
    this.#time = time
    this.#threads = threads
    process.on('exit', this.#onExit)
  }

  /** From now on the thread can be told to nap. */
  adopt(threadId: number): void {
    if (this.#adopted.has(threadId)) return
    const adopted: Adopted = { threadId }
    this.#adopted.set(threadId, adopted)
    this.#threads.whenMet(threadId, () => {
      const params = { expression: takeNap, silent: true }
      this.#ask(adopted, 'Runtime.evaluate', params, ({ result }) => {
        const napper = result?.result?.objectId
        if (napper !== undefined) adopted.napper = napper
      })
    })
  }

  /** From when it comes to it until `untilMs`; one that naps already, until then. Tells whether a nap begins. */
  nap(threadId: number, untilMs: number): boolean {
    const adopted = this.#adopted.get(threadId)
    const napper = adopted?.napper
    if (adopted === undefined || napper === undefined) return false
    const begins = adopted.waking === undefined
    if (begins) {
      const params = {
        objectId: napper,
        functionDeclaration: 'function () { this.nap() }',
        silent: true,
        returnByValue: true,
      }
      Atomics.store(this.plan.napping, threadId % places, 1)
      this.#ask(adopted, 'Runtime.callFunctionOn', params)
    }
    adopted.waking?.cancel()
    const delayMs = Math.max(0, untilMs - this.#time.now())
    adopted.waking = this.#time.after(delayMs, () => this.#wake(adopted))
    return begins
  }

  /** Ends the nap of a thread, if it has one. */
  wake(threadId: number): void {
    const adopted = this.#adopted.get(threadId)
    if (adopted !== undefined) this.#wake(adopted)
  }

  /** Nothing is sent to the thread any more. */
  leave(threadId: number): void {
    this.#threads.forget(threadId)
    this.#adopted.get(threadId)?.waking?.cancel()
    this.#adopted.delete(threadId)
  }

  close(): void {
    process.off('exit', this.#onExit)
    this.#wakeAll()
    for (const threadId of this.#adopted.keys()) this.leave(threadId)
  }

  #wake(adopted: Adopted): void {
    if (adopted.waking === undefined) return
    adopted.waking.cancel()
    delete adopted.waking
    this.#ask(adopted, 'Runtime.runIfWaitingForDebugger', {})
  }

  // An end that meets a nap can end the nap alone, and a process that exits ends its threads but once, and waits.
  #wakeAll(): void {
    for (const adopted of this.#adopted.values()) this.#wake(adopted)
    for (const threadId of this.#adopted.keys()) {
      Atomics.wait(this.plan.napping, threadId % places, 1, governorWakeMaxMs)
    }
  }

  #ask(
    { threadId }: Adopted,
    method: string,
    params: Readonly<Record<string, unknown>>,
    answered?: (answer: Answer) => void,
  ): void {
    if (Atomics.load(this.plan.ending, threadId % places) === threadId) return
    this.#threads.ask(threadId, method, params, answered)
  }
}

/** The same clock in all threads. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
