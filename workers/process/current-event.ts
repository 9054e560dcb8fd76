// An event that an environment in a process has under way: what came of it so far, and who is told.
import { payloadMaxBytes } from '../../common/limits.ts'
import type {
  EnvironmentEvent,
  EnvironmentMessage,
  EnvironmentOutcome,
} from '../environment-pool.ts'
import type { RuntimeAnswer } from './runtime-api.ts'

export class CurrentEvent {
  readonly event: EnvironmentEvent
  readonly outcome: Promise<EnvironmentOutcome>
  readonly #resolve: (outcome: EnvironmentOutcome) => void
  #listener: ((message: EnvironmentMessage) => void) | undefined
  startedMs = performance.now()
  /** How long its environment took to initialise for it. */
  initMs: number | undefined
  answer: (RuntimeAnswer & { readonly durationMs: number }) | undefined
  /** What the runtime says of its failed initialisation. */
  initError: string | undefined
  /** Why the platform ends its environment. */
  end: 'stopped' | 'out-of-memory' | undefined
  /** Of its environment, when it was last seen. */
  memoryUsedMb: number | undefined

  constructor(event: EnvironmentEvent, listener: (message: EnvironmentMessage) => void) {
    this.event = event
    this.#listener = listener
    const { promise, resolve } = Promise.withResolvers<EnvironmentOutcome>()
    this.outcome = promise
    this.#resolve = resolve
  }

  tell(type: 'initialising' | 'running'): void {
    this.#listener?.({ type, requestId: this.event.requestId })
  }

  log(text: string): void {
    this.#listener?.({ type: 'log', requestId: this.event.requestId, text, isRaw: false })
  }

  forget(): void {
    this.#listener = undefined
  }

  answered(answer: RuntimeAnswer): void {
    this.answer = { ...answer, durationMs: performance.now() - this.startedMs }
  }

  over(outcome: EnvironmentOutcome): void {
    this.#resolve(outcome)
  }

  /** Its process has ended before it was answered; tells why, which whoever runs it writes down, and ends with it. */
  diedWith(reason: string, errorType = 'Runtime.ExitError'): void {
    const { requestId } = this.event
    const { memoryUsedMb } = this
    if (this.end === 'stopped') return this.over({ kind: 'stopped', memoryUsedMb })
    if (this.end !== undefined) return this.over({ kind: this.end, of: 'all' })
    let payload = this.initError
    if (payload === undefined || Buffer.byteLength(payload) > payloadMaxBytes) {
      const errorMessage = `RequestId: ${requestId} Error: ${reason}`
      payload = JSON.stringify({ errorType, errorMessage })
    }
    this.#listener?.({ type: 'ending', requestId, payload })
    this.over({ kind: 'died', reason, memoryUsedMb })
  }
}
