// The Lambda API's errors: one table of codes, and the value that a refused call returns.

/**
 * HTTP status of each code, and how its body spells the text: `message` or `Message` (botocore's
 * error shapes). `ValidationException` alone has no `Type`, because it comes from AWS's front end.
 */
export const apiErrorTable = {
  InvalidParameterValueException: { status: 400, member: 'message' },
  InvalidRequestContentException: { status: 400, member: 'message' },
  PolicyLengthExceededException: { status: 400, member: 'message' },
  ProvisionedConcurrencyConfigNotFoundException: { status: 404, member: 'message' },
  PreconditionFailedException: { status: 412, member: 'message' },
  RequestTooLargeException: { status: 413, member: 'message' },
  CodeStorageExceededException: { status: 400, member: 'message' },
  ResourceConflictException: { status: 409, member: 'message' },
  ResourceInUseException: { status: 400, member: 'Message' },
  ResourceNotFoundException: { status: 404, member: 'Message' },
  SerializationException: { status: 400, member: 'message' },
  ServiceException: { status: 500, member: 'Message' },
  TooManyRequestsException: { status: 429, member: 'message' },
  UnknownOperationException: { status: 404, member: 'message' },
  ValidationException: { status: 400, member: 'message' },
} as const satisfies Record<string, { status: number; member: 'message' | 'Message' }>

export type ApiErrorCode = keyof typeof apiErrorTable

/** What a refused call answers. A value, not something thrown: being refused is an ordinary outcome. */
export class LambdaApiError {
  readonly code: ApiErrorCode
  readonly message: string
  /** Lambda's `Reason` of a throttle. */
  readonly reason: string | undefined

  constructor(code: ApiErrorCode, message: string, reason?: string) {
    this.code = code
    this.message = message
    this.reason = reason
  }

  get status(): number {
    return apiErrorTable[this.code].status
  }

  /** The JSON body, as AWS spells it. */
  body(): Readonly<Record<string, string>> {
    const text = { [apiErrorTable[this.code].member]: this.message }
    if (this.code === 'ValidationException') return text
    const type = this.status < 500 ? 'User' : 'Service'
    return { Type: type, ...text, ...(this.reason === undefined ? {} : { Reason: this.reason }) }
  }
}

/** What an API call comes to: its value, or why it was refused. */
export type Outcome<T> = T | LambdaApiError

/** The error for a value that AWS knows and refuses, or that this platform cannot honour. */
export function invalidParameter(message: string): LambdaApiError {
  return new LambdaApiError('InvalidParameterValueException', message)
}
