// What a service of AWS's JSON protocol is: operations named in a header, each a function of plain values.
import { ApiError } from '../../common/aws/api-error.ts'
import { readRequest, type Member } from '../../common/aws/members.ts'

/** What a refused call answers: a value, as being refused is an ordinary outcome. */
export class JsonApiError {
  /** AWS's code, the body's `__type`. */
  readonly type: string
  readonly message: string
  readonly status: number

  constructor(type: string, message: string, status = 400) {
    this.type = type
    this.message = message
    this.status = status
  }
}

/** What an operation comes to: its answer's members, nothing, or why it was refused. */
export type JsonOutcome = object | undefined | JsonApiError

export type JsonOperation = (body: Uint8Array) => Promise<JsonOutcome>

export interface JsonService {
  /** What `X-Amz-Target` says before the dot: `Logs_20140328`. */
  readonly targetPrefix: string
  /** Of any request. */
  readonly bodyMaxBytes: number
  /** By AWS's names, as the header says them after the dot. */
  readonly operations: Readonly<Record<string, JsonOperation>>
}

/** An operation that reads its body by a table of members first. */
export function jsonOperation<T>(
  request: Member<T>,
  handle: (input: T) => JsonOutcome | Promise<JsonOutcome>,
): JsonOperation {
  return async (body) => {
    const input = readRequest(request, body)
    if (input instanceof ApiError) return new JsonApiError(input.code, input.message)
    return handle(input)
  }
}
