// Calls a handler with one event and waits for its answer, whichever way it gives it.
import type { Clock, Timer } from '../../common/clock.ts'
import type { EventLoop } from './event-loop.ts'
import type { Handler } from './handler-loader.ts'
import { RuntimeError } from './runtime-errors.ts'

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown }

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
        return wait(neverSettlesMs, () => unsettled(call.handler))
      }
      if (call.awaitsReturn && call.handler.length < 3) return succeed(returned)
      // Lambda up to nodejs22.x drops what a handler returns that is no promise.
      if (waiting === undefined) {
        wait(call.handler.length < 3 ? 0 : neverSettlesMs, () => ({ ok: true, value: null }))
      }
    } catch (error) {
      fail(error)
    }
  })
}

// Lambda's runtime: an async function that never settles fails, any other answers null.
function unsettled(handler: Handler): Answer {
  if (handler.constructor.name !== 'AsyncFunction') return { ok: true, value: null }
  const reason = 'the event loop is empty but the promise of the handler has not settled'
  return { ok: false, error: new RuntimeError('NodeJsExit', reason) }
}

interface Answers {
  succeed(value: unknown): void
  fail(error: unknown): void
}

function createContext({ facts, deadlineMs, clock }: HandlerCall, { succeed, fail }: Answers) {
  const failWith = (error: unknown): void => fail(error ?? 'handled')
  return {
    ...facts,
    callbackWaitsForEmptyEventLoop: true,
    identity: undefined,
    getRemainingTimeInMillis: () => deadlineMs - clock.now(),
    succeed,
    fail: failWith,
    done: (error: unknown, value?: unknown) =>
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
