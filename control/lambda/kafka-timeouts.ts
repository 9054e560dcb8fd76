// Keeps functions that Kafka mappings invoke to the timeout that Lambda lets them have.
import { invalidParameter, type LambdaApiError } from './api-errors.ts'
import { latestVersion } from '../registry/function-version.ts'
import type { MappingRecord, Registry } from '../registry/registry.ts'
import { targetOf } from './function-lookup.ts'
import { kafkaFunctionTimeoutMaxSeconds } from '../../common/limits.ts'

/** Whether what a mapping is about to invoke may run for too long. */
export function refuseTimeoutOf(
  registry: Registry,
  mapping: MappingRecord,
): LambdaApiError | undefined {
  const latest = registry.function(mapping.functionName)
  if (!readsKafka(mapping) || latest === undefined) return undefined
  const { target } = targetOf(registry, latest, mapping.qualifier ?? latestVersion) ?? {}
  return refuse(target?.timeoutSeconds)
}

/** Whether a function's new timeout is too long for a mapping that invokes its latest version. */
export function refuseTimeoutBeside(
  mappings: readonly MappingRecord[],
  functionName: string,
  timeoutSeconds: number | undefined,
): LambdaApiError | undefined {
  const isInvoked = mappings.some(
    (mapping) =>
      mapping.functionName === functionName &&
      mapping.qualifier === undefined &&
      mapping.desired !== 'deleted' &&
      readsKafka(mapping),
  )
  return isInvoked ? refuse(timeoutSeconds) : undefined
}

function readsKafka({ eventSourceArn, bootstrapServers }: MappingRecord): boolean {
  return bootstrapServers !== undefined || eventSourceArn?.split(':')[2] === 'kafka'
}

// AWS publishes the limit, and not its words.
function refuse(timeoutSeconds: number | undefined): LambdaApiError | undefined {
  if (timeoutSeconds === undefined || timeoutSeconds <= kafkaFunctionTimeoutMaxSeconds) {
    return undefined
  }
  return invalidParameter(
    `Event source mappings for Apache Kafka only support functions with a timeout of at most ` +
      `${kafkaFunctionTimeoutMaxSeconds} seconds, and this one's is ${timeoutSeconds}.`,
  )
}
