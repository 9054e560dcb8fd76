// Tests what the client sends, how it reads what comes back, and what it does with those who do not answer.
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { kinesisRequestMaxMs } from '../common/kinesis-client-limits.ts'
import { listen } from '../common/listen.ts'
import { FakeKinesis, fakeStreamArn, sequenceOf, shardIdOf } from '../test/support/fake-kinesis.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { endpointOf, type KinesisEndpoint } from './endpoint.ts'
import { KinesisClient } from './kinesis-client.ts'
import { Refusal, refusalOf } from './refusal.ts'
import { StreamLookup } from './stream-lookup.ts'

const place = { streamArn: fakeStreamArn, shardId: shardIdOf(0) }
const consumerArn = `${fakeStreamArn}/consumer/fast:1700000000`

function clientOf(endpoint: KinesisEndpoint, clock = systemClock): KinesisClient {
  const client = new KinesisClient({ endpoint, region: 'us-east-1', clock })
  onTestFinished(() => client.close())
  return client
}

test('a shard is found, its records read from where they are asked for, with bytes as they were', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  const bytes = Buffer.from([0, 0xff, 0x80, 7])
  const first = fake.put(0, bytes, { key: 'ü"', arrivalMs: 1_700_000_001_234 })
  fake.put(0, 'second')
  const client = clientOf({ url: fake.url, isAws: false })
  expect(await client.listShards(fakeStreamArn)).toEqual([
    {
      shardId: shardIdOf(0),
      startingHashKey: 0n,
      endingHashKey: 2n ** 128n - 1n,
      isClosed: false,
    },
  ])
  const iterator = await client.getIterator(place, { type: 'TRIM_HORIZON' })
  if (iterator instanceof Refusal) throw new Error(iterator.reason)
  expect(await client.getRecords(place, iterator)).toMatchObject({
    records: [
      { partitionKey: 'ü"', sequenceNumber: first, arrivalMs: 1_700_000_001_234, data: bytes },
      { data: Buffer.from('second') },
    ],
    millisBehind: 0,
  })
  const after = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: sequenceOf(0) } as const
  await client.getIterator(place, after)
  await client.getIterator(place, { type: 'AT_TIMESTAMP', timestampMs: 1_700_000_000_500 })
  expect(fake.inputs('GetShardIterator').slice(1)).toMatchObject([
    { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: sequenceOf(0) },
    { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: 1_700_000_000.5 },
  ])
})

async function firstRecords(client: KinesisClient): Promise<unknown> {
  const iterator = await client.getIterator(place, { type: 'TRIM_HORIZON' })
  if (iterator instanceof Refusal) throw new Error(iterator.reason)
  return client.getRecords(place, iterator)
}
const formats = (fake: FakeKinesis): unknown[] =>
  fake.calls
    .filter(({ operation }) => operation === 'GetRecords')
    .map(({ headers }) => headers['content-type'])
const [json, cbor] = ['application/x-amz-json-1.1', 'application/x-amz-cbor-1.1']

test.each([400, 404, 500, 502])(
  'whoever refuses CBOR with a %i is asked in JSON, from then on',
  async (status) => {
    const fake = await FakeKinesis.start()
    fake.shard(0)
    const bytes = Buffer.from([0, 0xff])
    const sequenceNumber = fake.put(0, bytes)
    let refused = 0
    fake.refuseCbor = () => {
      refused += 1
      return status
    }
    const client = clientOf({ url: fake.url, isAws: false })
    for (let call = 0; call < 2; call++) {
      expect(await firstRecords(client)).toMatchObject({
        records: [{ sequenceNumber, data: bytes, partitionKey: 'k', arrivalMs: 1_700_000_001_000 }],
      })
    }
    expect(refused).toBe(1)
    expect(formats(fake)).toEqual([json, json])
  },
)

test('whoever has once answered in CBOR is asked in it again, whatever it fails with', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  const client = clientOf({ url: fake.url, isAws: false })
  fake.refuse = ({ operation }) =>
    operation === 'GetRecords' ? { code: 'InternalFailure' } : undefined
  expect(await firstRecords(client)).toMatchObject({ kind: 'internal' })
  fake.refuseCbor = () => 503
  expect(await firstRecords(client)).toMatchObject({ kind: 'internal', code: 'InternalFailure' })
  fake.refuseCbor = () => undefined
  fake.refuse = () => undefined
  expect(await firstRecords(client)).toMatchObject({ records: [] })
  expect(formats(fake)).toEqual([cbor, cbor])
})

test('the platform’s own door gets no signature, another endpoint one of the credentials', async () => {
  const fake = await FakeKinesis.start()
  await clientOf({ url: fake.url, isAws: false }).describeStream(fakeStreamArn)
  const credentials = async () => ({ accessKeyId: 'AKID', secretAccessKey: 'secret' })
  await clientOf({ url: fake.url, isAws: false, credentials }).describeStream(fakeStreamArn)
  const [plain, signed] = fake.calls.map(({ headers }) => headers['authorization'])
  expect(plain).toBeUndefined()
  expect(signed).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/us-east-1\/kinesis\/aws4_request, SignedHeaders=content-length;content-type;host;\S+, Signature=[0-9a-f]{64}$/,
  )
})

test.each([
  ['ProvisionedThroughputExceededException', 'throttled'],
  ['ExpiredIteratorException', 'expired'],
  ['ResourceNotFoundException', 'missing'],
  ['ResourceInUseException', 'in-use'],
  ['AccessDeniedException', 'denied'],
  ['com.amazonaws.kinesis#ResourceNotFoundException', 'missing'],
  ['InvalidArgumentException', 'invalid'],
])('a refusal with %s is %s', async (code, kind) => {
  const fake = await FakeKinesis.start()
  fake.refuse = () => ({ code, message: 'why' })
  const answer = await clientOf({ url: fake.url, isAws: false }).describeStream(fakeStreamArn)
  expect(answer).toMatchObject({ kind, message: 'why' })
})

test('a status alone is a failure of the service or of the call', () => {
  expect(refusalOf(503, undefined)).toMatchObject({ kind: 'internal', code: 'InternalFailure' })
  expect(refusalOf(404, 'no JSON')).toMatchObject({ kind: 'invalid', code: 'HTTP 404' })
})

test('who does not answer in time is unreachable, and so is nobody', async () => {
  const silent = createServer(() => {})
  const address = await listen(silent, { door: 'kinesis', host: '127.0.0.1', port: 0 })
  const clock = new ManualClock()
  const client = clientOf({ url: `http://${address}`, isAws: false }, clock)
  const connected = new Promise<void>((resolve) => {
    silent.once('connection', (socket) => {
      onTestFinished(() => void socket.destroy())
      resolve()
    })
  })
  const call = client.describeStream(fakeStreamArn)
  await connected
  clock.advance(kinesisRequestMaxMs)
  await expect(call).rejects.toMatchObject({
    code: 'KINESIS_UNREACHABLE',
    message: expect.stringContaining('no answer within') as string,
  })
  silent.close()
  const nobody = clientOf({ url: 'http://127.0.0.1:1', isAws: false })
  await expect(nobody.describeStream(fakeStreamArn)).rejects.toMatchObject({
    code: 'KINESIS_UNREACHABLE',
  })
})

test('a stream or a consumer is found, missing, or nobody knows', async () => {
  const fake = await FakeKinesis.start()
  const lookup = new StreamLookup({ kinesisEndpoint: '', own: fake.url }, systemClock)
  expect(await lookup.find(fakeStreamArn)).toBe('found')
  expect(await lookup.find(consumerArn)).toBe('found')
  expect(fake.inputs('DescribeStreamConsumer')).toEqual([{ ConsumerARN: consumerArn }])
  fake.isThere = false
  expect(await lookup.find(fakeStreamArn)).toBe('missing')
  fake.refuse = () => ({ code: 'AccessDeniedException', message: 'not you' })
  expect(await lookup.find(fakeStreamArn)).toEqual({ unknown: 'AccessDeniedException: not you' })
})

test.each([
  ['', 'us-east-1', { url: 'http://own:1', isAws: false }],
  ['aws', 'eu-west-1', { url: 'https://kinesis.eu-west-1.amazonaws.com', isAws: true }],
  ['aws', 'cn-north-1', { url: 'https://kinesis.cn-north-1.amazonaws.com.cn', isAws: true }],
  ['http://other:4567/', 'us-east-1', { url: 'http://other:4567', isAws: false }],
])('the endpoint "%s" in %s is %j', (kinesisEndpoint, region, endpoint) => {
  expect(endpointOf({ kinesisEndpoint, own: 'http://own:1' }, region)).toMatchObject(endpoint)
})
