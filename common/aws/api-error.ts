// What a refused call to one of AWS's APIs answers, whatever the API: a code and a text.

/** A value, not something thrown: being refused is an ordinary outcome. `Code` is what an API may answer. */
export class ApiError<Code extends string = string> {
  readonly code: Code
  readonly message: string
  /** Lambda's `Reason` of a throttle. */
  readonly reason: string | undefined

  constructor(code: Code, message: string, reason?: string) {
    this.code = code
    this.message = message
    this.reason = reason
  }
}

/** What reading a request comes to, in any API: what it says, or where it is not of the right type. */
export type Reading<T> = T | ApiError<'SerializationException'>
