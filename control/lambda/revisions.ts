// The precondition that a caller knows the latest revision of what it changes.
import { LambdaApiError } from './api-errors.ts'

/** Undefined where the caller names none, or the one that is there. */
export function revisionMismatch(
  asked: string | undefined,
  current: string,
): LambdaApiError | undefined {
  if (asked === undefined || asked === current) return undefined
  return new LambdaApiError(
    'PreconditionFailedException',
    'The Revision Id provided does not match the latest Revision Id. Call the ' +
      'GetFunction/GetAlias API to retrieve the latest Revision Id',
  )
}
