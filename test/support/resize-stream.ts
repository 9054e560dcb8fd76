// Gives a stream another number of shards, and waits until it has them, as an operator does.
import {
  DescribeStreamSummaryCommand,
  UpdateShardCountCommand,
  type KinesisClient,
} from '@aws-sdk/client-kinesis'
import { eventually } from './eventually.ts'

export async function resizeStream(
  client: KinesisClient,
  StreamName: string,
  TargetShardCount: number,
): Promise<void> {
  const change = { StreamName, TargetShardCount, ScalingType: 'UNIFORM_SCALING' } as const
  await client.send(new UpdateShardCountCommand(change))
  await eventually(
    async () => {
      const command = new DescribeStreamSummaryCommand({ StreamName })
      const { StreamDescriptionSummary } = await client.send(command)
      return StreamDescriptionSummary?.StreamStatus === 'ACTIVE' ? true : undefined
    },
    () => 'the stream to be active',
  )
}
