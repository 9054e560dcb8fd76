// Runs AWS's SDK for Java, the Kinesis Client Library's workers and the Kinesis Producer Library, beside a mapping of ours.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateStreamCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
} from '@aws-sdk/client-kinesis'
import { CreateEventSourceMappingCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAuthority, makeCertificate, writeCertificate } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { resizeStream } from '../support/resize-stream.ts'
import { JavaProgram, type Line } from './java-program.ts'

const program = '.cache/peers/bin/moto_server'
const StreamName = 'laps'
const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`
const cars = 16

let scratch: string
let platform: Platform
let kinesis: KinesisClient
let lambda: LambdaClient
let tables: ChildProcess
let tablesUrl: string
/** All that there have been, the one that is killed too. */
const pit: JavaProgram[] = []
let wall: JavaProgram
let producer: JavaProgram
/** Records of cars that have been put. */
let put = 0

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-kcl-'))
  const certificate = await makeCertificate(await makeAuthority(), 'kinesis')
  const paths = await writeCertificate(scratch, certificate)
  platform = await startPlatform({
    dataDir: join(scratch, 'data'),
    env: {
      MILLRACE_KINESIS_TLS_CERTIFICATE: paths.kafkaTlsCertificate,
      MILLRACE_KINESIS_TLS_KEY: paths.kafkaTlsKey,
    },
  })
  kinesis = new KinesisClient({
    endpoint: platform.doors['kinesis'] ?? '',
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  lambda = lambdaClient(platform)
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 4 }))
  await startTables()
  pit.push(worker('pit', 'pit-a', 'polling'), worker('pit', 'pit-b', 'polling'))
  wall = worker('wall', 'wall-a', 'fan-out')
  producer = new JavaProgram('Producer', [secure(platform), StreamName, String(cars)])
  await startMapping()
})
afterAll(async () => {
  await Promise.all([...pit, wall, producer].map((each) => each.kill9()))
  tables.kill('SIGTERM')
  kinesis.destroy()
  lambda.destroy()
  await platform.stop()
  await rm(scratch, { recursive: true })
})

const secure = ({ doors }: Platform): string => (doors['kinesis'] ?? '').replace('http:', 'https:')

function worker(application: string, name: string, way: 'polling' | 'fan-out'): JavaProgram {
  const url = platform.doors['kinesis'] ?? ''
  return new JavaProgram('Worker', [url, tablesUrl, StreamName, application, name, way])
}

/** The DynamoDB in which the workers keep their leases and checkpoints. */
async function startTables(): Promise<void> {
  if (!existsSync(program)) throw new Error('moto is missing: run "make test-kcl"')
  const port = await freePort()
  tablesUrl = `http://127.0.0.1:${port}`
  tables = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  await eventually(
    () =>
      fetch(`${tablesUrl}/moto-api/`).then(
        (answer) => (answer.ok ? true : undefined),
        () => undefined,
      ),
    () => 'moto to answer',
  )
}

/** One with fan-out, whose function notes each record's key and data in a line. */
async function startMapping(): Promise<void> {
  const handler = `
import { appendFileSync } from 'node:fs'
export const handler = async ({ Records }) => {
  const lines = Records.map(({ kinesis: { partitionKey, data } }) => partitionKey + ' ' + atob(data) + '\\n')
  appendFileSync(process.env.OUT, lines.join(''))
}`
  const environment = { OUT: join(scratch, 'handled') }
  await createFunction(lambda, { name: 'note', files: { 'index.mjs': handler }, environment })
  const { Consumer } = await kinesis.send(
    new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'mapping' }),
  )
  await lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'note',
      EventSourceArn: Consumer?.ConsumerARN,
      StartingPosition: 'TRIM_HORIZON',
    }),
  )
}

/** Each key's numbers, as they came. */
type Seen = ReadonlyMap<string, readonly number[]>

function seenOf(records: readonly (readonly [key: string, data: string])[]): Seen {
  const seen = new Map<string, number[]>()
  for (const [key, data] of records) seen.set(key, [...(seen.get(key) ?? []), Number(data)])
  return seen
}

const byTime = (a: Line, b: Line): number => (a.at < b.at ? -1 : 1)

/** What programs were given, in the order of time. */
function readBy(programs: readonly JavaProgram[]): Seen {
  const lines = programs.flatMap((each) => each.saying('record')).toSorted(byTime)
  return seenOf(lines.map(({ words: [, , key = '', data = ''] }) => [key, data]))
}

async function readByMapping(): Promise<Seen> {
  const text = await readFile(join(scratch, 'handled'), 'utf8').catch(() => '')
  const lines = text.split('\n').slice(0, -1)
  return seenOf(lines.map((line) => line.split(' ') as [string, string]))
}

const readers = {
  'the workers that poll': async () => readBy(pit),
  'the worker with fan-out': async () => readBy([wall]),
  'the mapping': readByMapping,
}

const firsts = (numbers: readonly number[] = []): readonly number[] => [...new Set(numbers)]

/** How many different records of these keys are there. */
function differentIn(seen: Seen, prefix: string): number {
  const lists = [...seen].filter(([key]) => key.startsWith(`${prefix}-`))
  return lists.reduce((sum, [, numbers]) => sum + firsts(numbers).length, 0)
}

/** What each reader has, once all have this many different records of the keys. */
function allRead(prefix: string, count: number): Promise<readonly Seen[]> {
  let counts: readonly string[] = []
  return eventually(
    async () => {
      const all = await Promise.all(Object.values(readers).map((reader) => reader()))
      const numbers = all.map((seen) => differentIn(seen, prefix))
      counts = Object.keys(readers).map((name, index) => `${numbers[index]} by ${name}`)
      return numbers.every((number) => number >= count) ? all : undefined
    },
    () => `${count} records of ${prefix} to be read: ${counts.join(', ')}; ${pit[0]?.errors}`,
    // A worker that has had no shard is a minute in finding out that the other one is gone.
    150_000,
  )
}

/** Ascending numbers of each car, one call after the other. */
async function putCars(batches: number): Promise<void> {
  for (let batch = 0; batch < batches; batch += 1) {
    const Records = Array.from({ length: 100 }, (_, index) => ({
      PartitionKey: `car-${(put + index) % cars}`,
      Data: Buffer.from(String(Math.floor((put + index) / cars))),
    }))
    const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName, Records }))
    expect(FailedRecordCount).toBe(0)
    put += 100
  }
}

/** Who was given records again was given them in order all the same: a first time is never behind a later one. */
function expectCarsInOrder(all: readonly Seen[]): void {
  for (const seen of all) {
    for (let car = 0; car < cars; car += 1) {
      const count = Math.ceil((put - car) / cars)
      const numbers = Array.from({ length: count }, (_, index) => index)
      expect(firsts(seen.get(`car-${car}`))).toEqual(numbers)
    }
  }
}

const resize = (shards: number): Promise<void> => resizeStream(kinesis, StreamName, shards)

async function pack(prefix: string, count: number): Promise<number> {
  producer.tell(`${prefix} ${count}`)
  const [, , , stored] = await producer.says('put', prefix, String(count))
  return Number(stored)
}

// Workers begin with a wait of up to half a minute, so that not all look at the shards at once; this comes meanwhile.
test.each([
  ['http:', 'HTTP1_1'],
  ['http:', 'HTTP2'],
  ['https:', 'HTTP1_1'],
  ['https:', 'HTTP2'],
])(
  'over %s and %s the SDK for Java puts many at once, reads, subscribes, reshards',
  async (scheme, version) => {
    const url = (platform.doors['kinesis'] ?? '').replace('http:', scheme)
    const stream = `${scheme.slice(0, -1)}-${version}`
    const sdk = new JavaProgram('Sdk', [url, stream, version])
    expect({ code: await sdk.end(), errors: sdk.errors }).toMatchObject({ code: 0 })
    const said = sdk.lines.map(({ words }) => words.join(' '))
    // MD5 spreads cars 0 to 499 so, and the first 200 of them.
    const shards = ['shardId-000000000000 353', 'shardId-000000000001 347']
    expect(said).toEqual([
      `arn arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`,
      'put 200 500 0',
      ...shards.map((shard) => `read ${shard}`),
      ...(version === 'HTTP2' ? shards.map((shard) => `pushed ${shard}`) : []),
      'open 3',
      'refused ResourceNotFoundException Stream nobody under account 000000000000 not found.',
      'deleted',
    ])
  },
)

test('what the producer library packs is taken apart by workers and by the mapping, in one order', async () => {
  // Until it has asked for the stream's shards it packs nothing.
  await pack('alone', 16)
  expect(await pack('packed', 3200)).toBeLessThan(800)
  const all = await allRead('packed', 3200)
  const [ofPit, ofWall, ofMapping] = all
  for (let index = 0; index < cars; index += 1) {
    const key = `packed-${index}`
    const inStream = ofMapping?.get(key) ?? []
    expect(inStream.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    expect(ofWall?.get(key)).toEqual(inStream)
    expect(firsts(ofPit?.get(key))).toEqual(inStream)
  }
  const packed = wall.saying('record').filter(({ words }) => words[4] === 'true')
  expect(packed.length).toBeGreaterThan(2400)
})

test('workers follow 4, 8, 4 and 3 shards while records come', async () => {
  await putCars(5)
  await Promise.all([resize(8), putCars(10), pack('meanwhile', 1600)])
  await putCars(5)
  await resize(4)
  await Promise.all([resize(3), putCars(10)])
  await putCars(5)
  expectCarsInOrder(await allRead('car', put))
  await allRead('meanwhile', 1600)

  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }))
  const open = Shards.filter(
    (shard) => shard.SequenceNumberRange?.EndingSequenceNumber === undefined,
  )
  expect(open).toHaveLength(3)
  for (const reading of [pit, [wall]]) {
    const first = (...words: readonly string[]): bigint | undefined =>
      reading.flatMap((each) => each.saying(...words)).toSorted(byTime)[0]?.at
    for (const { ShardId = '', ParentShardId, AdjacentParentShardId } of Shards) {
      const taken = await eventually(
        () => first('takes', ShardId),
        () => `${ShardId} to be taken`,
      )
      for (const parent of [ParentShardId, AdjacentParentShardId]) {
        if (parent !== undefined) expect(first('ends', parent)).toBeLessThan(taken)
      }
    }
  }
})

test('a killed worker leaves its shards to the other, and that one, when it ends, to a new one', async () => {
  const [killed, other] = pit
  if (killed === undefined || other === undefined) throw new Error('no workers')
  await killed.kill9()
  await putCars(5)
  expectCarsInOrder(await allRead('car', put))
  const last = worker('pit', 'pit-c', 'polling')
  pit.push(last)
  await last.says('runs')
  await expectEnd(other)
  await putCars(5)
  expectCarsInOrder(await allRead('car', put))
  expect(last.saying('takes').length).toBeGreaterThanOrEqual(3)
  // All of those were behind a checkpoint.
  expect(last.saying('record').filter(({ words }) => words[2]?.startsWith('packed'))).toEqual([])
})

test('workers and producer end in order, and of what was packed late nothing is missing', async () => {
  await pack('late', 1600)
  await allRead('late', 1600)
  for (const each of [...pit.slice(2), wall]) await expectEnd(each)
  expect(await producer.end()).toBe(0)
})

async function expectEnd(running: JavaProgram): Promise<void> {
  expect(await running.end()).toBe(0)
  expect(running.saying('stopped', 'true').length, running.errors).toBe(1)
}
