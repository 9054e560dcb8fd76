// Keeps functions that Kafka mappings invoke to the timeout that Lambda lets them have.
import { invalidParameter, type LambdaApiError } from './api-errors.ts'
import { latestVersion } from '../registry/function-version.ts'
import type { AliasRecord, FunctionRecord, MappingRecord, Registry } from '../registry/registry.ts'
import { kafkaFunctionTimeoutMaxSeconds } from '../../common/limits.ts'

/** Whether what a mapping is about to invoke may run for too long. */
export function refuseTimeoutOf(
  registry: Registry,
  mapping: MappingRecord,
): LambdaApiError | undefined {
  const latest = registry.function(mapping.functionName)
  if (!readsKafka(mapping) || latest === undefined) return undefined
  return refuseVersions(registry, latest, versionsOf(latest, mapping.qualifier ?? latestVersion))
}

/** Whether a function's new timeout is too long for a mapping that invokes its latest version, by an alias too. */
export function refuseTimeoutBeside(
  registry: Registry,
  latest: FunctionRecord,
  timeoutSeconds: number | undefined,
): LambdaApiError | undefined {
  const isInvoked = kafkaMappingsOf(registry, latest.name).some(
    ({ qualifier }) =>
      qualifier === undefined || versionsOf(latest, qualifier).includes(latestVersion),
  )
  return isInvoked ? refuse(timeoutSeconds) : undefined
}

/** Whether what an alias is about to send a mapping's invocations to may run for too long. */
export function refuseTimeoutBehind(
  registry: Registry,
  latest: FunctionRecord,
  alias: AliasRecord,
): LambdaApiError | undefined {
  const mappings = kafkaMappingsOf(registry, latest.name)
  if (!mappings.some(({ qualifier }) => qualifier === alias.name)) return undefined
  return refuseVersions(registry, latest, versionsOf({ aliases: [alias] }, alias.name))
}

function refuseVersions(
  registry: Registry,
  latest: FunctionRecord,
  versions: readonly string[],
): LambdaApiError | undefined {
  for (const version of versions) {
    const target = version === latestVersion ? latest : registry.version(latest.name, version)
    const refused = refuse(target?.timeoutSeconds)
    if (refused !== undefined) return refused
  }
  return undefined
}

function kafkaMappingsOf(registry: Registry, functionName: string): readonly MappingRecord[] {
  return registry
    .mappings()
    .filter(
      (mapping) =>
        mapping.functionName === functionName &&
        mapping.desired !== 'deleted' &&
        readsKafka(mapping),
    )
}

/** What a qualifier stands for: a version itself, or those of an alias. */
function versionsOf(
  { aliases = [] }: Pick<FunctionRecord, 'aliases'>,
  qualifier: string,
): readonly string[] {
  const alias = aliases.find(({ name }) => name === qualifier)
  if (alias === undefined) return [qualifier]
  const { functionVersion, additional } = alias
  return additional === undefined ? [functionVersion] : [functionVersion, additional.version]
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
