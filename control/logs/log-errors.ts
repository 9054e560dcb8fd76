// CloudWatch Logs' errors and its texts.
import { JsonApiError } from '../json/json-service.ts'
import type { Violations } from '../../common/aws/validation.ts'

export function invalidParameter(message: string): JsonApiError {
  return new JsonApiError('InvalidParameterException', message)
}

/** What is wrong with a request's values; this service gives it another code than Lambda does. */
export function violationsOf(violations: Violations): JsonApiError | undefined {
  const error = violations.error()
  return error === undefined ? undefined : invalidParameter(error.message)
}

export const groupNotFound = new JsonApiError(
  'ResourceNotFoundException',
  'The specified log group does not exist.',
)

export const streamNotFound = new JsonApiError(
  'ResourceNotFoundException',
  'The specified log stream does not exist.',
)

export const invalidToken = invalidParameter('The specified nextToken is invalid.')
