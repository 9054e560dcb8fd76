// The settings of a mapping that a request may change and that are absent while they are AWS's defaults.
import { sourceKindOf } from '../registry/mapping-source.ts'
import type { MappingRecord } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import { failureHandlingOf } from './failure-handling.ts'
import {
  laneSettingsOf,
  refuseOfAws,
  streamFailures,
  type LaneSettings,
} from './kinesis-mapping.ts'
import { refuseFactorOfKafka } from './lane-settings.ts'
import { observationOf, type Observation } from './mapping-observation.ts'
import { provisionedPollersOf } from './provisioned-pollers.ts'
import type { UpdateMappingInput } from './requests.ts'
import { schemaRegistryOf } from './schema-registry.ts'
import { sourceAccessOf } from './source-access.ts'

export type MappingPace = 'local' | 'aws'

export type MappingSettings = Observation &
  LaneSettings &
  Pick<MappingRecord, 'provisionedPollers' | 'failureHandling' | 'sourceAccess' | 'schemaRegistry'>

/** What a mapping comes to that reads `topic`, of that source, and had the other settings of `current`. */
export function optionalSettings(
  input: UpdateMappingInput,
  current: MappingSettings & Pick<MappingRecord, 'topic' | 'eventSourceArn'>,
  pace: MappingPace,
): Outcome<MappingSettings> {
  const provisionedPollers = provisionedPollersOf(input, current.provisionedPollers)
  if (provisionedPollers instanceof LambdaApiError) return provisionedPollers
  const failureHandling = failureHandlingOf(input, current.topic, current.failureHandling)
  if (failureHandling instanceof LambdaApiError) return failureHandling
  const sourceAccess = sourceAccessOf(input, current.sourceAccess)
  if (sourceAccess instanceof LambdaApiError) return sourceAccess
  const schemaRegistry = schemaRegistryOf(input, current)
  if (schemaRegistry instanceof LambdaApiError) return schemaRegistry
  const isStream = sourceKindOf(current) === 'kinesis'
  const settings = {
    ...laneSettingsOf(input, current),
    ...(provisionedPollers === undefined ? {} : { provisionedPollers }),
    ...(isStream
      ? { failureHandling: streamFailures(failureHandling) }
      : failureHandling === undefined
        ? {}
        : { failureHandling }),
    ...(sourceAccess === undefined ? {} : { sourceAccess }),
    ...(schemaRegistry === undefined ? {} : { schemaRegistry }),
    ...observationOf(input, current),
  }
  if (isStream) {
    const refused = refuseOfAws(pace === 'aws' && provisionedPollers !== undefined)
    return refused ?? settings
  }
  const refused = refuseFactorOfKafka(settings, pace)
  if (refused !== undefined) return refused
  const name = pace === 'aws' ? provisionedOnly(settings) : undefined
  return name === undefined
    ? settings
    : invalidParameter(
        `${name} is only supported for Kafka event source mappings with ProvisionedPollerConfig.`,
      )
}

/** The record without these settings, for those that it has from now on. */
export function withoutSettings({
  provisionedPollers: _pollers,
  failureHandling: _failures,
  sourceAccess: _access,
  schemaRegistry: _schemas,
  metrics: _metrics,
  systemLogLevel: _level,
  kmsKeyArn: _key,
  parallelizationFactor: _factor,
  tumblingWindowSeconds: _window,
  ...rest
}: MappingRecord): Omit<MappingRecord, keyof MappingSettings> {
  return rest
}

/** The first setting that Lambda has for Kafka in provisioned mode only. */
function provisionedOnly(settings: MappingSettings): string | undefined {
  const { provisionedPollers, failureHandling: failures, systemLogLevel } = settings
  if (provisionedPollers !== undefined) return undefined
  if (settings.schemaRegistry !== undefined) return 'SchemaRegistryConfig'
  if (systemLogLevel !== undefined) return 'LoggingConfig'
  if (failures === undefined) return undefined
  if (failures.maximumRetryAttempts !== -1) return 'MaximumRetryAttempts'
  if (failures.maximumRecordAgeSeconds !== -1) return 'MaximumRecordAgeInSeconds'
  if (failures.bisects) return 'BisectBatchOnFunctionError'
  if (failures.reportsItemFailures) return 'FunctionResponseTypes'
  return failures.destination?.startsWith('kafka://') === true
    ? 'A kafka:// destination'
    : undefined
}
