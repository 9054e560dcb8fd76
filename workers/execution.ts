// Runs one event in an environment under the function's timeout and puts its end in Lambda's words.
import type { Clock, Timer } from '../common/clock.ts'
import { handlerInitMaxMs, logDeliveryMaxMs, threadStartMaxMs } from '../common/limits.ts'
import type {
  EnvironmentMessage,
  EnvironmentOutcome,
  EnvironmentResult,
  RunningEvent,
} from './environment-pool.ts'
import type { FunctionPool } from './function-pool.ts'
import type { InvocationLog } from './invocation-log.ts'

export interface ExecutionRequest {
  readonly pool: FunctionPool
  readonly requestId: string
  readonly version: string
  readonly payload: string
  readonly clientContext: string | undefined
  readonly invokedFunctionArn: string | undefined
  readonly timeoutMs: number
  readonly memorySizeMb: number
  readonly clock: Clock
  readonly log: InvocationLog
}

export interface Execution {
  readonly outcome: 'returned' | 'failed' | 'timed-out' | 'unparsable' | 'not-started'
  readonly payload: string
  readonly durationMs: number
  readonly initMs: number | undefined
}

/** Starts at once, in the same turn, in an environment that is known to be free or yet to be made. */
export async function execute(request: ExecutionRequest): Promise<Execution> {
  const { pool, requestId, payload, clientContext, invokedFunctionArn, log } = request
  const progress = new Progress(request)
  const task = pool.run(
    {
      requestId,
      payload,
      ...(clientContext === undefined ? {} : { clientContext }),
      ...(invokedFunctionArn === undefined ? {} : { invokedFunctionArn }),
      announce: progress.isCold,
    },
    (message) => progress.on(message),
  )
  log.follow(() => task.log())
  log.start(request.version)
  progress.watch(task)
  const outcome = await task.outcome
  if (outcome.kind === 'result') await progress.logReceived(outcome.result.logMessages)
  task.forget()
  const execution = progress.finish(outcome)
  log.end({
    durationMs: execution.durationMs,
    memorySizeMb: request.memorySizeMb,
    memoryUsedMb: outcome.kind === 'result' ? outcome.result.memoryUsedMb : undefined,
    initMs: execution.initMs,
  })
  return execution
}

/** What is known of an event while it runs, and the one timer that may end it. */
class Progress {
  readonly isCold: boolean
  readonly #request: ExecutionRequest
  #startedMs: number
  #timer: Timer | undefined
  #task: RunningEvent | undefined
  #phase: 'starting' | 'initialising' | 'running'
  #timedOut = false
  #ending: string | undefined
  #logMessages = 0
  #onLog: (() => void) | undefined

  constructor(request: ExecutionRequest) {
    this.#request = request
    this.isCold = request.pool.idle === 0
    this.#phase = this.isCold ? 'starting' : 'running'
    this.#startedMs = request.clock.now()
  }

  watch(task: RunningEvent): void {
    this.#task = task
    this.#arm(this.isCold ? threadStartMaxMs : this.#request.timeoutMs)
  }

  on(message: EnvironmentMessage): void {
    switch (message.type) {
      case 'initialising':
        // Lambda: ten seconds of initialisation are free, the rest counts as the first invocation's.
        this.#phase = 'initialising'
        return this.#arm(handlerInitMaxMs + this.#request.timeoutMs)
      case 'running':
        this.#phase = 'running'
        this.#startedMs = this.#request.clock.now()
        return this.#arm(this.#request.timeoutMs)
      case 'log':
        this.#logMessages += 1
        this.#request.log.write(message.text, message.isRaw)
        return this.#onLog?.()
      case 'ending':
        this.#ending = message.payload
    }
  }

  // The result comes by another port than the log, so the last lines may still be on their way.
  logReceived(count: number): Promise<void> {
    if (this.#logMessages >= count) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#request.clock.after(logDeliveryMaxMs, resolve)
      this.#onLog = () => {
        if (this.#logMessages < count) return
        timer.cancel()
        resolve()
      }
    })
  }

  finish(outcome: EnvironmentOutcome): Execution {
    this.#timer?.cancel()
    if (outcome.kind === 'result') return this.#completed(outcome.result)
    const { requestId, timeoutMs, clock } = this.#request
    const elapsedMs = clock.now() - this.#startedMs
    if (this.#timedOut && this.#phase === 'starting') {
      return this.#failed('not-started', 'no environment could be started', elapsedMs)
    }
    if (this.#timedOut) {
      const seconds = (timeoutMs / 1000).toFixed(2)
      const text = `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`
      this.#request.log.timedOut(seconds)
      return this.#failed('timed-out', json('Sandbox.Timedout', text), timeoutMs)
    }
    if (this.#ending !== undefined) return this.#failed('failed', this.#ending, elapsedMs)
    return this.#died(outcome, elapsedMs)
  }

  #completed(result: EnvironmentResult): Execution {
    this.#request.log.late(result.lateOutput)
    const { outcome, payload, durationMs, initMs } = result
    return { outcome, payload, durationMs, initMs }
  }

  #died(outcome: Exclude<EnvironmentOutcome, { kind: 'result' }>, elapsedMs: number): Execution {
    if (outcome.kind === 'stopped') {
      return this.#failed('not-started', 'the platform is stopping', elapsedMs)
    }
    if (this.#phase === 'starting') return this.#failed('not-started', reasonOf(outcome), elapsedMs)
    // Whoever ends by itself has said so: this one was ended for its memory.
    const text = `RequestId: ${this.#request.requestId} Error: Runtime exited with error: signal: killed`
    this.#request.log.write(`${text}\nRuntime.ExitError\n`)
    return this.#failed('failed', json('Runtime.ExitError', text), elapsedMs)
  }

  #failed(outcome: Execution['outcome'], payload: string, durationMs: number): Execution {
    return { outcome, payload, durationMs, initMs: undefined }
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#request.clock.after(delayMs, () => {
      this.#timedOut = true
      this.#task?.stop()
    })
  }
}

function json(errorType: string, errorMessage: string): string {
  return JSON.stringify({ errorType, errorMessage })
}

function reasonOf(outcome: Exclude<EnvironmentOutcome, { kind: 'result' }>): string {
  return outcome.kind === 'died' ? outcome.reason : outcome.kind
}
