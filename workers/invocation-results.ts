// What an invocation is answered: results and refusals in Lambda's words.
import {
  refusalStatuses,
  type EventPayload,
  type Invocation,
  type InvocationRefused,
  type InvocationResult,
} from '../common/invocation.ts'
import { clientContextMaxBytes, payloadMaxBytes } from '../common/limits.ts'
import type { Throttle } from './concurrency.ts'
import type { Execution } from './execution.ts'
import type { InvocationLog } from './invocation-log.ts'

export function refusal(
  requestId: string,
  code: InvocationRefused['code'],
  message: string,
): InvocationRefused {
  return { outcome: 'refused', requestId, code, message, status: refusalStatuses[code] }
}

/** Lambda's `Reason`; it has none for too much that waits, and none of its own for scaling. */
const throttleReasons = {
  account: 'ConcurrentInvocationLimitExceeded',
  reserved: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  waiting: 'ConcurrentInvocationLimitExceeded',
  scaling: 'ConcurrentInvocationLimitExceeded',
  rate: 'FunctionInvocationRateLimitExceeded',
  'reserved-rate': 'ReservedFunctionInvocationRateLimitExceeded',
} as const satisfies Record<Throttle, string>

export function throttled(requestId: string, why: Throttle): InvocationRefused {
  const reason = throttleReasons[why]
  return { ...refusal(requestId, 'TooManyRequestsException', 'Rate Exceeded.'), reason }
}

export function resultOf(of: {
  readonly requestId: string
  /** The version that ran. */
  readonly version: string
  readonly execution: Execution
  /** Where its end was asked for. */
  readonly log: InvocationLog | undefined
  readonly roomWaitMs?: number
}): InvocationResult {
  const { requestId, version, log, roomWaitMs } = of
  const { outcome, payload, payloadBytes } = of.execution
  if (outcome === 'unparsable') {
    const text = `Could not parse request body into json: Could not parse payload into json: ${payload}`
    return refusal(requestId, 'InvalidRequestContentException', text)
  }
  if (outcome === 'not-started') {
    return refusal(requestId, 'ServiceException', `The function did not run: ${payload}.`)
  }
  return {
    outcome: 'completed',
    requestId,
    executedVersion: version,
    payload,
    ...(payloadBytes === undefined ? {} : { payloadBytes }),
    ...(outcome === 'returned' ? {} : { functionError: 'Unhandled' as const }),
    ...(log === undefined ? {} : { logTail: log.tail() }),
    ...(roomWaitMs === undefined ? {} : { roomWaitMs }),
  }
}

/** What Lambda takes no more than so much of; measured again here, since not everybody comes by its API. */
export function oversized(
  requestId: string,
  { payload, clientContext = '' }: Invocation,
): InvocationRefused | undefined {
  if (isOversized(payload)) {
    const text = `Request must be smaller than ${payloadMaxBytes} bytes for the InvokeFunction operation`
    return refusal(requestId, 'RequestTooLargeException', text)
  }
  if (clientContext.length > clientContextMaxBytes) {
    const text = `Client context must be no more than ${clientContextMaxBytes} bytes.`
    return refusal(requestId, 'InvalidRequestContentException', text)
  }
  return undefined
}

// Counting a text's bytes costs; UTF-8 has at most three for each unit of a string.
function isOversized(payload: EventPayload): boolean {
  if (typeof payload !== 'string') return payload.sizeBytes > payloadMaxBytes
  return payload.length * 3 > payloadMaxBytes && Buffer.byteLength(payload) > payloadMaxBytes
}
