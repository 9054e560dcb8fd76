// The Kinesis API's errors: one table of codes with their HTTP status, and the value of a refused call.
import { ApiError } from '../../../common/aws/api-error.ts'

/** Shapes of the service model, and what AWS's front end says of any service. */
export const kinesisErrorTable = {
  AccessDeniedException: 400,
  DryRunOperationException: 400,
  ExpiredIteratorException: 400,
  ExpiredNextTokenException: 400,
  InternalFailure: 500,
  InvalidArgumentException: 400,
  KMSAccessDeniedException: 400,
  KMSDisabledException: 400,
  KMSInvalidStateException: 400,
  KMSNotFoundException: 400,
  KMSOptInRequired: 400,
  KMSThrottlingException: 400,
  LimitExceededException: 400,
  ProvisionedThroughputExceededException: 400,
  RequestEntityTooLargeException: 413,
  RequestTimeout: 408,
  ResourceInUseException: 400,
  ResourceNotFoundException: 400,
  SerializationException: 400,
  ServiceUnavailable: 503,
  UnknownOperationException: 400,
  ValidationException: 400,
} as const

export type KinesisErrorCode = keyof typeof kinesisErrorTable

/** What a refused call answers. */
export type KinesisError = ApiError<KinesisErrorCode>
/** The class that all of AWS's APIs share, with the codes of this one. */
export const KinesisError: new (code: KinesisErrorCode, message: string) => KinesisError =
  ApiError<KinesisErrorCode>

/** What a call comes to: its value, or why it was refused. */
export type Outcome<T> = T | KinesisError

/** For a value of the right shape that cannot be used. */
export function invalidArgument(message: string): KinesisError {
  return new KinesisError('InvalidArgumentException', message)
}
