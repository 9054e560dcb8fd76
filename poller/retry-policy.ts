// Says what becomes of a batch that failed, and how long it waits before it is tried again.
import { destinationRetriesMax, retryBaseMs, retryMaxMs } from '../common/mapping-limits.ts'

/** A mapping's failure story, in Lambda's words; without any of it a batch is retried for ever. */
export interface FailureRules {
  /** MaximumRetryAttempts; Infinity for as long as it takes. */
  readonly retriesMax: number
  /** MaximumRecordAgeInSeconds; Infinity for any age. */
  readonly recordAgeMaxMs: number
  /** BisectBatchOnFunctionError. */
  readonly bisects: boolean
  /** FunctionResponseTypes: ReportBatchItemFailures. */
  readonly reportsItemFailures: boolean
  /** DestinationConfig.OnFailure: what takes records that are given up, as the API names it. */
  readonly destination: string | undefined
}

export const noFailureRules: FailureRules = {
  retriesMax: Infinity,
  recordAgeMaxMs: Infinity,
  bisects: false,
  reportsItemFailures: false,
  destination: undefined,
}

/** Lambda, Kafka: retries without end and a destination come to ten retries. */
export function retriesMaxOf(attempts: number, hasDestination: boolean): number {
  if (attempts >= 0) return attempts
  return hasDestination ? destinationRetriesMax : Infinity
}

/**
 * After a failed invocation of `records` records, the `attempts`th that reached the function. A batch
 * is split before anything else, so that one bad record does not use up the retries of the others.
 */
export function afterFailure(
  { bisects, retriesMax }: FailureRules,
  { records, attempts }: { readonly records: number; readonly attempts: number },
): 'split' | 'retry' | 'give up' {
  if (bisects && records > 1) return 'split'
  return attempts > retriesMax ? 'give up' : 'retry'
}

const jitter = 0.2

/**
 * The wait after the `failures`th failure in a row (1 is the first): doubling from one second to a
 * minute, ±20 %, so that batches that failed together do not come back together. `random` is in [0, 1).
 */
export function retryDelayMs(failures: number, random: number): number {
  const factor = 1 + jitter * (2 * random - 1)
  return Math.min(retryMaxMs, Math.round(retryBaseMs * 2 ** (failures - 1) * factor))
}
