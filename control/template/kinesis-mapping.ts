// What every mapping of a Kinesis stream in a template has, whether an event or a resource of its own declares it.
import { batchSizeMax } from '../../common/limits.ts'
import { maximumPollersMax, minimumPollersMax } from '../../common/mapping-limits.ts'
import type { EventType } from './events.ts'
import {
  filtersOf,
  observationInput,
  observationReaders,
  warnOfProperty,
  type DeclaredMapping,
} from './kafka-mapping.ts'
import { failureInput, failureReaders } from './mapping-failures.ts'
import type { TemplateNames } from './names.ts'
import type { MappingInput, Plan } from './plan.ts'
import * as read from './readers.ts'

export const streamReaders = {
  ...failureReaders,
  KmsKeyArn: observationReaders.KmsKeyArn,
  MetricsConfig: observationReaders.MetricsConfig,
  BatchSize: read.wholeNumber(1, batchSizeMax),
  MaximumBatchingWindowInSeconds: read.wholeNumber(0, 300),
  ParallelizationFactor: read.wholeNumber(1, 10),
  TumblingWindowInSeconds: read.wholeNumber(0, 900),
  StartingPosition: read.oneOf('TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'),
  StartingPositionTimestamp: read.epochSeconds,
  FilterCriteria: read.object({ Filters: read.list(read.object({ Pattern: read.text })) }),
  Enabled: read.switchValue,
  ProvisionedPollerConfig: read.object({
    MinimumPollers: read.wholeNumber(1, minimumPollersMax),
    MaximumPollers: read.wholeNumber(1, maximumPollersMax),
  }),
} as const satisfies read.Readers

type StreamValues = read.ValuesOf<typeof streamReaders>

const eventProperties = {
  read: { ...streamReaders, Stream: read.text },
  required: ['Stream', 'StartingPosition'],
} as const satisfies read.PropertyTable<read.Readers>

export const kinesisEvent: EventType = (event, names) => {
  const values = read.readProperties(event.properties, eventProperties, { ...event, names })
  return values.Stream === undefined ? {} : planStream(values.Stream, values, event, names)
}

/** Nothing where the starting position is missing, which has been reported. */
export function planStream(
  arn: string,
  values: StreamValues,
  mapping: DeclaredMapping,
  names: TemplateNames,
): Partial<Plan> {
  const { logicalId, line, functionName } = mapping
  const { StartingPosition: position, StartingPositionTimestamp: timestamp } = values
  const { ParallelizationFactor, TumblingWindowInSeconds, ProvisionedPollerConfig } = values
  if (position === undefined) return {}
  const input: MappingInput = {
    FunctionName: functionName,
    EventSourceArn: arn,
    StartingPosition: position,
    ...(timestamp === undefined ? {} : { StartingPositionTimestamp: Math.round(timestamp * 1000) }),
    BatchSize: values.BatchSize ?? 100,
    MaximumBatchingWindowInSeconds: values.MaximumBatchingWindowInSeconds ?? 0,
    ...(ParallelizationFactor === undefined ? {} : { ParallelizationFactor }),
    ...(TumblingWindowInSeconds === undefined ? {} : { TumblingWindowInSeconds }),
    Enabled: values.Enabled ?? true,
    FilterCriteria: { Filters: filtersOf(values.FilterCriteria?.Filters, mapping, names) },
    ...failureInput(values, {
      isStandIn: (text) => names.isStandIn(text),
      warn: (name) => warnOfProperty(name, mapping, names),
    }),
    ...(ProvisionedPollerConfig === undefined ? {} : { ProvisionedPollerConfig }),
    ...observationInput(values),
  }
  return { mappings: [{ logicalId, line, input }] }
}
