// Proves what a subscription to a shard promises: every record once and at once, signs of life, and ends that say why.
import { beforeEach, expect, test } from 'vitest'
import { dayMs } from '../../../common/stream-limits.ts'
import {
  consumersAdvantageMax,
  consumersMax,
  subscriptionEventMaxBytes,
  subscriptionEventMs,
  subscriptionMaxMs,
} from '../../../common/subscription-limits.ts'
import { decodeCbor } from '../../../kinesis-wire/cbor.ts'
import { EventStreamDecoder, EventStreamFlaw } from '../../../kinesis-wire/event-stream.ts'
import { encodeBatch } from '../../../protocol/record-batch.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { openKinesisContext } from '../../../test/support/kinesis-context.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { Consumers } from '../streams/consumers.ts'
import { withSteps } from '../streams/resharding.ts'
import { splitAt } from '../streams/shard-range.ts'
import type { Stream } from '../streams/stream.ts'
import { StreamedAnswer, type KinesisContext, type WireFormat } from './kinesis-context.ts'
import { KinesisError } from './kinesis-errors.ts'
import { operations } from './operations.ts'

const streamArn = 'arn:aws:kinesis:us-east-1:000000000000:stream/laps'
let clock: ManualClock
let context: KinesisContext
let stream: Stream
let arn: string

beforeEach(async () => {
  clock = new ManualClock()
  clock.advance(1_764_000_000_000)
  await open(false)
  stream = await context.catalog.create('laps', { shards: 1, retentionMs: dayMs })
  arn = await register('pit-wall')
})

async function open(isStrict: boolean): Promise<void> {
  ;({ context } = await openKinesisContext({ clock, isStrict }))
}

async function call(name: string, input: object, format: WireFormat = 'json'): Promise<unknown> {
  const { signal } = new AbortController()
  return operations[name]?.run(context, input, { format, signal, elapsedSeconds: () => 0 })
}

async function register(name: string): Promise<string> {
  const input = { StreamARN: streamArn, ConsumerName: name }
  const answer = await call('RegisterStreamConsumer', input)
  const { Consumer } = answer as { Consumer: { ConsumerARN: string } }
  return Consumer.ConsumerARN
}

async function put(...values: readonly string[]): Promise<void> {
  const records = values.map((value) => ({
    key: Buffer.from('ver'),
    value: Buffer.from(value),
    timestamp: clock.now(),
  }))
  const appended = stream.shards[0]?.partition.append(encodeBatch({ records }))
  if (appended?.ok !== true) throw new Error('not appended')
  await appended.committed
}

interface PushedEvent {
  readonly type: string | undefined
  readonly exception: string | undefined
  readonly data: readonly string[]
  readonly body: {
    readonly Records?: readonly { readonly Data: string | Buffer; readonly PartitionKey: string }[]
    readonly ContinuationSequenceNumber?: string
    readonly MillisBehindLatest?: number
    readonly ChildShards?: readonly { readonly ShardId: string }[]
    readonly message?: string
  }
}

interface Watched {
  readonly events: PushedEvent[]
  readonly leave: () => void
  readonly over: Promise<void>
  /** While it is true nothing more is taken. */
  isFull: boolean
  takeAgain: () => void
  readonly data: () => readonly string[]
}

const latest = { Type: 'LATEST' }
const horizon = { Type: 'TRIM_HORIZON' }

async function subscribe(
  position: object = horizon,
  { consumer = arn, format = 'json' }: { consumer?: string; format?: WireFormat } = {},
): Promise<Watched | KinesisError> {
  const input = { ConsumerARN: consumer, ShardId: 'shardId-000000000000' }
  const leaving = new AbortController()
  const { signal } = leaving
  const all = { ...input, StartingPosition: position }
  const answer = await operations['SubscribeToShard']?.run(context, all, {
    format,
    signal,
    elapsedSeconds: () => 0,
  })
  if (answer instanceof KinesisError) return answer
  if (!(answer instanceof StreamedAnswer)) throw new Error('it is no stream')
  expect(answer.contentType).toBe('application/vnd.amazon.eventstream')
  const decoder = new EventStreamDecoder()
  const watched: { -readonly [Key in keyof Watched]: Watched[Key] } = {
    events: [],
    leave: () => leaving.abort(),
    over: Promise.resolve(),
    isFull: false,
    takeAgain: () => {},
    data: () => watched.events.flatMap(({ data }) => data),
  }
  const send = async (bytes: Uint8Array): Promise<void> => {
    const frames = decoder.push(Buffer.from(bytes))
    if (frames instanceof EventStreamFlaw) throw new Error(frames.reason)
    for (const frame of frames) watched.events.push(eventOf(frame, format))
    if (watched.isFull) await new Promise<void>((resolve) => (watched.takeAgain = resolve))
  }
  watched.over = answer.run({ signal, send })
  return watched
}

function eventOf(
  { headers, payload }: { headers: ReadonlyMap<string, string>; payload: Buffer },
  format: WireFormat,
): PushedEvent {
  expect(headers.get(':content-type')).toBe(`application/x-amz-${format}-1.1`)
  const text = format === 'json' ? (JSON.parse(payload.toString()) as unknown) : decodeCbor(payload)
  const body = text as PushedEvent['body']
  const data = (body.Records ?? []).map(({ Data }) =>
    typeof Data === 'string' ? Buffer.from(Data, 'base64').toString() : Data.toString(),
  )
  const [type, exception] = [headers.get(':event-type'), headers.get(':exception-type')]
  return { type, exception, data, body }
}

async function started(
  position?: object,
  options: { consumer?: string; format?: WireFormat } = {},
): Promise<Watched> {
  const watched = await subscribe(position, options)
  if (watched instanceof KinesisError) throw new Error(watched.message)
  return watched
}

/** As far as work under way goes without time passing. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
const until = (what: string, probe: () => boolean): Promise<true> =>
  eventually(
    () => (probe() ? true : undefined),
    () => what,
  )

test.each(['json', 'cbor'] as const)(
  'what is there comes at once, and what is put later as soon as it is committed (%s)',
  async (format) => {
    await put('one', 'two')
    const watched = await started(horizon, { format })
    await until('two records', () => watched.data().length === 2)
    await put('three')
    await until('three records', () => watched.data().length === 3)
    expect(watched.data()).toEqual(['one', 'two', 'three'])
    expect(watched.events[0]).toMatchObject({ type: 'initial-response', body: {} })
    expect(watched.events[1]).toMatchObject({
      type: 'SubscribeToShardEvent',
      body: { MillisBehindLatest: 0, Records: [{ PartitionKey: 'ver' }, { PartitionKey: 'ver' }] },
    })
    watched.leave()
    await watched.over
    expect(context.subscriptions.open).toBe(0)
  },
)

test('with nothing to send there is a sign of life every five seconds', async () => {
  const watched = await started(latest)
  await settled()
  expect(watched.events).toHaveLength(1)
  for (const count of [2, 3, 4]) {
    clock.advance(subscriptionEventMs - 1)
    await settled()
    expect(watched.events).toHaveLength(count - 1)
    clock.advance(1)
    await settled()
    expect(watched.events).toHaveLength(count)
  }
  expect(subscriptionEventMs).toBeLessThan(5000)
  expect(watched.events[3]).toMatchObject({ data: [], body: { MillisBehindLatest: 0 } })
})

test('it ends by itself after five minutes, without an error', async () => {
  const { timers } = clock
  const watched = await started()
  for (let passedMs = 0; passedMs < subscriptionMaxMs; passedMs += 1000) {
    clock.advance(1000)
    await settled()
  }
  await watched.over
  expect(watched.events.every(({ exception }) => exception === undefined)).toBe(true)
  expect(clock.timers).toBe(timers)
})

test.each(['AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER'])(
  'whoever goes on %s of the last event misses nothing and gets nothing twice, before the first record too',
  async (Type) => {
    const goOn = async (watched: Watched): Promise<Watched> => {
      const number = watched.events.at(-1)?.body.ContinuationSequenceNumber
      watched.leave()
      await watched.over
      return started({ Type, SequenceNumber: number })
    }
    const idle = await started(latest)
    await settled()
    clock.advance(5000)
    await settled()
    const first = await goOn(idle)
    await put('one', 'two')
    await until('both', () => first.data().length === 2)
    const second = await goOn(first)
    await put('three')
    await until('the third', () => second.data().length > 0)
    expect(second.data()).toEqual(['three'])
  },
)

test('an event has a bounded number of bytes, and nothing is read ahead of a client that does not take it', async () => {
  const large = 'x'.repeat(100_000)
  for (let round = 0; round < 12; round += 1) await put(large)
  const watched = await started()
  watched.isFull = true
  await until('the first event', () => watched.events.length === 2)
  await settled()
  expect(watched.data()).toHaveLength(Math.floor(subscriptionEventMaxBytes / 100_000))
  expect(watched.events[1]?.body.MillisBehindLatest).toBe(0)
  clock.advance(1000)
  watched.takeAgain()
  await until('the second event', () => watched.events.length === 3)
  await settled()
  expect(watched.events).toHaveLength(3)
  expect(watched.events[2]?.body.MillisBehindLatest).toBe(1000)
  watched.isFull = false
  watched.takeAgain()
  await until('all', () => watched.data().length === 12)
  expect(watched.events.at(-1)?.body.MillisBehindLatest).toBe(0)
})

test('where limits hold, records come at two megabytes a second', async () => {
  await open(true)
  stream = await context.catalog.create('laps', { shards: 1, retentionMs: dayMs })
  arn = await register('pit-wall')
  const half = 'x'.repeat(subscriptionEventMaxBytes - 3)
  for (let round = 0; round < 6; round += 1) await put(half)
  const watched = await started()
  await until('the first', () => watched.data().length === 1)
  for (const passed of [2, 3, 4, 5]) {
    clock.advance(249)
    await settled()
    expect(watched.data()).toHaveLength(passed - 1)
    clock.advance(2)
    await until('the next', () => watched.data().length === passed)
  }
})

test('a stream may say itself that limits hold', async () => {
  const tags = { 'millrace:shard-limits': 'on' }
  await context.catalog.change(stream, (record) => ({ ...record, tags }))
  for (let round = 0; round < 2; round += 1) await put('x'.repeat(subscriptionEventMaxBytes - 3))
  const watched = await started()
  await until('the first', () => watched.data().length === 1)
  await settled()
  expect(watched.data()).toHaveLength(1)
  clock.advance(251)
  await until('the second', () => watched.data().length === 2)
})

test('a closed shard ends with its children, once all of it was given', async () => {
  await put('last')
  const watched = await started()
  await until('the record', () => watched.data().length === 1)
  const range = stream.shards[0]?.record.range
  if (range === undefined) throw new Error('no range')
  await context.catalog.reshard(stream, (record) =>
    withSteps(record, [{ closes: [0], opens: splitAt(range, 2n ** 127n) }]),
  )
  await watched.over
  const last = watched.events.at(-1)
  expect(last?.body.ContinuationSequenceNumber).toBeUndefined()
  expect(last?.body.ChildShards).toEqual([
    {
      ShardId: 'shardId-000000000001',
      ParentShards: ['shardId-000000000000'],
      HashKeyRange: { StartingHashKey: '0', EndingHashKey: String(2n ** 127n - 1n) },
    },
    expect.objectContaining({ ShardId: 'shardId-000000000002' }),
  ])
  expect(last?.exception).toBeUndefined()
})

test('the same consumer and shard again is refused for five seconds, then takes over', async () => {
  const first = await started()
  clock.advance(4999)
  const refused = {
    code: 'ResourceInUseException',
    message:
      'Another active subscription exists for this consumer: 000000000000:laps:shardId-000000000000:pit-wall',
  }
  expect(await subscribe()).toMatchObject(refused)
  clock.advance(1)
  const second = await started()
  await first.over
  expect(first.events.at(-1)).toMatchObject({
    exception: 'ResourceInUseException',
    body: { message: refused.message },
  })
  await put('one')
  await until('the record', () => second.data().length === 1)
  expect(first.data()).toEqual([])
  expect(context.subscriptions.open).toBe(1)
})

test('another consumer of the same shard is not concerned', async () => {
  const [one, other] = [await started(), await started(horizon, { consumer: await register('tv') })]
  await put('one')
  await until('both', () => one.data().length === 1 && other.data().length === 1)
})

test('one that is over keeps nobody out, unless limits hold to the letter', async () => {
  const first = await started()
  first.leave()
  await first.over
  expect(await subscribe()).not.toBeInstanceOf(KinesisError)
  await open(true)
  stream = await context.catalog.create('laps', { shards: 1, retentionMs: dayMs })
  arn = await register('pit-wall')
  const strict = await started()
  strict.leave()
  await strict.over
  expect(await subscribe()).toBeInstanceOf(KinesisError)
  clock.advance(5000)
  expect(await subscribe()).not.toBeInstanceOf(KinesisError)
})

test('deregistering its consumer ends a subscription with ResourceNotFoundException', async () => {
  const watched = await started()
  await settled()
  await call('DeregisterStreamConsumer', { ConsumerARN: arn })
  await watched.over
  expect(watched.events.at(-1)).toMatchObject({
    exception: 'ResourceNotFoundException',
    body: {
      message: 'Consumer pit-wall under stream laps and account 000000000000 not found.',
    },
  })
})

test('so does deleting its stream', async () => {
  const watched = await started()
  await settled()
  await call('DeleteStream', { StreamName: 'laps', EnforceConsumerDeletion: true })
  await watched.over
  expect(watched.events.at(-1)).toMatchObject({
    exception: 'ResourceNotFoundException',
    body: { message: 'Stream laps under account 000000000000 not found.' },
  })
})

test('a door that closes ends it without an error', async () => {
  const { timers } = clock
  const watched = await started()
  await settled()
  watched.leave()
  await watched.over
  expect(watched.events).toHaveLength(1)
  expect(clock.timers).toBe(timers)
})

test('what is wrong with a request is told before anything begins', async () => {
  const wrong = async (input: object): Promise<unknown> => call('SubscribeToShard', input)
  const good = { ConsumerARN: arn, ShardId: 'shardId-000000000000', StartingPosition: horizon }
  expect(await wrong({})).toMatchObject({
    code: 'ValidationException',
    message: expect.stringMatching(
      /^3 validation errors detected: Value null at 'consumerARN'/,
    ) as string,
  })
  expect(await wrong({ ...good, StartingPosition: { Type: 'SOON' } })).toMatchObject({
    code: 'ValidationException',
    message: expect.stringContaining("'startingPosition.type'") as string,
  })
  expect(await wrong({ ...good, ConsumerARN: `${arn}1` })).toMatchObject({
    code: 'ResourceNotFoundException',
    message: `Consumer ${arn}1 not found.`,
  })
  expect(await wrong({ ...good, ShardId: 'shardId-000000000007' })).toMatchObject({
    code: 'ResourceNotFoundException',
  })
  const at = { Type: 'AT_SEQUENCE_NUMBER', SequenceNumber: '5' }
  expect(await wrong({ ...good, StartingPosition: at })).toMatchObject({
    code: 'InvalidArgumentException',
  })
  expect(await wrong({ ...good, DryRun: true })).toMatchObject({ code: 'DryRunOperationException' })
  expect(context.subscriptions.open).toBe(0)
})

test('consumers are described by their ARN or their name, listed page by page, and durable', async () => {
  for (const name of ['b', 'c', 'a']) await register(name)
  const list = async (input: object): Promise<{ names: string[]; token: string | undefined }> => {
    const answer = await call('ListStreamConsumers', { StreamARN: streamArn, ...input })
    const { Consumers, NextToken } = answer as {
      Consumers: { ConsumerName: string }[]
      NextToken?: string
    }
    return { names: Consumers.map(({ ConsumerName }) => ConsumerName), token: NextToken }
  }
  const first = await list({ MaxResults: 3 })
  expect(first.names).toEqual(['a', 'b', 'c'])
  expect(await list({ MaxResults: 3, NextToken: first.token })).toEqual({
    names: ['pit-wall'],
    token: undefined,
  })
  const described = {
    ConsumerDescription: {
      ConsumerName: 'pit-wall',
      ConsumerARN: arn,
      ConsumerStatus: 'ACTIVE',
      ConsumerCreationTimestamp: new Date(clock.now()),
      StreamARN: streamArn,
    },
  }
  expect(arn).toBe(`${streamArn}/consumer/pit-wall:${Math.floor(clock.now() / 1000)}`)
  expect(await call('DescribeStreamConsumer', { ConsumerARN: arn })).toEqual(described)
  const byName = { StreamARN: streamArn, ConsumerName: 'pit-wall' }
  expect(await call('DescribeStreamConsumer', byName)).toEqual(described)
  expect(await call('DescribeStreamConsumer', { StreamARN: streamArn })).toMatchObject({
    code: 'InvalidArgumentException',
  })
})

test('a name is registered once, and a stream has so many consumers at most', async () => {
  expect(
    await call('RegisterStreamConsumer', { StreamARN: streamArn, ConsumerName: 'pit-wall' }),
  ).toMatchObject({
    code: 'ResourceInUseException',
    message: 'Consumer pit-wall under stream laps and account 000000000000 is already ACTIVE.',
  })
  for (let count = 1; count < consumersMax; count += 1) await register(`consumer-${count}`)
  expect(
    await call('RegisterStreamConsumer', { StreamARN: streamArn, ConsumerName: 'late' }),
  ).toMatchObject({ code: 'LimitExceededException' })
  await call('DeregisterStreamConsumer', { StreamARN: streamArn, ConsumerName: 'pit-wall' })
  await register('late')
  expect(await call('DescribeStreamConsumer', { ConsumerARN: arn })).toMatchObject({
    code: 'ResourceNotFoundException',
  })
})

test('a stream on demand of an account with a commitment has fifty consumers', async () => {
  const commitment = { MinimumThroughputBillingCommitment: { Status: 'ENABLED' } }
  await call('UpdateAccountSettings', commitment)
  const StreamModeDetails = { StreamMode: 'ON_DEMAND' }
  await call('UpdateStreamMode', { StreamARN: streamArn, StreamModeDetails })
  for (let count = 1; count < consumersAdvantageMax; count += 1) await register(`consumer-${count}`)
  expect(
    await call('RegisterStreamConsumer', { StreamARN: streamArn, ConsumerName: 'late' }),
  ).toMatchObject({
    code: 'LimitExceededException',
    message:
      'Stream laps under account 000000000000 has 50 registered consumers, the most that it may have.',
  })
})

test('five consumers may be on their way at once, and are seen so', async () => {
  const input = (name: string): object => ({ StreamARN: streamArn, ConsumerName: name })
  const all = await Promise.all(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => call('RegisterStreamConsumer', input(name))),
  )
  expect(all.at(-1)).toMatchObject({ code: 'LimitExceededException' })
  expect(all[0]).toMatchObject({ Consumer: { ConsumerName: 'a', ConsumerStatus: 'CREATING' } })
  const leaving = call('DeregisterStreamConsumer', input('a'))
  const seen: (string | undefined)[] = []
  for (let turn = 0; turn < 20; turn += 1) {
    seen.push(context.consumers.find(stream, 'a')?.status)
    await Promise.resolve()
  }
  expect(seen).toContain('DELETING')
  await leaving
})

test('one that is not ACTIVE cannot subscribe', async () => {
  const record = stream.record.consumers[0]
  const consumers = { find: () => ({ record, status: 'CREATING' }) } as unknown as Consumers
  context = { ...context, consumers }
  const madeSecs = Math.floor(clock.now() / 1000)
  expect(await subscribe()).toMatchObject({
    code: 'ResourceInUseException',
    message: `Consumer pit-wall with creation timestamp ${madeSecs} under stream: laps , account 000000000000 is not in ACTIVE status.`,
  })
})
