// The contract of Invoke between those who call a function and the workers that run it.
import type { RecordEvent } from './record-event.ts'

/** An event as JSON text, or as the records of a mapping. */
export type EventPayload = string | RecordEvent

/** One synchronous invocation. `payload` has at most 6,291,556 bytes as JSON text. */
export interface Invocation {
  readonly functionName: string
  /** Version or alias; `$LATEST` unless given. */
  readonly qualifier?: string
  readonly payload: EventPayload
  /** Of an asynchronous event, whose tries share it; a new one unless given. */
  readonly requestId?: string
  /** Base64 of the caller's client context, as Lambda's header carries it. */
  readonly clientContext?: string
  /** Whether the last 4 KB of the invocation's log come back with the result. */
  readonly tailLog?: boolean
}

/** The function ran. `functionError` is set when its handler failed; `payload` then says how. */
export interface InvocationCompleted {
  readonly outcome: 'completed'
  readonly requestId: string
  readonly executedVersion: string
  /** JSON text: what the handler returned, or `{errorType, errorMessage, trace}`. */
  readonly payload: string
  /** What the handler returned, where it is not UTF-8: `payload` then has U+FFFD in the place of what is not. */
  readonly payloadBytes?: Uint8Array
  readonly functionError?: 'Handled' | 'Unhandled'
  /** Base64, present when `tailLog` was asked for. */
  readonly logTail?: string
  /** How long it waited for an execution environment, where there were as many as there may be. */
  readonly roomWaitMs?: number
}

/** Lambda's codes of what did not run, with their HTTP status. */
export const refusalStatuses = {
  ResourceNotFoundException: 404,
  TooManyRequestsException: 429,
  RequestTooLargeException: 413,
  InvalidRequestContentException: 400,
  ServiceException: 500,
} as const

/** The function did not run: a service error with Lambda's code, text and HTTP status. */
export interface InvocationRefused {
  readonly outcome: 'refused'
  readonly requestId: string
  readonly code: keyof typeof refusalStatuses
  readonly message: string
  readonly status: (typeof refusalStatuses)[keyof typeof refusalStatuses]
  /** Lambda's `Reason` of a throttle. */
  readonly reason?: string
}

export type InvocationResult = InvocationCompleted | InvocationRefused

export function payloadText(payload: EventPayload): string {
  return typeof payload === 'string' ? payload : payload.text()
}

/** Runs functions. Never rejects for what a handler does; rejects with AppError when unreachable. */
export interface FunctionInvoker {
  invoke(invocation: Invocation): Promise<InvocationResult>
}
