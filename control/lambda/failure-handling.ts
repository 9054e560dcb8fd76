// What a mapping may say of records that its function fails on: retries, age, splitting, destination.
import { topicNameMaxLength } from '../../common/limits.ts'
import {
  recordAgeMaxSeconds,
  recordAgeMinSeconds,
  retryAttemptsMax,
} from '../../common/mapping-limits.ts'
import { parseTarget } from '../../destinations/target.ts'
import type { FailureHandling } from '../registry/registry.ts'
import { invalidParameter, type Outcome } from './api-errors.ts'
import type { UpdateMappingInput } from './requests.ts'
import { matchesWholly, type Violations } from '../../common/aws/validation.ts'

/** Lambda's, for a mapping that says nothing. */
export const failureDefaults: FailureHandling = {
  maximumRetryAttempts: -1,
  maximumRecordAgeSeconds: -1,
  bisects: false,
  reportsItemFailures: false,
}

const destinationMaxLength = 350
const topicPattern = '[^.]([a-zA-Z0-9\\-_.]*)'
const scheme = 'kafka://'

export function checkFailureShape(violations: Violations, input: UpdateMappingInput): void {
  violations.range('maximumRetryAttempts', input.MaximumRetryAttempts, [-1, retryAttemptsMax])
  violations.range('maximumRecordAgeInSeconds', input.MaximumRecordAgeInSeconds, [
    -1,
    recordAgeMaxSeconds,
  ])
  violations.length('functionResponseTypes', input.FunctionResponseTypes, [0, 1])
  for (const type of input.FunctionResponseTypes ?? []) {
    violations.oneOf('functionResponseTypes', type, ['ReportBatchItemFailures'])
  }
  violations.length(
    'destinationConfig.onFailure.destination',
    input.DestinationConfig?.OnFailure?.Destination,
    [0, destinationMaxLength],
  )
}

/**
 * How a mapping that reads `topic`, and had `current`, handles failures; undefined where that is to
 * retry for ever. What is left out stays as it was, and an empty destination takes it away.
 */
export function failureHandlingOf(
  input: UpdateMappingInput,
  topic: string,
  current: FailureHandling = failureDefaults,
): Outcome<FailureHandling | undefined> {
  const { MaximumRecordAgeInSeconds: ageSeconds } = input
  if (ageSeconds !== undefined && ageSeconds > -1 && ageSeconds < recordAgeMinSeconds) {
    return invalidParameter(
      `MaximumRecordAgeInSeconds must be -1, or from ${recordAgeMinSeconds} to ${recordAgeMaxSeconds}.`,
    )
  }
  const { destination: before, ...rest } = current
  const destination = input.DestinationConfig?.OnFailure?.Destination ?? before ?? ''
  const problem = destination === before ? undefined : destinationProblem(destination, topic)
  if (problem !== undefined) return invalidParameter(problem)
  const handling: FailureHandling = {
    maximumRetryAttempts: input.MaximumRetryAttempts ?? rest.maximumRetryAttempts,
    maximumRecordAgeSeconds: ageSeconds ?? rest.maximumRecordAgeSeconds,
    bisects: input.BisectBatchOnFunctionError ?? rest.bisects,
    reportsItemFailures:
      input.FunctionResponseTypes === undefined
        ? rest.reportsItemFailures
        : input.FunctionResponseTypes.length > 0,
    ...(destination === '' ? {} : { destination }),
  }
  return isDefault(handling) ? undefined : handling
}

function destinationProblem(destination: string, topic: string): string | undefined {
  if (destination === '') return undefined
  if (!destination.startsWith(scheme)) {
    const kind = parseTarget(destination)?.kind
    if (kind === 'queue' || kind === 'topic' || kind === 'bucket') return undefined
    return (
      `OnFailure destination ${destination} takes no records: give kafka://topic, of the cluster that the ` +
      'mapping reads, or the ARN of a standard SQS queue, a standard SNS topic or an S3 bucket.'
    )
  }
  const name = destination.slice(scheme.length)
  if (name.length > topicNameMaxLength || !matchesWholly(topicPattern, name)) {
    return `OnFailure destination ${destination} does not name a topic.`
  }
  return name === topic
    ? `OnFailure destination ${destination} is the topic that the mapping reads.`
    : undefined
}

function isDefault(handling: FailureHandling): boolean {
  return (
    handling.destination === undefined &&
    handling.maximumRetryAttempts === failureDefaults.maximumRetryAttempts &&
    handling.maximumRecordAgeSeconds === failureDefaults.maximumRecordAgeSeconds &&
    !handling.bisects &&
    !handling.reportsItemFailures
  )
}
