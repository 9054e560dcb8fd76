// What a route of the Lambda API is: an operation, its path, and a function of plain values.
import { LambdaApiError, type Outcome } from './api-errors.ts'

/** A request without its HTTP server: what an operation may look at. */
export interface ApiRequest {
  /** Decoded parts of the path, by the name that the route gives them. */
  readonly path: Readonly<Record<string, string>>
  /** Undefined where it is absent. Given more than once, all of it: no one value was meant. */
  query(name: string): string | undefined
  /** Every value of a name that may be given more than once. */
  queryAll(name: string): readonly string[]
  header(name: string): string | undefined
  readonly body: Uint8Array
}

export interface ApiAnswer {
  readonly status: number
  /** A value is answered as JSON, a text or bytes as they are, a stream as a zip, undefined as an empty body. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** What is counted, where the route's own name is not what was asked for. */
  readonly operation?: string
}

export interface Route {
  /** AWS's name of the operation, as it is counted. */
  readonly operation: string
  readonly method: 'get' | 'post' | 'put' | 'delete'
  /** `:name` stands for one part; a trailing slash makes no difference. */
  readonly path: string
  readonly bodyMaxBytes: number
  readonly handle: (request: ApiRequest) => Outcome<ApiAnswer> | Promise<Outcome<ApiAnswer>>
}

/** Answers a value with `shape`, and passes a refusal on. */
export function answer<T>(
  status: number,
  outcome: Outcome<T>,
  shape: (value: T) => unknown,
): Outcome<ApiAnswer> {
  return outcome instanceof LambdaApiError ? outcome : { status, body: shape(outcome) }
}

/** How many items a page is to have, which is text on the wire. */
export function maxItemsOf(request: ApiRequest): Outcome<number | undefined> {
  const text = request.query('MaxItems')
  if (text === undefined || text === '') return undefined
  if (/^-?\d{1,15}$/.test(text)) return Number(text)
  const reason = "STRING_VALUE can not be converted to an Integer (at 'maxItems')"
  return new LambdaApiError('SerializationException', reason)
}
