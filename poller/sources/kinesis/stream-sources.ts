// Makes the source of a mapping that reads a Kinesis stream, by the settings that say where streams are.
import type { Clock } from '../../../common/clock.ts'
import type { KinesisArn } from '../../../common/kinesis-arn.ts'
import type { Logger } from '../../../common/logger.ts'
import type { MappingRecord } from '../../../control/registry/registry.ts'
import { endpointOf, type EndpointSettings } from '../../../kinesis-client/endpoint.ts'
import { KinesisClient } from '../../../kinesis-client/kinesis-client.ts'
import type { Source } from '../source.ts'
import type { StartPosition } from '../start-position.ts'
import type { CheckpointStore } from './checkpoints.ts'
import { fanOutReader } from './fan-out-reader.ts'
import { KinesisSource } from './kinesis-source.ts'
import type { PollPaceName } from './poll-pace.ts'
import { standardReader } from './shard-reader.ts'

export interface StreamSourceOptions {
  readonly kinesis: EndpointSettings
  readonly checkpoints: CheckpointStore
  readonly pace: PollPaceName
  readonly clock: Clock
  readonly logger: Logger
  /** In [0, 1). */
  readonly random: () => number
}

export function streamSource(
  { uuid }: MappingRecord,
  stream: KinesisArn,
  position: StartPosition,
  options: StreamSourceOptions,
): Source {
  const { region } = stream
  const endpoint = endpointOf(options.kinesis, region)
  return new KinesisSource({
    ...options,
    uuid,
    stream,
    position,
    client: new KinesisClient({ endpoint, region, clock: options.clock }),
    readShard:
      stream.consumerArn === undefined
        ? standardReader(endpoint.isAws ? 'aws' : options.pace)
        : fanOutReader,
  })
}
