// What a template's mapping says of records that its function fails on, as members of the Lambda API.
import { recordAgeMaxSeconds, retryAttemptsMax } from '../../common/mapping-limits.ts'
import type { MappingInput } from './plan.ts'
import * as read from './readers.ts'

/** SAM's OnFailure has a Type beside the destination, which says no more than its ARN. */
export const failureReaders = {
  BisectBatchOnFunctionError: read.switchValue,
  DestinationConfig: read.object({
    OnSuccess: read.anything,
    OnFailure: read.object({ Destination: read.text, Type: read.text }),
  }),
  FunctionResponseTypes: read.list(read.oneOf('ReportBatchItemFailures')),
  MaximumRecordAgeInSeconds: read.wholeNumber(-1, recordAgeMaxSeconds),
  MaximumRetryAttempts: read.wholeNumber(-1, retryAttemptsMax),
} as const satisfies read.Readers

type FailureValues = read.ValuesOf<typeof failureReaders>

/**
 * Members that the mapping declares; the Lambda API decides whether a destination can take records. Calls `warn`
 * for one that nothing sends to: of successes, and a queue, topic or bucket that only the template declares.
 */
export function failureInput(
  values: FailureValues,
  { isStandIn, warn }: { isStandIn(arn: string): boolean; warn(property: string): void },
): Pick<MappingInput, keyof typeof failureReaders> {
  const { BisectBatchOnFunctionError, FunctionResponseTypes } = values
  const { MaximumRecordAgeInSeconds, MaximumRetryAttempts, DestinationConfig } = values
  const { OnSuccess, OnFailure } = DestinationConfig ?? {}
  const Destination = OnFailure?.Destination
  const isThere = Destination !== undefined && !isStandIn(Destination)
  if (OnSuccess !== undefined || (OnFailure !== undefined && !isThere)) warn('DestinationConfig')
  return {
    ...(BisectBatchOnFunctionError === undefined ? {} : { BisectBatchOnFunctionError }),
    ...(FunctionResponseTypes === undefined ? {} : { FunctionResponseTypes }),
    ...(MaximumRecordAgeInSeconds === undefined ? {} : { MaximumRecordAgeInSeconds }),
    ...(MaximumRetryAttempts === undefined ? {} : { MaximumRetryAttempts }),
    ...(isThere ? { DestinationConfig: { OnFailure: { Destination } } } : {}),
  }
}
