// Proves HTTPS at the Kinesis door with the AWS SDK over both HTTP versions, beside plain HTTP on the same port.
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
} from '@aws-sdk/client-kinesis'
import { NodeHttp2Handler, NodeHttpHandler } from '@smithy/node-http-handler'
import { beforeAll, afterAll, expect, onTestFinished, test } from 'vitest'
import { startBroker } from '../../broker/broker.ts'
import { AppError } from '../../common/errors.ts'
import {
  makeAuthority,
  makeCertificate,
  writeCertificate,
  type Certificate,
} from '../support/certificates.ts'
import { brokerOptions, TestBroker } from '../support/test-broker.ts'

let directory: string
let authority: Certificate
let settings: { kinesisTlsCertificate: string; kinesisTlsKey: string }
let broker: TestBroker

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
  authority = await makeAuthority()
  const paths = await writeCertificate(directory, await makeCertificate(authority, 'kinesis'))
  settings = {
    kinesisTlsCertificate: paths.kafkaTlsCertificate,
    kinesisTlsKey: paths.kafkaTlsKey,
  }
  broker = await TestBroker.start({ kinesisPort: 0, ...settings })
})
afterAll(async () => {
  await broker.remove()
  await rm(directory, { recursive: true, force: true })
})

function clientOf(way: 'https h1' | 'https h2' | 'http h2'): KinesisClient {
  const door = broker.role.doors['kinesis'] ?? ''
  const ca = authority.cert
  const client = new KinesisClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    endpoint: way === 'http h2' ? door : door.replace('http:', 'https:'),
    requestHandler:
      way === 'https h1'
        ? new NodeHttpHandler({ httpsAgent: new Agent({ ca }) })
        : new NodeHttp2Handler({ nodeHttp2ConnectOptions: { ca } }),
  })
  onTestFinished(() => client.destroy())
  return client
}

const textsOf = (records: readonly { Data: Uint8Array | undefined }[] | undefined): string[] =>
  (records ?? []).map(({ Data }) => Buffer.from(Data ?? []).toString())

test.each(['https h1', 'https h2', 'http h2'] as const)(
  'over %s records are put, read, and read again over the others',
  async (way) => {
    const StreamName = way.replaceAll(' ', '-')
    const client = clientOf(way)
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
    const laps = Array.from({ length: 500 }, (_, lap) => `${lap} ${'x'.repeat(1000)}`)
    const Records = laps.map((lap) => ({ PartitionKey: 'car', Data: Buffer.from(lap) }))
    const put = await client.send(new PutRecordsCommand({ StreamName, Records }))
    expect(put.FailedRecordCount).toBe(0)
    const from = { ShardId: 'shardId-000000000000', ShardIteratorType: 'TRIM_HORIZON' } as const
    for (const reader of [client, clientOf('https h1'), clientOf('https h2')]) {
      const { ShardIterator } = await reader.send(
        new GetShardIteratorCommand({ StreamName, ...from }),
      )
      const got = await reader.send(new GetRecordsCommand({ ShardIterator }))
      expect(textsOf(got.Records)).toEqual(laps)
    }
  },
)

test('a subscription over https is pushed what is put', async () => {
  const client = clientOf('https h2')
  const StreamName = 'pushed'
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`
  const { Consumer } = await client.send(
    new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'wall' }),
  )
  const { EventStream = [] } = await client.send(
    new SubscribeToShardCommand({
      ConsumerARN: Consumer?.ConsumerARN,
      ShardId: 'shardId-000000000000',
      StartingPosition: { Type: 'TRIM_HORIZON' },
    }),
  )
  const Records = [{ PartitionKey: 'car', Data: Buffer.from('box, box') }]
  await client.send(new PutRecordsCommand({ StreamName, Records }))
  for await (const { SubscribeToShardEvent: event } of EventStream) {
    const texts = textsOf(event?.Records)
    if (texts.length > 0) {
      expect(texts).toEqual(['box, box'])
      break
    }
  }
})

test('who does not know the authority is not connected', async () => {
  const stranger = new KinesisClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    endpoint: (broker.role.doors['kinesis'] ?? '').replace('http:', 'https:'),
    requestHandler: new NodeHttpHandler(),
    maxAttempts: 1,
  })
  onTestFinished(() => stranger.destroy())
  const call = stranger.send(new CreateStreamCommand({ StreamName: 'none' }))
  await expect(call).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
})

test('a certificate without its key, or a file that is none, is named before the door opens', async () => {
  const start = async (options: Partial<typeof settings>): Promise<unknown> => {
    const dataDir = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
    const started = startBroker(brokerOptions(dataDir, { kinesisPort: 0, ...options }))
    return started.then(({ stop }) => stop()).catch((error: unknown) => error)
  }
  const { kinesisTlsCertificate, kinesisTlsKey } = settings
  const keyless = await start({ kinesisTlsCertificate })
  expect(keyless).toBeInstanceOf(AppError)
  expect(keyless).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('--kinesis-tls-key') as string,
  })
  expect(await start({ kinesisTlsCertificate: kinesisTlsKey, kinesisTlsKey })).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('--kinesis-tls-certificate') as string,
  })
})
