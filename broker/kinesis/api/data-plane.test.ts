// Tests putting and reading records through the Kinesis API: routing, order, iterators, errors, and what Kafka clients wrote.
import { beforeEach, describe, expect, test } from 'vitest'
import { kinesisReadPieceBytes } from '../../../common/kinesis-limits.ts'
import { dayMs } from '../../../common/stream-limits.ts'
import { decodeCbor } from '../../../kinesis-wire/cbor.ts'
import {
  decodeSequenceNumber,
  encodeSequenceNumber,
} from '../../../kinesis-wire/sequence-number.ts'
import { encodeBatch, transactionalBit } from '../../../protocol/record-batch.ts'
import { codecs, compressed } from '../../../test/support/codecs.ts'
import { openKinesisContext } from '../../../test/support/kinesis-context.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import type { LogStore } from '../../log/log-store.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import { withSteps } from '../streams/resharding.ts'
import { splitAt } from '../streams/shard-range.ts'
import type { Stream } from '../streams/stream.ts'
import { WrittenAnswer, type KinesisContext, type WireFormat } from './kinesis-context.ts'
import { KinesisError } from './kinesis-errors.ts'
import { operations } from './operations.ts'

const account = { region: 'eu-west-1', accountId: '111122223333' }
let clock: ManualClock
let store: LogStore
let context: KinesisContext
let stream: Stream

beforeEach(async () => {
  clock = new ManualClock()
  clock.advance(1_764_000_000_000)
  // Blocks of the file system in memory are so small that megabytes of them take seconds.
  ;({ context } = await openKinesisContext({ clock, account, directIo: 'off' }))
  store = context.store
  stream = await context.catalog.create('laps', { shards: 4, retentionMs: dayMs })
})

/** A call's answer as its client sees it. */
async function call(name: string, input: object, format: WireFormat = 'json'): Promise<Answered> {
  const { signal } = new AbortController()
  const answer = await operations[name]?.run(context, input, {
    format,
    signal,
    elapsedSeconds: () => 0,
  })
  if (answer instanceof KinesisError) return { error: answer.code, message: answer.message }
  if (!(answer instanceof WrittenAnswer)) return answer as Answered
  const body = Buffer.concat(answer.chunks)
  return (format === 'cbor' ? decodeCbor(body) : JSON.parse(body.toString())) as Answered
}

interface Answered {
  readonly error?: string
  readonly message?: string
  readonly ShardId?: string
  readonly SequenceNumber?: string
  readonly ShardIterator?: string
  readonly NextShardIterator?: string
  readonly MillisBehindLatest?: number
  readonly FailedRecordCount?: number
  readonly EncryptionType?: string
  readonly ChildShards?: readonly object[]
  readonly Records?: readonly AnsweredRecord[]
}
interface AnsweredRecord {
  readonly ShardId: string
  readonly SequenceNumber: string
  readonly Data: string
  readonly PartitionKey: string
  readonly ApproximateArrivalTimestamp: number
  readonly ErrorCode?: string
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const put = (data: string, key = 'car-7', more: object = {}): Promise<Answered> =>
  call('PutRecord', { StreamName: 'laps', Data: base64(data), PartitionKey: key, ...more })

async function iterator(shard: number, type = 'TRIM_HORIZON', more: object = {}): Promise<string> {
  const answer = await call('GetShardIterator', {
    StreamName: 'laps',
    ShardId: `shardId-${String(shard).padStart(12, '0')}`,
    ShardIteratorType: type,
    ...more,
  })
  return answer.ShardIterator ?? `${answer.error}: ${answer.message}`
}

async function read(shard: number, more: object = {}): Promise<Answered> {
  return call('GetRecords', { ShardIterator: await iterator(shard), ...more })
}

const texts = ({ Records = [] }: Answered): string[] =>
  Records.map(({ Data }) => Buffer.from(Data, 'base64').toString())
const partition = (index: number): PartitionLog =>
  store.topic('laps')?.partitions[index] as PartitionLog

test('a record comes back with its key, its number and the time of its arrival', async () => {
  const { ShardId, SequenceNumber, EncryptionType } = await put('lap 1')
  expect(ShardId).toBe(stream.shardOfKey('car-7').id)
  expect(EncryptionType).toBeUndefined()
  const { Records, MillisBehindLatest } = await read(stream.shardOfKey('car-7').index)
  expect(Records).toEqual([
    {
      SequenceNumber,
      ApproximateArrivalTimestamp: clock.now() / 1000,
      Data: base64('lap 1'),
      PartitionKey: 'car-7',
    },
  ])
  expect(MillisBehindLatest).toBe(0)
})

test('CBOR is answered with the same values as JSON, data as bytes', async () => {
  await call(
    'PutRecord',
    { StreamName: 'laps', Data: Buffer.from('lap'), PartitionKey: 'car-7' },
    'cbor',
  )
  const { index } = stream.shardOfKey('car-7')
  const ShardIterator = await iterator(index)
  const { Records = [] } = (await call('GetRecords', { ShardIterator }, 'cbor')) as object as {
    Records?: { Data: Uint8Array; ApproximateArrivalTimestamp: Date; PartitionKey: string }[]
  }
  expect(Records.map(({ Data }) => Buffer.from(Data).toString())).toEqual(['lap'])
  expect(Records[0]?.ApproximateArrivalTimestamp).toEqual(new Date(clock.now()))
  expect(texts(await read(index))).toEqual(['lap'])
})

test.each(['as they come', 'encrypted', 'distributed by the stream'])(
  'CBOR says of any record what JSON says: %s',
  async (how) => {
    await context.catalog.change(stream, (record) => ({
      ...record,
      ...(how === 'encrypted' ? { encryptionKeyId: 'alias/aws/kinesis' } : {}),
      ...(how === 'distributed by the stream' ? { distribution: 'AUTO' as const } : {}),
    }))
    const keys = [
      'a',
      'Räder',
      'k'.repeat(23),
      'k'.repeat(24),
      'k'.repeat(256),
      '\ud83c\udfce'.repeat(60),
    ]
    const parts = [
      ...keys.map((key) => ({ key: Buffer.from(key), value: Buffer.from(`of ${key}`) })),
      { key: null, value: Buffer.alloc(70_000, 7) },
      { key: Buffer.from([0xff, 0x41, 0xc3]), value: null },
      { key: Buffer.alloc(0), value: Buffer.alloc(300) },
    ]
    const records = Array.from(parts, (part, index) => ({
      ...part,
      timestamp: index === 0 ? -1 : 4_000_000_000 + index,
    }))
    const appended = partition(0).append(encodeBatch({ records }))
    if (!appended.ok) throw new Error(appended.reason)
    await appended.committed
    const {
      Records = [],
      NextShardIterator,
      ...rest
    } = await call('GetRecords', { ShardIterator: await iterator(0) }, 'cbor')
    expect(NextShardIterator).toBeDefined()
    const json = await read(0)
    expect({ ...json, NextShardIterator: undefined }).toEqual({
      ...rest,
      NextShardIterator: undefined,
      Records: (Records as readonly object[] as readonly CborRecord[]).map(inJson),
    })
    expect(json.Records).toHaveLength(records.length)
  },
)

interface CborRecord {
  readonly Data: Buffer
  readonly ApproximateArrivalTimestamp: Date
}

function inJson({ Data, ApproximateArrivalTimestamp: time, ...record }: CborRecord): object {
  const members = {
    Data: Data.toString('base64'),
    ApproximateArrivalTimestamp: time.getTime() / 1000,
  }
  return { ...record, ...members }
}

test('records of a request go where their keys lead, in their order, and say where', async () => {
  const entries = Array.from({ length: 100 }, (_, lap) => ({
    Data: base64(`${lap}`),
    PartitionKey: `car-${lap % 10}`,
  }))
  const answer = await call('PutRecords', { StreamName: 'laps', Records: entries })
  expect(answer.FailedRecordCount).toBe(0)
  const shards = answer.Records?.map(({ ShardId }) => ShardId)
  expect(shards).toEqual(entries.map(({ PartitionKey }) => stream.shardOfKey(PartitionKey).id))
  for (const { index, id } of stream.shards) {
    const { Records = [] } = await read(index)
    const due = (answer.Records ?? []).filter(({ ShardId }) => ShardId === id)
    expect(Records.map(({ SequenceNumber }) => SequenceNumber)).toEqual(
      due.map(({ SequenceNumber }) => SequenceNumber),
    )
    const laps = texts({ Records }).map(Number)
    expect(laps).toEqual(laps.toSorted((a, b) => a - b))
  }
})

test('a request is one batch for each shard', async () => {
  const entries = Array.from({ length: 50 }, (_, i) => ({ Data: '', PartitionKey: `car-${i}` }))
  await call('PutRecords', { StreamName: 'laps', Records: entries })
  const result = await partition(0).read(0, { maxBytes: 1, minOneBatch: true })
  expect(result.ok && result.bytes).toBe(partition(0).sizeBytes)
})

test('an explicit hash key decides where the key does not', async () => {
  const most = (2n ** 128n - 1n).toString()
  expect((await put('a', 'car-7', { ExplicitHashKey: '0' })).ShardId).toBe('shardId-000000000000')
  expect((await put('a', 'car-7', { ExplicitHashKey: most })).ShardId).toBe('shardId-000000000003')
  expect(await put('a', 'car-7', { ExplicitHashKey: (2n ** 128n).toString() })).toEqual({
    error: 'InvalidArgumentException',
    message:
      'Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. ' +
      'Specified value was 340282366920938463463374607431768211456',
  })
})

test('a number for ordering is taken, and must be one of the past', async () => {
  const { SequenceNumber: number = '' } = await put('lap 1')
  expect((await put('lap 2', 'car-7', { SequenceNumberForOrdering: number })).error).toBeUndefined()
  const parts = { shardIndex: 0, offset: 0, shardCreatedSecs: 0 }
  const future = encodeSequenceNumber({ ...parts, recordSecs: clock.now() / 1000 + 60 })
  for (const wrong of ['5', future]) {
    expect(await put('lap 2', 'car-7', { SequenceNumberForOrdering: wrong })).toEqual({
      error: 'InvalidArgumentException',
      message:
        `ExclusiveMinimumSequenceNumber ${wrong} used in PutRecord on stream laps under account ` +
        '111122223333 is invalid.',
    })
  }
})

const violation = (text: string): object => ({
  error: 'ValidationException',
  message: `1 validation error detected: ${text}`,
})

test.each([
  [
    { Data: undefined },
    "Value null at 'data' failed to satisfy constraint: Member must not be null",
  ],
  [
    { PartitionKey: undefined },
    "Value null at 'partitionKey' failed to satisfy constraint: Member must not be null",
  ],
  [
    { PartitionKey: '' },
    "Value '' at 'partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
  ],
  [
    { PartitionKey: 'k'.repeat(257) },
    `Value '${'k'.repeat(257)}' at 'partitionKey' failed to satisfy constraint: Member must have length less than or equal to 256`,
  ],
  [
    { ExplicitHashKey: '-1' },
    "Value '-1' at 'explicitHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})",
  ],
  [
    { StreamName: 'a b' },
    "Value 'a b' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
  ],
  [
    { Data: base64('x'.repeat(1024 * 1024 + 1)) },
    "Value at 'data' failed to satisfy constraint: Member must have length less than or equal to 1048576",
  ],
])('PutRecord is refused where it violates a rule: %#', async (more, text) => {
  expect(await put('x', 'k', more)).toEqual(violation(text))
})

test.each([
  [{ Data: 5 }, 'NUMBER_VALUE'],
  [{ Data: '!' }, 'Base64'],
  [{ Data: 'YWJ-' }, 'Base64'],
  [{ Data: '====' }, 'Base64'],
  [{ PartitionKey: {} }, 'Start of structure or map found where not expected.'],
])('PutRecord with %j is no request', async (more, text) => {
  const { error, message } = await put('x', 'k', more)
  expect([error, message?.includes(text)]).toEqual(['SerializationException', true])
  expect(partition(0).logEndOffset).toBe(0)
})

test('an entry that is wrong refuses the request, and nothing of it is written', async () => {
  const good = { Data: base64('x'), PartitionKey: 'k' }
  const bad = { ...good, PartitionKey: '' }
  expect(await call('PutRecords', { StreamName: 'laps', Records: [good, bad] })).toEqual(
    violation(
      "Value '' at 'records.2.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ),
  )
  const none = await call('PutRecords', {
    StreamName: 'laps',
    Records: [good, { ...good, Data: 'Y!==' }],
  })
  expect(none.error).toBe('SerializationException')
  expect(stream.shards.map((shard) => shard.partition.logEndOffset)).toEqual([0, 0, 0, 0])
})

test.each([
  [[], 'greater than or equal to 1'],
  [
    Array.from({ length: 501 }, () => ({ Data: '', PartitionKey: 'k' })),
    'less than or equal to 500',
  ],
])('a request has 1 to 500 records', async (Records, bound) => {
  expect(await call('PutRecords', { StreamName: 'laps', Records })).toEqual(
    violation(`Value at 'records' failed to satisfy constraint: Member must have length ${bound}`),
  )
})

test('a request has 10 MiB at most, keys included', async () => {
  const mib = { Data: Buffer.alloc(1024 * 1024).toString('base64'), PartitionKey: 'k' }
  const Records = Array.from({ length: 10 }, () => mib)
  expect(await call('PutRecords', { StreamName: 'laps', Records })).toEqual({
    error: 'InvalidArgumentException',
    message: 'Records size exceeds 10 MB limit',
  })
})

test('a record of the size that its stream takes is taken, whatever a topic says of batches', async () => {
  await context.catalog.change(stream, (record) => ({ ...record, recordMaxKiB: 10_240 }))
  const data = 'x'.repeat(10 * 1024 * 1024 - 5)
  expect((await put(data)).error).toBeUndefined()
  expect(texts(await read(stream.shardOfKey('car-7').index))[0]?.length).toBe(data.length)
})

test('what is not there is not found', async () => {
  const missing = { error: 'ResourceNotFoundException' }
  expect(await put('x', 'k', { StreamName: 'races' })).toEqual({
    ...missing,
    message: 'Stream races under account 111122223333 not found.',
  })
  expect(await iterator(9)).toBe(
    'ResourceNotFoundException: Shard shardId-000000000009 in stream laps under account 111122223333 does not exist',
  )
  expect(await iterator(0, 'LATEST', { ShardId: 'shard-x' })).toBe(
    'ResourceNotFoundException: Could not find shard shard-x in stream laps under account 111122223333.',
  )
  expect(await put('x', 'k', { StreamName: undefined })).toMatchObject({
    error: 'InvalidArgumentException',
  })
})

test('a stream is found by its ARN, which must be one of ours', async () => {
  const arn = 'arn:aws:kinesis:eu-west-1:111122223333:stream/laps'
  expect((await put('x', 'k', { StreamName: undefined, StreamARN: arn })).error).toBeUndefined()
  const other = arn.replace('111122223333', '999999999999')
  expect((await put('x', 'k', { StreamName: undefined, StreamARN: other })).error).toBe(
    'ResourceNotFoundException',
  )
  expect((await put('x', 'k', { StreamName: 'races', StreamARN: arn })).error).toBe(
    'InvalidArgumentException',
  )
})

test('a dry run writes nothing', async () => {
  expect((await put('x', 'k', { DryRun: true })).error).toBe('DryRunOperationException')
  expect((await put('x', 'k', { DryRun: true, StreamName: 'races' })).error).toBe(
    'ResourceNotFoundException',
  )
  expect(stream.shards.map((shard) => shard.partition.logEndOffset)).toEqual([0, 0, 0, 0])
})

test('a stream that distributes records needs no key, and shows none', async () => {
  await context.catalog.change(stream, (record) => ({ ...record, distribution: 'AUTO' }))
  for (let lap = 0; lap < 20; lap++) await put('x', undefined, { PartitionKey: undefined })
  const ends = stream.shards.map((shard) => shard.partition.logEndOffset)
  expect(ends.reduce((a, b) => a + b)).toBe(20)
  const written = ends.findIndex((end) => end > 0)
  expect((await read(written)).Records?.[0]).not.toHaveProperty('PartitionKey')
})

test('the encryption that was asked for is reported with each record', async () => {
  await context.catalog.change(stream, (record) => ({ ...record, encryptionKeyId: 'alias/k' }))
  expect((await put('x')).EncryptionType).toBe('KMS')
  expect((await read(stream.shardOfKey('car-7').index)).Records?.[0]).toMatchObject({
    EncryptionType: 'KMS',
  })
})

test('iterators begin where they are told to', async () => {
  const numbers: string[] = []
  const times: number[] = []
  for (const lap of ['one', 'two', 'three']) {
    clock.advance(1000)
    times.push(clock.now())
    numbers.push((await put(lap)).SequenceNumber ?? '')
  }
  const { index } = stream.shardOfKey('car-7')
  const from = async (type: string, more: object = {}): Promise<string[]> =>
    texts(await call('GetRecords', { ShardIterator: await iterator(index, type, more) }))
  expect(await from('TRIM_HORIZON')).toEqual(['one', 'two', 'three'])
  expect(await from('LATEST')).toEqual([])
  const at = { StartingSequenceNumber: numbers[1] }
  expect(await from('AT_SEQUENCE_NUMBER', at)).toEqual(['two', 'three'])
  expect(await from('AFTER_SEQUENCE_NUMBER', at)).toEqual(['three'])
  expect(await from('AT_TIMESTAMP', { Timestamp: 0 })).toEqual(['one', 'two', 'three'])
  expect(await from('AT_TIMESTAMP', { Timestamp: ((times[1] ?? 0) - 1) / 1000 })).toEqual([
    'two',
    'three',
  ])
  expect(await from('AT_TIMESTAMP', { Timestamp: ((times[1] ?? 0) + 1) / 1000 })).toEqual(['three'])
  clock.advance(5000)
  expect(await from('AT_TIMESTAMP', { Timestamp: clock.now() / 1000 })).toEqual([])
})

test.each([
  [
    'LATEST',
    { StartingSequenceNumber: '5' },
    'Request specified LATEST and also a StartingSequenceNumber.',
  ],
  ['AT_SEQUENCE_NUMBER', {}, 'Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber.'],
  ['AT_TIMESTAMP', {}, 'Current request has no timestamp parameter.'],
  [
    'AT_TIMESTAMP',
    { Timestamp: 9e9 },
    'cannot be greater than the currentTimestampInMillis. timestampInMillis: 9000000000000',
  ],
  [
    'AT_SEQUENCE_NUMBER',
    { StartingSequenceNumber: '5' },
    'StartingSequenceNumber 5 used in GetShardIterator on shard shardId-000000000000 in stream laps under account 111122223333 is invalid.',
  ],
])('an iterator of %s with %j is refused', async (type, more, text) => {
  const answer = await iterator(0, type, more)
  expect(answer).toMatch(/^InvalidArgumentException: /)
  expect(answer).toContain(text)
})

test('a sequence number of another shard or stream is refused', async () => {
  const { SequenceNumber: number = '' } = await put('x', 'k', { ExplicitHashKey: '0' })
  expect(await iterator(1, 'AT_SEQUENCE_NUMBER', { StartingSequenceNumber: number })).toBe(
    'InvalidArgumentException: Invalid StartingSequenceNumber. It encodes shardId-000000000000, ' +
      'while it was used in a call to a shard with shardId-000000000001',
  )
  const parts = decodeSequenceNumber(number)
  if (parts === undefined) throw new Error(`${number} is no sequence number`)
  const other = encodeSequenceNumber({ ...parts, shardCreatedSecs: 5 })
  expect(await iterator(0, 'AT_SEQUENCE_NUMBER', { StartingSequenceNumber: other })).toContain(
    'is invalid because it did not come from this stream.',
  )
})

test('an iterator lives for five minutes', async () => {
  const ShardIterator = await iterator(0)
  clock.advance(300_000)
  expect((await call('GetRecords', { ShardIterator })).error).toBeUndefined()
  clock.advance(1)
  const { error, message } = await call('GetRecords', { ShardIterator })
  expect(error).toBe('ExpiredIteratorException')
  expect(message).toMatch(
    /^Iterator expired. The iterator was created at time \w{3} \w{3} \d\d [\d:]{8} UTC \d{4} while right now it is \w{3} \w{3} \d\d [\d:]{8} UTC \d{4} which is further in the future than the tolerated delay of 300000 milliseconds.$/,
  )
})

test('no character of an iterator can be another', async () => {
  const ShardIterator = await iterator(0)
  const refused = { error: 'InvalidArgumentException', message: 'Invalid ShardIterator.' }
  for (let at = 0; at < ShardIterator.length; at++) {
    const other = ShardIterator[at] === 'A' ? 'B' : 'A'
    const damaged = ShardIterator.slice(0, at) + other + ShardIterator.slice(at + 1)
    expect(await call('GetRecords', { ShardIterator: damaged })).toEqual(refused)
  }
  expect(await call('GetRecords', { ShardIterator: 'x' })).toEqual(refused)
})

test('an iterator outlives a restart, and not its stream', async () => {
  await put('lap 1')
  const { index } = stream.shardOfKey('car-7')
  const ShardIterator = await iterator(index)
  expect(texts(await call('GetRecords', { ShardIterator }))).toEqual(['lap 1'])
  await context.catalog.delete(stream)
  await context.catalog.create('laps', { shards: 4, retentionMs: dayMs })
  expect((await call('GetRecords', { ShardIterator })).error).toBe('ResourceNotFoundException')
})

test('a limit is kept, and the next iterator goes on behind it', async () => {
  const Records = Array.from({ length: 10 }, (_, i) => ({
    Data: base64(`${i}`),
    PartitionKey: 'car-7',
  }))
  await call('PutRecords', { StreamName: 'laps', Records })
  clock.advance(2500)
  const { index } = stream.shardOfKey('car-7')
  const first = await read(index, { Limit: 4 })
  expect(texts(first)).toEqual(['0', '1', '2', '3'])
  expect(first.MillisBehindLatest).toBe(2500)
  const rest = await call('GetRecords', { ShardIterator: first.NextShardIterator })
  expect(texts(rest)).toEqual(['4', '5', '6', '7', '8', '9'])
  expect(rest.MillisBehindLatest).toBe(0)
  expect(await read(index, { Limit: 10_001 })).toEqual(
    violation(
      "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
    ),
  )
})

test('an answer has 10 MiB at most', async () => {
  const Data = Buffer.alloc(1024 * 1024, 7).toString('base64')
  for (let i = 0; i < 12; i++)
    await call('PutRecord', { StreamName: 'laps', Data, PartitionKey: 'k' })
  const { index } = stream.shardOfKey('k')
  const first = await read(index)
  expect(first.Records).toHaveLength(9)
  const rest = await call('GetRecords', { ShardIterator: first.NextShardIterator })
  expect(rest.Records).toHaveLength(3)
})

describe('with the limits of shards', () => {
  const rate = {
    error: 'ProvisionedThroughputExceededException',
    message:
      'Rate exceeded for shard shardId-000000000000 in stream laps under account 111122223333.',
  }
  const tagged = (value: string): Promise<void> =>
    context.catalog.change(stream, (record) => ({
      ...record,
      tags: { 'millrace:shard-limits': value },
    }))

  test('records above them fail one by one, and none of another shard', async () => {
    await tagged('on')
    const car = { Data: Buffer.alloc(400_000).toString('base64'), PartitionKey: 'car-7' }
    const other = { Data: base64('x'), PartitionKey: 'k', ExplicitHashKey: `${2n ** 127n}` }
    const answer = await call('PutRecords', {
      StreamName: 'laps',
      Records: [car, car, car, other, car],
    })
    expect(answer.FailedRecordCount).toBe(2)
    expect(answer.Records?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      undefined,
      rate.error,
      undefined,
      rate.error,
    ])
    expect(await call('PutRecord', { StreamName: 'laps', ...car })).toEqual(rate)
    clock.advance(1000)
    expect((await call('PutRecord', { StreamName: 'laps', ...car })).error).toBeUndefined()
  })

  test('five reads a second are answered', async () => {
    context = { ...context, pace: 'aws' }
    const ShardIterator = await iterator(0)
    for (let i = 0; i < 5; i++) {
      expect((await call('GetRecords', { ShardIterator })).error).toBeUndefined()
    }
    expect(await call('GetRecords', { ShardIterator })).toEqual(rate)
    await tagged('off')
    expect((await call('GetRecords', { ShardIterator })).error).toBeUndefined()
  })

  test('an answer of 10 MiB is paid off in five seconds', async () => {
    const Data = Buffer.alloc(1024 * 1024).toString('base64')
    for (let i = 0; i < 10; i++) {
      await call('PutRecord', { StreamName: 'laps', Data, PartitionKey: 'car-7' })
    }
    await tagged('on')
    const ShardIterator = await iterator(0)
    expect((await call('GetRecords', { ShardIterator })).Records).toHaveLength(9)
    clock.advance(3000)
    expect(await call('GetRecords', { ShardIterator })).toEqual(rate)
    clock.advance(2000)
    expect((await call('GetRecords', { ShardIterator })).error).toBeUndefined()
  })
})

test("a closed shard's end has no iterator, and tells its children", async () => {
  await put('last', 'k', { ExplicitHashKey: '5' })
  const parent = stream.shards[0]
  const range = parent?.record.range
  if (range === undefined) throw new Error('the first shard has a range')
  const { done } = await context.catalog.reshard(stream, (record) =>
    withSteps(record, [{ closes: [0], opens: splitAt(range, 100n) }]),
  )
  await done
  const answer = await read(0)
  expect(texts(answer)).toEqual(['last'])
  expect(answer.NextShardIterator).toBeUndefined()
  expect(answer.ChildShards).toEqual([
    {
      ShardId: 'shardId-000000000004',
      ParentShards: ['shardId-000000000000'],
      HashKeyRange: { StartingHashKey: '0', EndingHashKey: '99' },
    },
    {
      ShardId: 'shardId-000000000005',
      ParentShards: ['shardId-000000000000'],
      HashKeyRange: { StartingHashKey: '100', EndingHashKey: String(range.end) },
    },
  ])
  const heir = await put('next', 'k', { ExplicitHashKey: '5' })
  expect(heir.ShardId).toBe('shardId-000000000004')
})

test.each(codecs)('what a Kafka client wrote with $name is read', async (codec) => {
  const records = [
    { key: Buffer.from('Räder'), value: Buffer.from('one'), timestamp: 5000 },
    { key: null, value: Buffer.from('two'), timestamp: 5000 },
    { key: Buffer.from([0xff]), value: null, timestamp: 5000 },
  ]
  const appended = partition(0).append(compressed(encodeBatch({ records }), codec))
  if (!appended.ok) throw new Error(appended.reason)
  await appended.committed
  const { Records = [] } = await read(0)
  expect(texts({ Records })).toEqual(['one', 'two', ''])
  expect(Records.map(({ PartitionKey }) => PartitionKey)).toEqual([
    'Räder',
    'shardId-000000000000',
    '\u{fffd}',
  ])
})

test('an answer that is nearly full ends with a batch, so that the next begins with one', async () => {
  const batch = encodeBatch({
    records: Array.from({ length: 3 }, () => ({
      key: null,
      value: Buffer.alloc(kinesisReadPieceBytes / 10),
      timestamp: 5000,
    })),
  })
  const batches = 40
  for (let left = batches; left > 0; left--) {
    const appended = partition(0).append(Buffer.from(batch))
    if (!appended.ok) throw new Error(appended.reason)
    await appended.committed
  }
  const counts: number[] = []
  let ShardIterator: string | undefined = await iterator(0)
  while (ShardIterator !== undefined) {
    const answer: Answered = await call('GetRecords', { ShardIterator })
    if (answer.Records?.length === 0) break
    counts.push(answer.Records?.length ?? 0)
    ShardIterator = answer.NextShardIterator
  }
  expect(counts.reduce((sum, count) => sum + count)).toBe(3 * batches)
  expect(counts.map((count) => count % 3)).toEqual(counts.map(() => 0))
  expect(counts[0]).toBeGreaterThan(90)
})

test('what a Kafka client aborted is not seen, nor are the marks of transactions', async () => {
  const producer = { producerId: 5, producerEpoch: 0 }
  const write = async (value: string, baseSequence: number): Promise<void> => {
    const records = [{ key: null, value: Buffer.from(value), timestamp: 5000 }]
    const batch = encodeBatch({ records, ...producer, baseSequence, attributes: transactionalBit })
    const appended = partition(0).append(batch)
    if (!appended.ok) throw new Error(appended.reason)
    await appended.committed
  }
  await write('aborted', 0)
  expect(texts(await read(0))).toEqual([])
  partition(0).appendMarker(producer, 'abort')
  await write('committed', 1)
  partition(0).appendMarker(producer, 'commit')
  await put('after', 'k', { ExplicitHashKey: '0' })
  const answer = await read(0)
  expect(texts(answer)).toEqual(['committed', 'after'])
  expect(texts(await call('GetRecords', { ShardIterator: answer.NextShardIterator }))).toEqual([])
})

test('a batch that was packed wrongly is said to be so', async () => {
  const records = [{ key: null, value: Buffer.from('x'), timestamp: 5000 }]
  const batch = compressed(encodeBatch({ records }), { number: 1, compress: (bytes) => bytes })
  const appended = partition(0).append(batch)
  if (!appended.ok) throw new Error(appended.reason)
  await appended.committed
  await expect(read(0)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
})
