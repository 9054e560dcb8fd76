// Writes what destinations and dead-letter queues are told of an event, as Lambda writes it.
import type { Ending, QueuedEvent } from './event.ts'

/**
 * The invocation record, member by member as recorded of Lambda. `body` is the event's: its payload, then
 * the function's answer, both JSON texts; without an answer the record has neither context nor payload of it.
 */
export function invocationRecord(
  event: QueuedEvent,
  ending: Ending,
  body: Buffer,
  functionArn: string,
): string {
  const { condition, endedMs, payloadBytes, executedVersion, functionError } = ending
  const head = {
    version: '1.0',
    timestamp: new Date(endedMs).toISOString(),
    requestContext: {
      requestId: event.id,
      functionArn: `${functionArn}:${event.qualifier ?? '$LATEST'}`,
      condition,
      approximateInvokeCount: event.attempts,
    },
  }
  const context =
    executedVersion === undefined
      ? undefined
      : {
          statusCode: 200,
          executedVersion,
          ...(functionError === undefined ? {} : { functionError }),
        }
  const response = body.toString('utf8', payloadBytes)
  const members = [
    JSON.stringify(head).slice(1, -1),
    `"requestPayload":${body.toString('utf8', 0, payloadBytes)}`,
    ...(context === undefined ? [] : [`"responseContext":${JSON.stringify(context)}`]),
    ...(response === '' ? [] : [`"responsePayload":${response}`]),
  ]
  return `{${members.join(',')}}`
}

/** What a dead-letter queue gets beside the payload: recorded as message attributes. */
export interface DeadLetterAttributes {
  readonly RequestID: string
  readonly ErrorCode: number
  readonly ErrorMessage: string
}

/** Lambda: the first kilobyte of the error. */
const errorMessageMaxBytes = 1024

/** ErrorCode is the status of the invocation: 200 for a function that failed, as recorded. */
export function deadLetterAttributes(
  event: QueuedEvent,
  ending: Ending,
  body: Buffer,
): DeadLetterAttributes {
  const ran = ending.executedVersion !== undefined
  const message = ran
    ? errorMessageOf(body.toString('utf8', ending.payloadBytes))
    : `${ending.condition}: the function was not invoked.`
  return {
    RequestID: event.id,
    ErrorCode: ran ? 200 : 429,
    ErrorMessage: cut(message),
  }
}

function errorMessageOf(response: string): string {
  try {
    const value: unknown = JSON.parse(response)
    if (typeof value === 'object' && value !== null && 'errorMessage' in value) {
      return String(value.errorMessage)
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return response
}

// Services take no empty attribute; a cut through a character leaves its first bytes out.
function cut(text: string): string {
  const bytes = Buffer.from(text === '' ? ' ' : text)
  if (bytes.length <= errorMessageMaxBytes) return bytes.toString()
  let end = errorMessageMaxBytes
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
