// Runs one event in an environment under the function's timeout and puts its end in Lambda's words.
import type { Clock, Timer } from '../common/clock.ts'
import { handlerInitMaxMs, threadStartMaxMs } from '../common/environment-limits.ts'
import type { EventPayload } from '../common/invocation.ts'
import { logDeliveryMaxMs } from '../common/limits.ts'
import type {
  EnvironmentMessage,
  EnvironmentOutcome,
  EnvironmentResult,
  EventListener,
  RunningEvent,
} from './environment-pool.ts'
import type { FunctionPool } from './function-pool.ts'
import type { InvocationLog } from './invocation-log.ts'
import type { InvocationCrash } from './logs/system-lines.ts'

export interface ExecutionRequest {
  readonly pool: FunctionPool
  readonly requestId: string
  readonly version: string
  readonly payload: EventPayload
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
  /** What the handler returned, where it is not UTF-8. */
  readonly payloadBytes?: Uint8Array
  readonly durationMs: number
  readonly initMs: number | undefined
}

/** Starts at once, in the same turn, in an environment that is known to be free or yet to be made. */
export async function execute(request: ExecutionRequest): Promise<Execution> {
  const { pool, requestId, payload, clientContext, invokedFunctionArn, log } = request
  const progress = new Progress(request)
  const begun = pool.times.begin(request.clock.now())
  const task = pool.run(
    {
      requestId,
      payload,
      ...(clientContext === undefined ? {} : { clientContext }),
      ...(invokedFunctionArn === undefined ? {} : { invokedFunctionArn }),
      announce: progress.isCold,
    },
    progress,
  )
  log.follow(() => task.log())
  progress.watch(task)
  const outcome = await task.outcome
  if (outcome.kind === 'result') await progress.logReceived(outcome.result.logMessages)
  task.forget()
  const execution = progress.finish(outcome)
  pool.times.end(begun, execution.durationMs)
  log.end({
    durationMs: execution.durationMs,
    memorySizeMb: request.memorySizeMb,
    memoryUsedMb: memoryUsedMb(outcome) ?? progress.memoryUsedMb,
    initMs: execution.initMs,
    crash: progress.crash,
  })
  return execution
}

/**
 * What is known of an event while it runs, and the one timer that may end it. Lambda: an environment has ten
 * seconds to initialise; if it fails or takes longer, that is repeated in a new one as a part of the invocation,
 * under the function's timeout. Only how the second one ends is the invocation's error.
 */
class Progress implements EventListener {
  readonly isCold: boolean
  readonly #request: ExecutionRequest
  #startedMs: number
  #initStartedMs = 0
  #timer: Timer | undefined
  #task: RunningEvent | undefined
  #phase: 'starting' | 'initialising' | 'running'
  #repeatsInit = false
  #timedOut = false
  #ending: string | undefined
  #memoryUsedMb: number | undefined
  #crash: InvocationCrash | undefined
  #logMessages = 0
  #onLog: (() => void) | undefined

  constructor(request: ExecutionRequest) {
    this.#request = request
    this.isCold = request.pool.idle === 0
    this.#phase = this.isCold ? 'starting' : 'running'
    this.#startedMs = request.clock.now()
  }

  /** How the environment ended, where the invocation took it with it. */
  get crash(): InvocationCrash | undefined {
    return this.#crash
  }

  /** What an environment that ended itself had. */
  get memoryUsedMb(): number | undefined {
    return this.#memoryUsedMb
  }

  watch(task: RunningEvent): void {
    this.#task = task
    if (!this.isCold) this.#request.log.start(this.#request.version)
    this.#arm(this.isCold ? threadStartMaxMs : this.#request.timeoutMs)
  }

  onMessage(message: EnvironmentMessage): void {
    switch (message.type) {
      case 'initialising':
        this.#phase = 'initialising'
        this.#initStartedMs = this.#request.clock.now()
        if (!this.#repeatsInit) return this.#arm(handlerInitMaxMs)
        this.#startedMs = this.#initStartedMs
        return this.#arm(this.#request.timeoutMs)
      case 'running':
        this.#phase = 'running'
        this.#request.log.start(this.#request.version)
        if (this.#repeatsInit) return
        this.#startedMs = this.#request.clock.now()
        return this.#arm(this.#request.timeoutMs)
      case 'log':
        this.#logMessages += 1
        this.#request.log.write(message.text, message.isRaw)
        return this.#onLog?.()
      case 'ending':
        this.#ending = message.payload
        this.#memoryUsedMb = message.memoryUsedMb
    }
  }

  repeats(outcome: EnvironmentOutcome): boolean {
    if (this.#repeatsInit || this.#phase !== 'initialising') return false
    if (this.#isStopping(outcome)) return false
    this.#reportInit(outcome)
    this.#repeatsInit = true
    this.#timedOut = false
    this.#ending = undefined
    this.#logMessages = 0
    this.#phase = 'starting'
    this.#arm(threadStartMaxMs)
    return true
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
    if (this.#phase === 'initialising' && !this.#isStopping(outcome)) this.#reportInit(outcome)
    const { requestId, version, timeoutMs, clock, log } = this.#request
    if (this.#phase !== 'starting' || this.#repeatsInit) log.start(version)
    const elapsedMs = clock.now() - this.#startedMs
    if (this.#timedOut && this.#phase === 'starting') {
      return this.#failed('not-started', 'no environment could be started', elapsedMs)
    }
    if (this.#timedOut) {
      this.#crash = { status: 'timeout' }
      const seconds = (timeoutMs / 1000).toFixed(2)
      const text = `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`
      log.timedOut(seconds)
      return this.#failed('timed-out', json('Sandbox.Timedout', text), timeoutMs)
    }
    if (this.#ending === undefined) return this.#died(outcome, elapsedMs)
    this.#crash = { status: 'error', errorType: errorOf(this.#ending).errorType }
    log.exited(errorOf(this.#ending))
    return this.#failed('failed', this.#ending, elapsedMs)
  }

  #completed(result: EnvironmentResult): Execution {
    // `running` may have been overtaken by the result.
    this.#request.log.start(this.#request.version)
    this.#request.log.late(result.lateOutput)
    const { outcome, payload, payloadBytes, durationMs, initMs } = result
    const bytes = payloadBytes === undefined ? {} : { payloadBytes }
    if (!this.#repeatsInit) return { outcome, payload, ...bytes, durationMs, initMs }
    // Lambda: the time of an initialisation that is repeated is the invocation's.
    const elapsedMs = this.#request.clock.now() - this.#startedMs
    return { outcome, payload, ...bytes, durationMs: elapsedMs, initMs: undefined }
  }

  #died(outcome: Exclude<EnvironmentOutcome, { kind: 'result' }>, elapsedMs: number): Execution {
    if (outcome.kind === 'stopped') {
      return this.#failed('not-started', 'the platform is stopping', elapsedMs)
    }
    if (this.#phase === 'starting') return this.#failed('not-started', reasonOf(outcome), elapsedMs)
    // Whoever ends by itself has said so: this one was ended for its memory.
    const { errorType, reason } = outOfMemory(outcome)
    this.#crash = { status: 'error', errorType }
    const text = `RequestId: ${this.#request.requestId} Error: Runtime exited with error: ${reason}`
    this.#request.log.write(`${text}\n${errorType}\n`)
    return this.#failed('failed', json(errorType, text), elapsedMs)
  }

  /** The platform ends, not the environment. */
  #isStopping({ kind }: EnvironmentOutcome): boolean {
    return kind === 'stopped' && !this.#timedOut && this.#ending === undefined
  }

  #reportInit(outcome: EnvironmentOutcome): void {
    const { clock, log } = this.#request
    log.initFailed({
      durationMs: clock.now() - this.#initStartedMs,
      phase: this.#repeatsInit ? 'invoke' : 'init',
      ...(this.#timedOut
        ? { status: 'timeout' }
        : {
            status: 'error',
            errorType:
              this.#ending === undefined
                ? outOfMemory(outcome).errorType
                : errorOf(this.#ending).errorType,
          }),
    })
  }

  #failed(outcome: Execution['outcome'], payload: string, durationMs: number): Execution {
    if (outcome === 'not-started') {
      this.#crash = { status: 'failure', errorType: 'Sandbox.Failure' }
    }
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

/** Undefined where nobody has seen it, and for all that the function may have. */
function memoryUsedMb(outcome: EnvironmentOutcome): number | undefined {
  if (outcome.kind === 'result') return outcome.result.memoryUsedMb
  return outcome.kind === 'out-of-memory' ? undefined : outcome.memoryUsedMb
}

/** Lambda: V8 aborts the process when its heap is full; the system kills it when all its memory is used up. */
function outOfMemory(outcome: EnvironmentOutcome): { errorType: string; reason: string } {
  const isHeap = outcome.kind === 'out-of-memory' && outcome.of === 'heap'
  return isHeap
    ? { errorType: 'Runtime.ExitError', reason: 'signal: aborted' }
    : { errorType: 'Runtime.OutOfMemory', reason: 'signal: killed' }
}

interface RuntimeFailure {
  readonly errorType: string
  readonly errorMessage: string
}

/** An error as its runtime words it, which may be of any form. */
function errorOf(payload: string): RuntimeFailure {
  let said: { readonly [name: string]: unknown } = {}
  try {
    said = Object(JSON.parse(payload)) as typeof said
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  const { errorType, errorMessage } = said
  return {
    errorType: typeof errorType === 'string' ? errorType : 'Runtime.Unknown',
    errorMessage: typeof errorMessage === 'string' ? errorMessage : '',
  }
}

function json(errorType: string, errorMessage: string): string {
  return JSON.stringify({ errorType, errorMessage })
}

function reasonOf(outcome: Exclude<EnvironmentOutcome, { kind: 'result' }>): string {
  return outcome.kind === 'died' ? outcome.reason : outcome.kind
}
