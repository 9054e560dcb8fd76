// Calls a handler with one event and waits for its answer, whichever way it gives it.
import type { Clock, Timer } from '../../common/clock.ts'
import type { EventLoop } from './event-loop.ts'
import type { Handler } from './handler-loader.ts'
import { RuntimeError } from './runtime-errors.ts'

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown }
  /** Nothing is left to do and there is no answer: Node ends, and the environment with it. */
  | { readonly ok: 'exited' }

/** What the context object says beside its functions; names are Lambda's. */
export interface ContextFacts {
  readonly functionName: string
  readonly functionVersion: string
  readonly invokedFunctionArn: string
  readonly memoryLimitInMB: string
  readonly awsRequestId: string
  readonly logGroupName: string | undefined
  readonly logStreamName: string | undefined
  readonly clientContext?: unknown
  /** From nodejs24.x on. */
  readonly xRayTraceId?: string
}

export interface HandlerCall {
  readonly handler: Handler
  readonly event: unknown
  readonly facts: ContextFacts
  readonly deadlineMs: number
  /** Lambda from nodejs24.x: what a handler returns is its answer even when it is no promise. */
  readonly awaitsReturn: boolean
  readonly clock: Clock
  readonly loop: EventLoop
}

/** How long nothing may be left to do before a promise counts as one that never settles. */
const neverSettlesMs = 500

/** Resolves with the first answer: returned promise, callback, `context.done`, or an empty loop. */
export function runHandler(call: HandlerCall): Promise<Answer> {
  return new Promise((resolve) => {
    let waiting: Timer | undefined
    let answered = false
    const answer = (result: Answer): void => {
      if (answered) return
      answered = true
      waiting?.cancel()
      resolve(result)
    }
    const wait = (quietMs: number, result: () => Answer): void => {
      waiting?.cancel()
      if (!answered) waiting = call.loop.whenEmpty(quietMs, () => answer(result()))
    }
    const succeed = (value: unknown): void => answer({ ok: true, value })
    const fail = (error: unknown): void => answer({ ok: false, error })
    const context = createContext(call, { succeed, fail })
    const callback = (error: unknown, value?: unknown): void => {
      if (error !== undefined && error !== null) return fail(error)
      if (context.callbackWaitsForEmptyEventLoop) return wait(0, () => ({ ok: true, value }))
      succeed(value)
    }
    try {
      const returned = call.handler(call.event, context, onlyOnce(callback))
      if (isThenable(returned)) {
        returned.then(succeed, fail)
        return wait(neverSettlesMs, () => unsettled(call))
      }
      if (call.awaitsReturn) return succeed(returned)
      // Lambda up to nodejs22.x drops what a handler returns that is no promise.
      if (waiting === undefined) {
        wait(call.handler.length < 3 ? 0 : neverSettlesMs, () => ({ ok: true, value: null }))
      }
    } catch (error) {
      fail(error)
    }
  })
}

// Lambda's runtime before nodejs24.x looks what the handler is; from then on nothing keeps Node from ending.
function unsettled({ handler, awaitsReturn }: HandlerCall): Answer {
  if (awaitsReturn) return { ok: 'exited' }
  if (handler.constructor.name !== 'AsyncFunction') return { ok: true, value: null }
  const reason =
    'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes'
  return { ok: false, error: new RuntimeError('NodeJsExit', reason) }
}

interface Answers {
  succeed(value: unknown): void
  fail(error: unknown): void
}

function createContext(call: HandlerCall, { succeed, fail }: Answers) {
  const { facts, deadlineMs, clock, awaitsReturn } = call
  const getRemainingTimeInMillis = (): number => deadlineMs - clock.now()
  const common = { ...facts, identity: undefined, tenantId: undefined, getRemainingTimeInMillis }
  if (awaitsReturn) return { ...common, callbackWaitsForEmptyEventLoop: undefined }
  return {
    ...common,
    callbackWaitsForEmptyEventLoop: true,
    succeed,
    fail: (error: unknown): void => fail(error ?? 'handled'),
    done: (error: unknown, value?: unknown): void =>
      error === undefined || error === null ? succeed(value) : fail(error),
  }
}

function onlyOnce<Args extends unknown[]>(call: (...args: Args) => void): (...args: Args) => void {
  let called = false
  return (...args) => {
    if (called) return
    called = true
    call(...args)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
