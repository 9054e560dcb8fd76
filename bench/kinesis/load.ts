// What is asked of each Kinesis server through the AWS SDK: puts of many records, reads of them, puts of one.
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  type KinesisClientConfig,
} from '@aws-sdk/client-kinesis'
import { NodeHttp2Handler, NodeHttpHandler } from '@smithy/node-http-handler'
import { setTimeout as sleep } from 'node:timers/promises'

export type Protocol = 'http/1.1' | 'h2'

export const StreamName = 'bench'
const recordBytes = 1024
const recordsPerPut = 500
const data = Buffer.alloc(recordBytes, 'measured ')

/** A client that tries nothing twice: what is refused shows. */
export function clientOf(endpoint: string, protocol: Protocol): KinesisClient {
  const requestHandler =
    protocol === 'h2'
      ? new NodeHttp2Handler()
      : new NodeHttpHandler({ httpAgent: { keepAlive: true } })
  const config: KinesisClientConfig = {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler,
  }
  return new KinesisClient(config)
}

/** Resolves when the stream takes records. */
export async function createStream(client: KinesisClient, shards: number): Promise<void> {
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: shards }))
  for (;;) {
    const command = new DescribeStreamSummaryCommand({ StreamName })
    const { StreamDescriptionSummary } = await client.send(command)
    if (StreamDescriptionSummary?.StreamStatus === 'ACTIVE') return
    await sleep(20)
  }
}

export interface Rate {
  readonly records: number
  readonly recordsPerSecond: number
}

const rateOf = (records: number, startMs: number): Rate => ({
  records,
  recordsPerSecond: Math.round((records / (performance.now() - startMs)) * 1000),
})

/** `senders` callers side by side, 500 records of 1 KB a call, for so long. Throws where a record is refused. */
export async function putMany(
  client: KinesisClient,
  { seconds, senders }: { readonly seconds: number; readonly senders: number },
): Promise<Rate> {
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  let sent = 0
  const send = async (sender: number): Promise<void> => {
    for (let call = 0; performance.now() < endMs; call++) {
      const Records = Array.from({ length: recordsPerPut }, (_, i) => ({
        Data: data,
        PartitionKey: `${sender}-${call}-${i}`,
      }))
      const { FailedRecordCount } = await client.send(
        new PutRecordsCommand({ StreamName, Records }),
      )
      if (FailedRecordCount !== 0) throw new Error(`${FailedRecordCount} records were refused`)
      sent += recordsPerPut
    }
  }
  await Promise.all(Array.from({ length: senders }, (_, sender) => send(sender)))
  return rateOf(sent, startMs)
}

/** Reads all shards side by side from their start, at most for so long, until each of them is at its end. */
export async function readAll(client: KinesisClient, maxSeconds: number): Promise<Rate> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }))
  const startMs = performance.now()
  const endMs = startMs + maxSeconds * 1000
  const counts = await Promise.all(
    Shards.map(async ({ ShardId }) => {
      const command = new GetShardIteratorCommand({
        StreamName,
        ShardId,
        ShardIteratorType: 'TRIM_HORIZON',
      })
      let iterator = (await client.send(command)).ShardIterator
      let read = 0
      while (iterator !== undefined && performance.now() < endMs) {
        const answer = await client.send(new GetRecordsCommand({ ShardIterator: iterator }))
        const records = answer.Records?.length ?? 0
        if (records === 0 && answer.MillisBehindLatest === 0) break
        read += records
        iterator = answer.NextShardIterator
      }
      return read
    }),
  )
  return rateOf(
    counts.reduce((sum, count) => sum + count, 0),
    startMs,
  )
}

/** One caller, one record at a time: how long each took, in milliseconds, ascending. */
export async function putSingles(client: KinesisClient, count: number): Promise<readonly number[]> {
  const tookMs: number[] = []
  for (let i = 0; i < count; i++) {
    const startMs = performance.now()
    await client.send(new PutRecordCommand({ StreamName, Data: data, PartitionKey: `single-${i}` }))
    tookMs.push(performance.now() - startMs)
  }
  return tookMs.toSorted((a, b) => a - b)
}
