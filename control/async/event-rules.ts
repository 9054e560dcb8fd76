// Reads from the registry what holds for an asynchronous event; pure.
import { asyncEventAgeMaxSeconds, asyncRetriesMax } from '../../common/async-limits.ts'
import { eventInvokeConfigOf } from '../registry/event-invoke-config.ts'
import { latestVersion } from '../registry/function-version.ts'
import type { EventInvokeConfig, FunctionRecord, Registry } from '../registry/registry.ts'
import type { Condition, Hearer, QueuedEvent } from './event.ts'
import type { RetryRules } from './retry-plan.ts'

/** What was asked for of a function, as it is now. */
export interface Terms {
  readonly record: FunctionRecord
  /** Of the version or alias that was invoked. */
  readonly config: EventInvokeConfig | undefined
  /** Of its version: it is published with the code. */
  readonly deadLetterArn: string | undefined
}

/** Undefined where the function is gone. */
export function termsOf(
  registry: Pick<Registry, 'function' | 'version'>,
  { functionName, qualifier = latestVersion }: Pick<QueuedEvent, 'functionName' | 'qualifier'>,
): Terms | undefined {
  const record = registry.function(functionName)
  if (record === undefined) return undefined
  const alias = record.aliases?.find(({ name }) => name === qualifier)
  const version = alias?.functionVersion ?? qualifier
  const target = version === latestVersion ? record : registry.version(functionName, version)
  const config = eventInvokeConfigOf(record, qualifier)
  return { record, config, deadLetterArn: target?.deadLetterArn }
}

export function rulesOf({ config }: Terms): RetryRules {
  return {
    retriesMax: config?.maximumRetryAttempts ?? asyncRetriesMax,
    eventAgeMaxMs: (config?.maximumEventAgeSeconds ?? asyncEventAgeMaxSeconds) * 1000,
  }
}

/** Who is to hear of this end. A dead-letter queue hears of failures beside the destination. */
export function hearersOf(terms: Terms, condition: Condition): readonly Hearer[] {
  const candidates: readonly Hearer[] =
    condition === 'Success' ? ['onSuccess'] : ['onFailure', 'deadLetter']
  return candidates.filter((hearer) => arnOf(terms, hearer) !== undefined)
}

/** Undefined where there is none, or it was taken away since. */
export function arnOf({ config, deadLetterArn }: Terms, hearer: Hearer): string | undefined {
  return hearer === 'deadLetter' ? deadLetterArn : config?.[hearer]
}
