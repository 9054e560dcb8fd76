// The inspector's one session with the threads of this process: asks them things in the middle of whatever they compute.
import { Session } from 'node:inspector'
import { setImmediate } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'

export interface Answer {
  readonly id?: number
  readonly error?: unknown
  readonly result?: { readonly result?: { readonly objectId?: string; readonly value?: unknown } }
}

interface Inspected {
  readonly sessionId: string
  /** What is done with an answer, by the number of its question. */
  readonly asked: Map<number, (answer: Answer) => void>
}

/**
 * There is one for the life of the process. To enable a session goes through all threads, and where one of
 * them is just ending, Node 24 reads what is no more and the process ends by SIGSEGV.
 */
export class InspectedThreads {
  static #opening: Promise<InspectedThreads> | undefined
  readonly #session = new Session()
  /** By Node's number of a thread; the inspector tells of each before it runs and after its end. */
  readonly #threads = new Map<number, Inspected>()
  readonly #awaited = new Map<number, () => void>()
  #lastId = 0

  /** Rejects where Node has no inspector. */
  static open(): Promise<InspectedThreads> {
    // Threads that have ended are taken off the inspector's list in a turn of their own.
    InspectedThreads.#opening ??= setImmediate().then(() => new InspectedThreads())
    return InspectedThreads.#opening
  }

  private constructor() {
    if (isMainThread) this.#session.connect()
    else this.#session.connectToMainThread()
    this.#session.on('NodeWorker.attachedToWorker', ({ params }) => {
      // Its `workerId` counts what this session has met; the title has Node's number.
      const threadId = /^\[worker (\d+)\]/.exec(params.workerInfo.title)?.[1]
      if (threadId !== undefined) this.#meet(Number(threadId), params.sessionId)
    })
    this.#session.on('NodeWorker.detachedFromWorker', ({ params }) => {
      for (const [threadId, { sessionId }] of this.#threads) {
        if (sessionId === params.sessionId) this.#threads.delete(threadId)
      }
    })
    this.#session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      for (const inspected of this.#threads.values()) {
        if (inspected.sessionId === params.sessionId) hear(inspected, params.message)
      }
    })
    this.#session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  }

  /** Calls as soon as the thread can be asked: at once, or when the inspector tells of it. */
  whenMet(threadId: number, met: () => void): void {
    if (this.#threads.has(threadId)) met()
    else this.#awaited.set(threadId, met)
  }

  /** Nobody waits for the thread any more. */
  forget(threadId: number): void {
    this.#awaited.delete(threadId)
  }

  /** Does nothing where the thread is not there. */
  ask(
    threadId: number,
    method: string,
    params: Readonly<Record<string, unknown>>,
    answered?: (answer: Answer) => void,
  ): void {
    const inspected = this.#threads.get(threadId)
    if (inspected === undefined) return
    const id = ++this.#lastId
    if (answered !== undefined) inspected.asked.set(id, answered)
    const message = JSON.stringify({ id, method, params })
    const { sessionId } = inspected
    this.#session.post('NodeWorker.sendMessageToWorker', { sessionId, message })
  }

  #meet(threadId: number, sessionId: string): void {
    this.#threads.set(threadId, { sessionId, asked: new Map() })
    const met = this.#awaited.get(threadId)
    this.#awaited.delete(threadId)
    met?.()
  }
}

function hear({ asked }: Inspected, message: string): void {
  const answer = JSON.parse(message) as Answer
  if (answer.id === undefined) return
  const answered = asked.get(answer.id)
  asked.delete(answer.id)
  answered?.(answer)
}
