// Lets threads of this process stand still through the inspector, in the middle of whatever they compute.
import { Session } from 'node:inspector'
import { isMainThread } from 'node:worker_threads'
import type { Timer } from '../../common/clock.ts'
import { governorWakeMaxMs } from '../../common/cpu-limits.ts'
import { napKey } from './cpu-messages.ts'
import type { GovernorPlan } from './cpu-shares.ts'
import type { GovernorTime } from './governor.ts'

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

interface Known {
  readonly threadId: number
  readonly sessionId: string
  /** What is done with an answer, by the number of its question. */
  readonly asked: Map<number, (answer: Answer) => void>
  /** The inspector's name of the function to nap, once it is there. */
  napper?: string
  /** Ends a nap; there while it naps. */
  waking?: Timer
}

interface Answer {
  readonly id?: number
  readonly error?: unknown
  readonly result?: { readonly result?: { readonly objectId?: string; readonly value?: unknown } }
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
  readonly #session = new Session()
  /** Threads by Node's number of them; the inspector tells of each before it runs and after its end. */
  readonly #known = new Map<number, Known>()
  readonly #awaited = new Set<number>()
  readonly #onExit = (): void => this.#wakeAll()
  #lastId = 0

  /** Throws where Node has no inspector. */
  constructor(time: GovernorTime) {
    this.#time = time
    if (isMainThread) this.#session.connect()
    else this.#session.connectToMainThread()
    this.#session.on('NodeWorker.attachedToWorker', ({ params }) => {
      // Its `workerId` counts what this session has met; the title has Node's number.
      const threadId = /^\[worker (\d+)\]/.exec(params.workerInfo.title)?.[1]
      if (threadId !== undefined) this.#meet(Number(threadId), params.sessionId)
    })
    this.#session.on('NodeWorker.detachedFromWorker', ({ params }) => {
      const known = this.#ofSession(params.sessionId)
      if (known !== undefined) this.#forget(known)
    })
    this.#session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const known = this.#ofSession(params.sessionId)
      if (known !== undefined) hear(known, params.message)
    })
    this.#session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
    process.on('exit', this.#onExit)
  }

  /** From now on the thread can be told to nap. */
  adopt(threadId: number): void {
    const known = this.#known.get(threadId)
    if (known === undefined) return void this.#awaited.add(threadId)
    if (known.napper !== undefined) return
    const params = { expression: takeNap, silent: true }
    this.#ask(known, 'Runtime.evaluate', params, ({ result }) => {
      const napper = result?.result?.objectId
      if (napper !== undefined) known.napper = napper
    })
  }

  /** From when it comes to it until `untilMs`; one that naps already, until then. Tells whether a nap begins. */
  nap(threadId: number, untilMs: number): boolean {
    const known = this.#known.get(threadId)
    const napper = known?.napper
    if (known === undefined || napper === undefined) return false
    const begins = known.waking === undefined
    if (begins) {
      const params = {
        objectId: napper,
        functionDeclaration: 'function () { this.nap() }',
        silent: true,
        returnByValue: true,
      }
      Atomics.store(this.plan.napping, threadId % places, 1)
      this.#ask(known, 'Runtime.callFunctionOn', params)
    }
    known.waking?.cancel()
    const delayMs = Math.max(0, untilMs - this.#time.now())
    known.waking = this.#time.after(delayMs, () => this.#wake(known))
    return begins
  }

  /** Ends the nap of a thread, if it has one. */
  wake(threadId: number): void {
    const known = this.#known.get(threadId)
    if (known !== undefined) this.#wake(known)
  }

  /** Nothing is sent to the thread any more. */
  leave(threadId: number): void {
    const known = this.#known.get(threadId)
    if (known !== undefined) this.#forget(known)
  }

  close(): void {
    process.off('exit', this.#onExit)
    this.#wakeAll()
    this.#known.clear()
    this.#session.disconnect()
  }

  #meet(threadId: number, sessionId: string): void {
    this.#known.set(threadId, { threadId, sessionId, asked: new Map() })
    if (this.#awaited.delete(threadId)) this.adopt(threadId)
  }

  #forget(known: Known): void {
    known.waking?.cancel()
    this.#known.delete(known.threadId)
  }

  #wake(known: Known): void {
    if (known.waking === undefined) return
    known.waking.cancel()
    delete known.waking
    this.#ask(known, 'Runtime.runIfWaitingForDebugger', {})
  }

  // An end that meets a nap can end the nap alone, and a process that exits ends its threads but once, and waits.
  #wakeAll(): void {
    for (const known of this.#known.values()) this.#wake(known)
    for (const threadId of this.#known.keys()) {
      Atomics.wait(this.plan.napping, threadId % places, 1, governorWakeMaxMs)
    }
  }

  #ask(
    known: Known,
    method: string,
    params: Readonly<Record<string, unknown>>,
    answered?: (answer: Answer) => void,
  ): void {
    if (Atomics.load(this.plan.ending, known.threadId % places) === known.threadId) return
    const id = ++this.#lastId
    if (answered !== undefined) known.asked.set(id, answered)
    const message = JSON.stringify({ id, method, params })
    this.#session.post('NodeWorker.sendMessageToWorker', { sessionId: known.sessionId, message })
  }

  #ofSession(sessionId: string): Known | undefined {
    for (const known of this.#known.values()) if (known.sessionId === sessionId) return known
    return undefined
  }
}

function hear(known: Known, message: string): void {
  const answer = JSON.parse(message) as Answer
  if (answer.id === undefined) return
  const answered = known.asked.get(answer.id)
  known.asked.delete(answer.id)
  answered?.(answer)
}

/** The same clock in all threads. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
