// What a mapping of a Kinesis stream may be, where that differs from one of a Kafka topic.
import { parseKinesisArn } from '../../common/kinesis-arn.ts'
import { saysNothing } from '../../common/aws/validation.ts'
import type { FailureHandling } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import { failureDefaults } from './failure-handling.ts'
import type { CreateMappingInput, UpdateMappingInput } from './requests.ts'

/** Whether there is such a stream, or such a consumer of one. */
export interface Streams {
  /** A sentence where nobody knows, because whoever keeps the streams does not answer. */
  find(arn: string): Promise<'found' | 'missing' | { readonly unknown: string }>
}

/** Members that only other sources have. */
const notOfStreams = [
  'Topics',
  'Queues',
  'SelfManagedEventSource',
  'SourceAccessConfigurations',
  'AmazonManagedKafkaEventSourceConfig',
  'SelfManagedKafkaEventSourceConfig',
  'DocumentDBEventSourceConfig',
  'ScalingConfig',
  'LoggingConfig',
] as const

/** The first member that a mapping of a stream cannot have. */
export function refuseOfStream(
  input: CreateMappingInput & UpdateMappingInput,
): LambdaApiError | undefined {
  const refused = notOfStreams.find((name) => !saysNothing(input[name]))
  if (refused !== undefined) return unsupported(refused)
  if (input.ProvisionedPollerConfig?.PollerGroupName) {
    return unsupported('ProvisionedPollerConfig.PollerGroupName')
  }
  const group = input.MetricsConfig?.Metrics?.find((name) => name !== 'EventCount')
  if (group !== undefined) return unsupported(`The metric group ${group}`)
  const destination = input.DestinationConfig?.OnFailure?.Destination ?? ''
  return destination.startsWith('kafka://') ? unsupported('A kafka:// destination') : undefined
}

/** Recorded: AWS says of this one member what its front end says of others. */
export function missingPosition({
  StartingPosition,
}: CreateMappingInput): LambdaApiError | undefined {
  if (StartingPosition !== undefined) return undefined
  return invalidParameter(
    "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: " +
      'Member must not be null.',
  )
}

/** Why a mapping cannot read what `arn` names; undefined where it can, or is no stream's. */
export async function streamProblem(
  arn: string | undefined,
  streams: Streams,
): Promise<LambdaApiError | undefined> {
  if (arn === undefined || parseKinesisArn(arn) === undefined) return undefined
  const found = await streams.find(arn)
  if (found === 'found') return undefined
  if (found === 'missing') return invalidParameter(`Stream not found: ${arn}`)
  return invalidParameter(`Cannot access stream ${arn}. ${found.unknown}`)
}

/** Recorded: a mapping of a stream always has all of these. */
export function streamFailures(handling: FailureHandling | undefined): FailureHandling {
  return handling ?? failureDefaults
}

export interface LaneSettings {
  readonly parallelizationFactor?: number
  readonly tumblingWindowSeconds?: number
}

/** What is left out stays as it was; AWS's defaults, 1 and 0, are kept as absent. */
export function laneSettingsOf(input: UpdateMappingInput, current: LaneSettings): LaneSettings {
  const factor = input.ParallelizationFactor ?? current.parallelizationFactor ?? 1
  const windowSeconds = input.TumblingWindowInSeconds ?? current.tumblingWindowSeconds ?? 0
  return {
    ...(factor === 1 ? {} : { parallelizationFactor: factor }),
    ...(windowSeconds === 0 ? {} : { tumblingWindowSeconds: windowSeconds }),
  }
}

/** Here a mapping of a stream can have event pollers of its own, which AWS has for others alone. */
export function refuseOfAws(hasPollers: boolean): Outcome<undefined> {
  return hasPollers ? unsupported('ProvisionedPollerConfig') : undefined
}

function unsupported(name: string): LambdaApiError {
  return invalidParameter(`${name} is not supported for a Kinesis event source.`)
}
