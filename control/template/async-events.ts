// What a function says of events that it is invoked with asynchronously: retries, age, where they end up.
import {
  asyncEventAgeMaxSeconds,
  asyncEventAgeMinSeconds,
  asyncRetriesMax,
} from '../../common/async-limits.ts'
import type { TemplateNames } from './names.ts'
import type { PlannedEventInvokeConfig } from './plan.ts'
import * as read from './readers.ts'
import type { Resource } from './resources.ts'

// SAM's Type says no more than the ARN; without a Destination it makes a queue or a topic.
const destinationTypes = ['SQS', 'SNS', 'Lambda', 'EventBridge'] as const

export const eventInvokeReaders = {
  MaximumEventAgeInSeconds: read.wholeNumber(asyncEventAgeMinSeconds, asyncEventAgeMaxSeconds),
  MaximumRetryAttempts: read.wholeNumber(0, asyncRetriesMax),
  DestinationConfig: read.object({
    OnSuccess: read.object({ Type: read.oneOf(...destinationTypes), Destination: read.text }),
    OnFailure: read.object({ Type: read.oneOf(...destinationTypes, 'S3'), Destination: read.text }),
  }),
} as const satisfies read.Readers

export const eventInvokeReader = read.object(eventInvokeReaders)

type EventInvokeValues = read.ValuesOf<typeof eventInvokeReaders>

export interface InTemplate {
  readonly resource: Resource
  readonly names: TemplateNames
}

/** Undefined where nothing is configured: Lambda's defaults. */
export function planEventInvoke(
  { MaximumEventAgeInSeconds, MaximumRetryAttempts, DestinationConfig }: EventInvokeValues,
  at: InTemplate,
): PlannedEventInvokeConfig | undefined {
  const destinations: Record<string, { readonly Destination: string }> = {}
  for (const when of ['OnSuccess', 'OnFailure'] as const) {
    const asked = DestinationConfig?.[when]
    if (asked === undefined) continue
    const property = `EventInvokeConfig.DestinationConfig.${when}`
    const Destination = arnOf(asked.Destination, property, at)
    if (Destination !== undefined) destinations[when] = { Destination }
  }
  const config = {
    ...(MaximumEventAgeInSeconds === undefined ? {} : { MaximumEventAgeInSeconds }),
    ...(MaximumRetryAttempts === undefined ? {} : { MaximumRetryAttempts }),
    ...(Object.keys(destinations).length === 0 ? {} : { DestinationConfig: destinations }),
  }
  return Object.keys(config).length === 0 ? undefined : config
}

/**
 * Where events go to that are given up. A queue or a topic that only the template declares is not there: the
 * function goes without it, said in a warning. Whether an ARN can take events the Lambda API decides.
 */
export function arnOf(
  arn: string | undefined,
  property: string,
  { resource: { type, logicalId, line, properties }, names }: InTemplate,
): string | undefined {
  if (arn !== undefined && !names.isStandIn(arn)) return arn
  const at = properties.entries.get(property.split('.')[0] ?? property)?.line ?? line
  const reason =
    arn === undefined ? 'has no ARN, and nothing is made for it' : `${arn} is not there`
  names.findings.warn(
    at,
    `${type} ${logicalId}: ${property}: ${reason}: the function goes without it`,
  )
  return undefined
}
