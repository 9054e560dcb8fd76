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

/** Members that the mapping declares. Calls `warn` where it has a destination that nothing sends to. */
export function failureInput(
  values: FailureValues,
  warn: (property: string) => void,
): Pick<MappingInput, keyof typeof failureReaders> {
  const { BisectBatchOnFunctionError, FunctionResponseTypes } = values
  const { MaximumRecordAgeInSeconds, MaximumRetryAttempts, DestinationConfig } = values
  const { OnSuccess, OnFailure } = DestinationConfig ?? {}
  const Destination = OnFailure?.Destination
  const isTopic = Destination?.startsWith('kafka://') === true
  if (OnSuccess !== undefined || (Destination !== undefined && !isTopic)) warn('DestinationConfig')
  return {
    ...(BisectBatchOnFunctionError === undefined ? {} : { BisectBatchOnFunctionError }),
    ...(FunctionResponseTypes === undefined ? {} : { FunctionResponseTypes }),
    ...(MaximumRecordAgeInSeconds === undefined ? {} : { MaximumRecordAgeInSeconds }),
    ...(MaximumRetryAttempts === undefined ? {} : { MaximumRetryAttempts }),
    ...(isTopic ? { DestinationConfig: { OnFailure: { Destination } } } : {}),
  }
}
