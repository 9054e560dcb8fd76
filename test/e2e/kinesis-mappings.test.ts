// Follows records of a stream through event source mappings: in order, over resharding, restarts, windows and fan-out.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateStreamCommand,
  DeregisterStreamConsumerCommand,
  KinesisClient,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
} from '@aws-sdk/client-kinesis'
import {
  GetEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput as MappingInput,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { putTogether } from '../../kinesis-wire/aggregate.ts'
import { eventually } from '../support/eventually.ts'
import { createFunction, createMapping, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { resizeStream } from '../support/resize-stream.ts'

const StreamName = 'laps'
const EventSourceArn = 'arn:aws:kinesis:us-east-1:000000000000:stream/laps'

let scratch: string
let platform: Platform
let lambda: LambdaClient
let kinesis: KinesisClient
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-kinesis-'))
  await start()
})
afterEach(async () => {
  await stop()
  await rm(scratch, { recursive: true, force: true })
})

async function start(): Promise<void> {
  platform = await startPlatform({ dataDir: join(scratch, 'data') })
  lambda = lambdaClient(platform)
  kinesis = new KinesisClient({
    endpoint: platform.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  })
}

async function stop(): Promise<void> {
  lambda.destroy()
  kinesis.destroy()
  await platform.stop()
}

/** Notes each event in a line of its own. */
const noting = `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  appendFileSync(process.env.OUT, JSON.stringify(event) + '\\n')
  RETURN
}
`

interface StreamEvent {
  readonly Records: readonly {
    readonly kinesis: {
      readonly partitionKey: string
      readonly data: string
      readonly sequenceNumber: string
    }
    readonly eventID: string
    readonly eventSource: string
    readonly eventSourceARN: string
  }[]
  readonly window?: { readonly start: string; readonly end: string }
  readonly state?: { readonly sum?: number }
  readonly isFinalInvokeForWindow?: boolean
}

const out = (): string => join(scratch, 'out.ndjson')

async function events(): Promise<readonly StreamEvent[]> {
  const text = await readFile(out(), 'utf8').catch(() => '')
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as StreamEvent)
}

async function map(change: Partial<MappingInput> = {}, end = ''): Promise<string> {
  const files = { 'index.mjs': noting.replace('RETURN', end) }
  await createFunction(lambda, { name: 'note', files, environment: { OUT: out() } })
  const mapping = {
    FunctionName: 'note',
    EventSourceArn,
    StartingPosition: 'TRIM_HORIZON',
  } as const
  return createMapping(lambda, platform, { ...mapping, ...change })
}

const keys = 8
/** A hundred records, `from` on: record n has key n modulo 8. */
async function put(from: number): Promise<void> {
  const Records = Array.from({ length: 100 }, (_, i) => ({
    Data: Buffer.from(String(from + i)),
    PartitionKey: `car-${(from + i) % keys}`,
  }))
  const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName, Records }))
  expect(FailedRecordCount).toBe(0)
}

const createStream = (ShardCount: number) =>
  kinesis.send(new CreateStreamCommand({ StreamName, ShardCount }))

const resize = (shards: number): Promise<void> => resizeStream(kinesis, StreamName, shards)

/** The numbers that each key was given, once `count` different ones are there. */
async function handled(count: number): Promise<ReadonlyMap<string, readonly number[]>> {
  return eventually(
    async () => {
      const byKey = new Map<string, number[]>()
      for (const { kinesis: record } of (await events()).flatMap(({ Records }) => Records)) {
        const numbers = byKey.get(record.partitionKey) ?? []
        numbers.push(Number(Buffer.from(record.data, 'base64').toString()))
        byKey.set(record.partitionKey, numbers)
      }
      const all = new Set([...byKey.values()].flat())
      return all.size >= count ? byKey : undefined
    },
    () => `${count} records to be handled`,
  )
}

function expectOrder(byKey: ReadonlyMap<string, readonly number[]>): void {
  for (const numbers of byKey.values()) {
    expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers)
  }
}

test('records reach the function as AWS delivers them, in order, and a restart goes on behind them', async () => {
  await createStream(2)
  await put(0)
  await map({ BatchSize: 30 })
  expectOrder(await handled(100))
  const [first] = (await events())[0]?.Records ?? []
  expect(first).toEqual({
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: expect.stringMatching(/^car-\d$/) as string,
      sequenceNumber: expect.stringMatching(/^49\d{54}$/) as string,
      data: expect.any(String) as string,
      approximateArrivalTimestamp: expect.any(Number) as number,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: `shardId-00000000000${first?.eventID.at(19)}:${first?.kinesis.sequenceNumber}`,
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: 'arn:aws:iam::000000000000:role/any',
    awsRegion: 'us-east-1',
    eventSourceARN: EventSourceArn,
  })
  await stop()
  await start()
  await put(100)
  const byKey = await handled(200)
  expectOrder(byKey)
  expect([...byKey.values()].flat()).toHaveLength(200)
})

test('four shards become eight and three under load, with four lanes each: nothing lost, order kept', async () => {
  await createStream(4)
  await map({ ParallelizationFactor: 4, BatchSize: 10 })
  let from = 0
  const feed = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++, from += 100) await put(from)
  }
  await feed(5)
  await Promise.all([resize(8), feed(10)])
  await feed(5)
  await resize(4)
  await Promise.all([resize(3), feed(10)])
  await feed(5)
  expectOrder(await handled(from))
})

test.each(['standard', 'fan-out'])(
  'records without a key of a stream that distributes them arrive, theirs empty (%s)',
  async (way) => {
    const distribution = { RecordDistributionStrategy: 'AUTO' } as const
    await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2, ...distribution }))
    const name = { StreamARN: EventSourceArn, ConsumerName: 'fan' }
    const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand(name))
    const arn = way === 'fan-out' ? (Consumer?.ConsumerARN ?? '') : EventSourceArn
    await map({ EventSourceArn: arn, ParallelizationFactor: 2 })
    const Records = Array.from({ length: 100 }, (_, n) => ({ Data: Buffer.from(String(n)) }))
    await kinesis.send(new PutRecordsCommand({ StreamName, Records }))
    expect([...(await handled(100)).keys()]).toEqual([''])
  },
)

test('a tumbling window hands its state on, and ends once', async () => {
  await createStream(1)
  const sum = `const sum = event.Records.reduce((s, { kinesis }) => s + Number(atob(kinesis.data)), event.state.sum ?? 0)
  return { state: { sum } }`
  await put(0)
  await put(100)
  await map({ TumblingWindowInSeconds: 2, BatchSize: 40 }, sum)
  const finals = await eventually(
    async () => {
      const last = (await events()).filter(({ isFinalInvokeForWindow }) => isFinalInvokeForWindow)
      const total = last.reduce((all, { state }) => all + (state?.sum ?? 0), 0)
      return total === (199 * 200) / 2 ? last : undefined
    },
    () => 'the windows to end',
  )
  const starts = finals.map(({ window }) => window?.start)
  expect(new Set(starts).size).toBe(starts.length)
  expect(Number(new Date(starts[0] ?? '')) % 2000).toBe(0)
})

test('a consumer with fan-out is pushed its records, aggregates taken apart', async () => {
  await createStream(2)
  const { Consumer } = await kinesis.send(
    new RegisterStreamConsumerCommand({ StreamARN: EventSourceArn, ConsumerName: 'fan' }),
  )
  await map({ EventSourceArn: Consumer?.ConsumerARN ?? '' })
  await put(0)
  expectOrder(await handled(100))
  expect((await events())[0]?.Records[0]?.eventSourceARN).toBe(Consumer?.ConsumerARN)
  // MD5 of `a` begins with 0c, of `b` with 92: the second is of the other shard, and dropped.
  const both = [
    { partitionKey: 'a', data: Buffer.from('100') },
    { partitionKey: 'b', data: Buffer.from('101') },
    { partitionKey: 'a', data: Buffer.from('102') },
  ]
  const aggregate = { Data: putTogether(both), PartitionKey: 'a' }
  await kinesis.send(new PutRecordsCommand({ StreamName, Records: [aggregate] }))
  expect((await handled(102)).get('a')).toEqual([100, 102])
  expect((await handled(102)).has('b')).toBe(false)
})

test('a consumer that is deregistered is named as the problem, and read by again once it is there', async () => {
  await createStream(1)
  const consumer = { StreamARN: EventSourceArn, ConsumerName: 'fan' }
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand(consumer))
  const UUID = await map({ EventSourceArn: Consumer?.ConsumerARN ?? '' })
  await put(0)
  await handled(100)
  const results = async (isWanted: (result: string) => boolean): Promise<string> =>
    eventually(
      async () => {
        const { LastProcessingResult: result = '' } = await lambda.send(
          new GetEventSourceMappingCommand({ UUID }),
        )
        return isWanted(result) ? result : undefined
      },
      () => `the mapping to say so: ${platform.log()}`,
    )
  await kinesis.send(new DeregisterStreamConsumerCommand(consumer))
  expect(await results((result) => result.startsWith('PROBLEM'))).toBe(
    'PROBLEM: Connection error. consumer fan of stream laps is not registered',
  )
  await put(100)
  // Its ARN is another one now: that ends in the second of the registration.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const again = await kinesis.send(new RegisterStreamConsumerCommand(consumer))
  expect(again.Consumer?.ConsumerARN).not.toBe(Consumer?.ConsumerARN)
  expectOrder(await handled(200))
  expect(await results((result) => !result.startsWith('PROBLEM'))).toBe('OK')
})
