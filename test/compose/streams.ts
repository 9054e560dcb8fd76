// Puts records into a stream by the AWS SDK, reads them back, and has a function handle them by a mapping.
import assert from 'node:assert/strict'
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis'
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { eventually } from '../support/eventually.ts'
import { createFunction } from '../support/lambda.ts'

const StreamName = 'compose-laps'
const EventSourceArn = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`
const values = ['one', 'two', 'three']

const handler = `
export const handler = async ({ Records }) => {
  console.log('laps ' + Records.map(({ kinesis }) => atob(kinesis.data)).join(' '))
}
`

export interface StreamDoors {
  /** URL of the Kinesis API. */
  readonly kinesis: string
  readonly lambda: LambdaClient
  /** What functions have written so far. */
  readonly log: () => Promise<string>
}

/** Leaves nothing behind. */
export async function followStream({ kinesis: endpoint, lambda, log }: StreamDoors): Promise<void> {
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
  const client = new KinesisClient({ endpoint, region: 'us-east-1', credentials })
  try {
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
    const Records = values.map((value) => ({ PartitionKey: 'car', Data: Buffer.from(value) }))
    const put = await client.send(new PutRecordsCommand({ StreamName, Records }))
    assert.equal(put.FailedRecordCount, 0)
    assert.deepEqual(await readBack(client), values)
    await createFunction(lambda, { name: StreamName, files: { 'index.mjs': handler } })
    const source = { EventSourceArn, StartingPosition: 'TRIM_HORIZON' } as const
    const { UUID } = await lambda.send(
      new CreateEventSourceMappingCommand({ FunctionName: StreamName, ...source }),
    )
    await eventually(
      async () => ((await log()).includes(`laps ${values.join(' ')}`) ? true : undefined),
      () => 'the records of the stream to be handled',
      30_000,
    )
    await lambda.send(new DeleteEventSourceMappingCommand({ UUID }))
    await lambda.send(new DeleteFunctionCommand({ FunctionName: StreamName }))
    await client.send(new DeleteStreamCommand({ StreamName }))
  } finally {
    client.destroy()
  }
}

async function readBack(client: KinesisClient): Promise<readonly string[]> {
  const place = { StreamName, ShardId: '0', ShardIteratorType: 'TRIM_HORIZON' } as const
  const { ShardIterator } = await client.send(new GetShardIteratorCommand(place))
  const { Records = [] } = await client.send(new GetRecordsCommand({ ShardIterator }))
  return Records.map(({ Data }) => Buffer.from(Data ?? []).toString())
}
