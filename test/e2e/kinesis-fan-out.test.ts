// Proves enhanced fan-out with the AWS SDK over HTTP/2, as it comes: consumers, subscriptions, a broker that stops and starts.
import {
  CreateStreamCommand,
  DescribeStreamConsumerCommand,
  KinesisClient,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
  type StartingPosition,
  type SubscribeToShardEventStream,
} from '@aws-sdk/client-kinesis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { TestBroker } from '../support/test-broker.ts'

test('records put by the SDK are pushed to its subscriptions, and a restart loses no consumer and no place', async () => {
  const broker = await TestBroker.start({ kinesisPort: 0 })
  onTestFinished(() => broker.remove())
  const client = clientOf(broker)
  const stream = { StreamName: 'laps' }
  await client.send(new CreateStreamCommand({ ...stream, ShardCount: 2 }))
  const streamArn = 'arn:aws:kinesis:us-east-1:000000000000:stream/laps'
  const name = { StreamARN: streamArn, ConsumerName: 'pit-wall' }
  const { Consumer } = await client.send(new RegisterStreamConsumerCommand(name))
  const arn = Consumer?.ConsumerARN ?? ''
  const put = async (by: KinesisClient, from: number): Promise<void> => {
    const records = Array.from({ length: 50 }, (_, index) => ({
      PartitionKey: `car-${index}`,
      Data: Buffer.from(String(from + index)),
    }))
    const { FailedRecordCount } = await by.send(
      new PutRecordsCommand({ ...stream, Records: records }),
    )
    expect(FailedRecordCount).toBe(0)
  }
  const horizon = { Type: 'TRIM_HORIZON' } as const
  const watched = [0, 1].map((shard) => watch(client, { arn, shard, from: horizon }))
  await put(client, 0)
  await eventually(
    () => (numbersOf(watched).length === 50 ? true : undefined),
    () => `${numbersOf(watched).length} of 50 records were pushed`,
  )
  await broker.restart()
  const ends = await Promise.all(watched.map(({ over }) => over))
  expect(ends).toEqual([undefined, undefined])
  const again = clientOf(broker)
  const { ConsumerDescription } = await again.send(
    new DescribeStreamConsumerCommand({ ConsumerARN: arn }),
  )
  expect(ConsumerDescription?.ConsumerStatus).toBe('ACTIVE')
  await put(again, 50)
  const resumed = watched.map(({ continuation }, shard) => {
    const from = { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: continuation() } as const
    return watch(again, { arn, shard, from })
  })
  await eventually(
    () => (numbersOf(resumed).length === 50 ? true : undefined),
    () => `${numbersOf(resumed).length} of 50 records were pushed after the restart`,
  )
  const all = [...numbersOf(watched), ...numbersOf(resumed)].toSorted((a, b) => a - b)
  expect(all).toEqual(Array.from({ length: 100 }, (_, index) => index))
})

function clientOf({ role }: TestBroker): KinesisClient {
  const client = new KinesisClient({
    endpoint: role.doors['kinesis'] ?? '',
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  onTestFinished(() => client.destroy())
  return client
}

interface Watched {
  readonly numbers: number[]
  readonly continuation: () => string | undefined
  /** Resolves with the error that the stream ended with, if any. */
  readonly over: Promise<unknown>
}

function watch(
  client: KinesisClient,
  { arn, shard, from }: { arn: string; shard: number; from: StartingPosition },
): Watched {
  const numbers: number[] = []
  let continuation: string | undefined
  const read = async (): Promise<void> => {
    const input = { ConsumerARN: arn, ShardId: `shardId-00000000000${shard}` }
    const command = new SubscribeToShardCommand({ ...input, StartingPosition: from })
    const { EventStream = [] as unknown as AsyncIterable<SubscribeToShardEventStream> } =
      await client.send(command)
    for await (const { SubscribeToShardEvent: event } of EventStream) {
      for (const { Data } of event?.Records ?? []) {
        numbers.push(Number(Buffer.from(Data ?? []).toString()))
      }
      continuation = event?.ContinuationSequenceNumber ?? continuation
    }
  }
  const over = read().then(
    () => undefined,
    (error: unknown) => error,
  )
  return { numbers, continuation: () => continuation, over }
}

const numbersOf = (watched: readonly Watched[]): number[] =>
  watched.flatMap(({ numbers }) => numbers)
