// What may be asked of asynchronous invocations: retries, age and destinations, in Lambda's words; pure.
import {
  asyncEventAgeMaxSeconds,
  asyncEventAgeMinSeconds,
  asyncRetriesMax,
} from '../../common/async-limits.ts'
import { parseTarget, type TargetKind } from '../../destinations/target.ts'
import type { EventInvokeConfig } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError } from './api-errors.ts'
import { checkFunctionName, functionArn, type Account } from './function-name.ts'
import type { EventInvokeConfigInput } from './requests.ts'
import { Violations } from '../../common/aws/validation.ts'

/** Lambda's patterns (botocore: DestinationArn, NumericLatestPublishedOrAliasQualifier). */
const destinationPattern =
  '$|kafka://([^.]([a-zA-Z0-9\\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:' +
  '((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)'
const qualifierPattern = '\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+'
const destinationMaxLength = 350

/** Where records can be sent to. Lambda: a bucket takes failures only. */
const kinds: Readonly<Record<'onSuccess' | 'onFailure', readonly TargetKind[]>> = {
  onSuccess: ['function', 'queue', 'topic', 'bus'],
  onFailure: ['function', 'queue', 'topic', 'bus', 'bucket'],
}

/** Which of a function's configurations a request means. */
export function checkNames(name: string, qualifier: string | undefined): Violations {
  const violations = new Violations()
  checkFunctionName(violations, name)
  violations.length('qualifier', qualifier, [1, 128])
  violations.pattern('qualifier', qualifier, qualifierPattern)
  return violations
}

/** Violations of the shape that Put and Update share. */
export function checkConfigShape(
  violations: Violations,
  input: EventInvokeConfigInput,
): LambdaApiError | undefined {
  violations.range('maximumRetryAttempts', input.MaximumRetryAttempts, [0, asyncRetriesMax])
  violations.range('maximumEventAgeInSeconds', input.MaximumEventAgeInSeconds, [
    asyncEventAgeMinSeconds,
    asyncEventAgeMaxSeconds,
  ])
  const { OnSuccess, OnFailure } = input.DestinationConfig ?? {}
  for (const [name, destination] of [
    ['destinationConfig.onSuccess.destination', OnSuccess?.Destination],
    ['destinationConfig.onFailure.destination', OnFailure?.Destination],
  ] as const) {
    violations.length(name, destination, [0, destinationMaxLength])
    violations.pattern(name, destination, destinationPattern)
  }
  const saysNothing =
    input.MaximumRetryAttempts === undefined &&
    input.MaximumEventAgeInSeconds === undefined &&
    input.DestinationConfig === undefined
  return (
    violations.error() ??
    (saysNothing
      ? invalidParameter('You must specify at least one of error handling or destination setting.')
      : undefined)
  )
}

export interface DestinationContext {
  readonly account: Account
  /** Whose configuration it is. */
  readonly arn: string
  readonly exists: (functionName: string) => boolean
}

/** Why records cannot go where the request says. */
export function checkDestinations(
  { DestinationConfig: config }: EventInvokeConfigInput,
  context: DestinationContext,
): LambdaApiError | undefined {
  const [onSuccess, onFailure] = [config?.OnSuccess?.Destination, config?.OnFailure?.Destination]
  for (const [when, arn] of [
    ['onFailure', onFailure],
    ['onSuccess', onSuccess],
  ] as const) {
    if (arn === undefined || arn === '') continue
    const target = parseTarget(arn)
    if (target === undefined || !kinds[when].includes(target.kind)) {
      const success = onSuccess === undefined ? 'null' : `OnSuccess(destination=${onSuccess})`
      const failure = onFailure === undefined ? 'null' : `OnFailure(destination=${onFailure})`
      return invalidParameter(
        `The provided destination config DestinationConfig(onSuccess=${success}, ` +
          `onFailure=${failure}) is invalid.`,
      )
    }
    if (target.kind !== 'function') continue
    const { region, accountId, name } = target
    if (functionArn({ region, accountId }, name) === context.arn) {
      return invalidParameter("You can't specify the function as a destination for itself.")
    }
    const { account, exists } = context
    if (region !== account.region || accountId !== account.accountId || !exists(name)) {
      return invalidParameter(`The destination ARN ${arn} is invalid.`)
    }
  }
  return undefined
}

/** A new configuration, or `current` with what the request says; an empty destination takes one away. */
export function configOf(
  input: EventInvokeConfigInput,
  nowMs: number,
  current?: EventInvokeConfig,
): EventInvokeConfig {
  const { DestinationConfig: destinations } = input
  const retries = input.MaximumRetryAttempts ?? current?.maximumRetryAttempts
  const ageSeconds = input.MaximumEventAgeInSeconds ?? current?.maximumEventAgeSeconds
  const onSuccess =
    destinations === undefined ? current?.onSuccess : destinations.OnSuccess?.Destination
  const onFailure =
    destinations === undefined ? current?.onFailure : destinations.OnFailure?.Destination
  return {
    lastModifiedMs: nowMs,
    ...(retries === undefined ? {} : { maximumRetryAttempts: retries }),
    ...(ageSeconds === undefined ? {} : { maximumEventAgeSeconds: ageSeconds }),
    ...(onSuccess === undefined || onSuccess === '' ? {} : { onSuccess }),
    ...(onFailure === undefined || onFailure === '' ? {} : { onFailure }),
  }
}
