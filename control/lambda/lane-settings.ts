// Says where a mapping of a topic may not have the lanes that one of a stream has.
import { invalidParameter, type LambdaApiError } from './api-errors.ts'
import type { LaneSettings } from './kinesis-mapping.ts'

/** Lambda has it for Kinesis and DynamoDB alone; at its pace a Kafka mapping is refused as there. */
export function refuseFactorOfKafka(
  { parallelizationFactor }: LaneSettings,
  pace: 'local' | 'aws',
): LambdaApiError | undefined {
  if (pace !== 'aws' || parallelizationFactor === undefined) return undefined
  return invalidParameter(
    'Unsupported ParallelizationFactor parameter for given event source mapping type.',
  )
}
