// What a mapping may say of how it is watched and kept: metrics, its log, the key of its filters.
import { systemLogLevels, type MappingRecord, type SystemLogLevel } from '../registry/registry.ts'
import type { UpdateMappingInput } from './requests.ts'
import type { Violations } from '../../common/aws/validation.ts'

/** Lambda's groups (botocore). */
const metricGroups = ['EventCount', 'ErrorCount', 'KafkaMetrics'] as const

/** Lambda's pattern (botocore). */
const keyPattern = '(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()'

export function checkObservationShape(violations: Violations, input: UpdateMappingInput): void {
  const { MetricsConfig, LoggingConfig, KMSKeyArn } = input
  violations.length('metricsConfig.metrics', MetricsConfig?.Metrics, [0, metricGroups.length])
  for (const [index, group] of (MetricsConfig?.Metrics ?? []).entries()) {
    violations.oneOf(`metricsConfig.metrics.${index + 1}.member`, group, metricGroups)
  }
  violations.oneOf('loggingConfig.systemLogLevel', LoggingConfig?.SystemLogLevel, systemLogLevels)
  violations.length('kMSKeyArn', KMSKeyArn, [0, 10_000])
  violations.pattern('kMSKeyArn', KMSKeyArn, keyPattern)
}

export type Observation = Pick<MappingRecord, 'metrics' | 'systemLogLevel' | 'kmsKeyArn'>

/** What is left out stays as it was; `{}`, an empty list and an empty text take it away. */
export function observationOf(input: UpdateMappingInput, current: Observation): Observation {
  const metrics = input.MetricsConfig === undefined ? current.metrics : input.MetricsConfig.Metrics
  const systemLogLevel =
    input.LoggingConfig === undefined
      ? current.systemLogLevel
      : (input.LoggingConfig.SystemLogLevel as SystemLogLevel | undefined)
  const kmsKeyArn = input.KMSKeyArn ?? current.kmsKeyArn ?? ''
  return {
    ...(metrics === undefined || metrics.length === 0 ? {} : { metrics }),
    ...(systemLogLevel === undefined ? {} : { systemLogLevel }),
    ...(kmsKeyArn === '' ? {} : { kmsKeyArn }),
  }
}
