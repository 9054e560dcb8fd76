// The Lambda API's errors: one table of codes, and how a refused call is answered.
import { ApiError } from '../../common/aws/api-error.ts'

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
  UnsupportedMediaTypeException: { status: 415, member: 'message' },
  ValidationException: { status: 400, member: 'message' },
} as const satisfies Record<string, { status: number; member: 'message' | 'Message' }>

export type ApiErrorCode = keyof typeof apiErrorTable

/** What a refused call answers. */
export type LambdaApiError = ApiError<ApiErrorCode>
/** The class that all of AWS's APIs share, with the codes of this one. */
export const LambdaApiError: new (
  code: ApiErrorCode,
  message: string,
  reason?: string,
) => LambdaApiError = ApiError<ApiErrorCode>

export function statusOf({ code }: LambdaApiError): number {
  return apiErrorTable[code].status
}

/** The JSON body, as AWS spells it. */
export function bodyOf(error: LambdaApiError): Readonly<Record<string, string>> {
  const { code, message, reason } = error
  const text = { [apiErrorTable[code].member]: message }
  if (code === 'ValidationException') return text
  const type = statusOf(error) < 500 ? 'User' : 'Service'
  return { Type: type, ...text, ...(reason === undefined ? {} : { Reason: reason }) }
}

/** What an API call comes to: its value, or why it was refused. */
export type Outcome<T> = T | LambdaApiError

/** The error for a value that AWS knows and refuses, or that this platform cannot honour. */
export function invalidParameter(message: string): LambdaApiError {
  return new LambdaApiError('InvalidParameterValueException', message)
}
