// Measures mappings of a stream: put to handler by both ways to read it, and a backlog beside a Kafka mapping of the same records; prints JSON.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  CreateStreamCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  type KinesisClient,
} from '@aws-sdk/client-kinesis'
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
} from '@aws-sdk/client-lambda'
import { createFunction, lambdaClient } from '../test/support/lambda.ts'
import { startPlatform, type Platform } from '../test/support/platform.ts'
import { cpuSeconds, machineLoad } from './broker/process-usage.ts'
import { conditions } from './kinesis/conditions.ts'
import { clientOf } from './kinesis/load.ts'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    records: { type: 'string', default: '100000' },
    shards: { type: 'string', default: '4' },
    /** Of the backlog: medians of so many. */
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
  },
})
const [seconds, records, shards] = [flags.seconds, flags.records, flags.shards].map(Number) as [
  number,
  number,
  number,
]
const warmUpSeconds = 3
const putsPerSecond = 20
const recordsPerPut = 20
const nowMs = (): number => performance.timeOrigin + performance.now()

/** Appends how long each record was under way; a frozen thread sends nothing. */
const timing = `
import { appendFileSync } from 'node:fs'
export const handler = async ({ Records }) => {
  const now = performance.timeOrigin + performance.now()
  const took = Records.map(({ kinesis: { data } }) => now - Number(atob(data).slice(0, 20)))
  appendFileSync(process.env.OUT, took.join('\\n') + '\\n')
}
`
/** Appends how many records it was given, of either source. */
const counting = `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  const count = (event.Records ?? Object.values(event.records).flat()).length
  appendFileSync(process.env.OUT, count + '\\n')
}
`

type Reader = 'standard' | 'fanOut' | 'kafka'

interface Wanted {
  readonly stream: string
  readonly reader: Reader
  readonly code: string
  readonly out: string
  readonly round?: number
}

/** A function, and its mapping of the stream or of the topic that it is. Resolves with the mapping's UUID. */
async function map(
  platform: Platform,
  { stream, reader, code, out, round = 0 }: Wanted,
): Promise<string> {
  const FunctionName = `${reader}-${stream}-${round}`
  const client = lambdaClient(platform)
  await createFunction(client, {
    name: FunctionName,
    files: { 'index.mjs': code },
    memorySizeMb: 1769,
    environment: { OUT: out },
  })
  const streamArn = `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`
  const kinesis = clientOf(platform.doors['kinesis'] ?? '', 'http/1.1')
  const consumer = { StreamARN: streamArn, ConsumerName: `bench-${round}` }
  const registered =
    reader === 'fanOut'
      ? await kinesis.send(new RegisterStreamConsumerCommand(consumer))
      : undefined
  const source =
    reader === 'kafka'
      ? {
          SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
          Topics: [stream],
          MaximumBatchingWindowInSeconds: 0,
        }
      : { EventSourceArn: registered?.Consumer?.ConsumerARN ?? streamArn }
  const mapping = {
    FunctionName,
    BatchSize: 100,
    StartingPosition: 'TRIM_HORIZON',
    ...source,
  } as const
  const { UUID = '' } = await client.send(new CreateEventSourceMappingCommand(mapping))
  kinesis.destroy()
  client.destroy()
  return UUID
}

/** Resolves when the mapping is gone. */
async function unmap(platform: Platform, UUID: string): Promise<void> {
  const client = lambdaClient(platform)
  await client.send(new DeleteEventSourceMappingCommand({ UUID }))
  const isThere = (): Promise<boolean> =>
    client.send(new GetEventSourceMappingCommand({ UUID })).then(
      () => true,
      () => false,
    )
  while (await isThere()) await pause(50)
  client.destroy()
}

async function put(
  client: KinesisClient,
  stream: string,
  values: readonly string[],
): Promise<void> {
  const Records = values.map((value, i) => ({
    Data: Buffer.from(value),
    PartitionKey: `key-${i % 64}`,
  }))
  const answer = await client.send(new PutRecordsCommand({ StreamName: stream, Records }))
  if (answer.FailedRecordCount !== 0) throw new Error('records were refused')
}

/** Twenty puts of twenty records of 1 KB a second, each sent when it is due. */
async function putToHandler(platform: Platform, reader: 'standard' | 'fanOut', directory: string) {
  const [stream, out] = [`paced-${reader}`, join(directory, reader)]
  const client = clientOf(platform.doors['kinesis'] ?? '', 'http/1.1')
  await client.send(new CreateStreamCommand({ StreamName: stream, ShardCount: shards }))
  await map(platform, { stream, reader, code: timing, out })
  await pause(2000)
  const startMs = performance.now()
  const total = (warmUpSeconds + seconds) * putsPerSecond
  const sends: Promise<void>[] = []
  while (sends.length < total) {
    if ((performance.now() - startMs) / 1000 >= sends.length / putsPerSecond) {
      const value = (): string => nowMs().toFixed(6).padEnd(20, '0').slice(0, 20).padEnd(1024, ' ')
      sends.push(put(client, stream, Array.from({ length: recordsPerPut }, value)))
    }
    await pause(1)
  }
  await Promise.all(sends)
  await pause(2000)
  client.destroy()
  const text = await readFile(out, 'utf8')
  const warm = text
    .trimEnd()
    .split('\n')
    .map(Number)
    .slice(warmUpSeconds * putsPerSecond * recordsPerPut)
  const sorted = warm.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Number(
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(1),
    )
  return { records: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

interface Drain {
  readonly recordsPerSecond: number
  /** Of all threads of the platform: what reads, what serves, and the function. */
  readonly cpuMicrosPerRecord: number
}

/** From the mapping's first batch to its last, of a log that is full already; the processor's time from before the mapping. */
async function backlog(
  platform: Platform,
  reader: Reader,
  { directory, round }: { readonly directory: string; readonly round: number },
): Promise<Drain> {
  const out = join(directory, `backlog-${reader}-${round}`)
  const uuid = await map(platform, { stream: 'backlog', reader, code: counting, out, round })
  const cpuBefore = cpuSeconds(platform.pid)
  let firstMs: number | undefined
  for (;;) {
    const text = await readFile(out, 'utf8').catch(() => '')
    const handled = text.split('\n').reduce((sum, line) => sum + Number(line), 0)
    if (handled > 0) firstMs ??= performance.now()
    if (handled >= records && firstMs !== undefined) {
      const recordsPerSecond = Math.round((records / (performance.now() - firstMs)) * 1000)
      const used = cpuSeconds(platform.pid) - cpuBefore
      await unmap(platform, uuid)
      return { recordsPerSecond, cpuMicrosPerRecord: Number(((used / records) * 1e6).toFixed(1)) }
    }
    await pause(20)
  }
}

const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
const loadBefore = machineLoad()
const platform = await startPlatform()
const paced =
  flags.only === 'backlog'
    ? undefined
    : {
        standard: await putToHandler(platform, 'standard', directory),
        fanOut: await putToHandler(platform, 'fanOut', directory),
      }
process.stderr.write(`${JSON.stringify(paced)}\n`)
const filler = clientOf(platform.doors['kinesis'] ?? '', 'http/1.1')
await filler.send(new CreateStreamCommand({ StreamName: 'backlog', ShardCount: shards }))
const value = 'measured '.padEnd(1024, 'x')
for (let sent = 0; sent < records; sent += 500) {
  await put(
    filler,
    'backlog',
    Array.from({ length: 500 }, () => value),
  )
}
filler.destroy()
const drains: Record<Reader, Drain[]> = { kafka: [], standard: [], fanOut: [] }
for (let round = 1; round <= Number(flags.rounds); round++) {
  for (const reader of ['kafka', 'standard', 'fanOut'] as const) {
    const drain = await backlog(platform, reader, { directory, round })
    drains[reader].push(drain)
    process.stderr.write(`round ${round} ${reader} ${JSON.stringify(drain)}\n`)
  }
}
const median = (reader: Reader, figure: keyof Drain): number => {
  const sorted = drains[reader].map((drain) => drain[figure]).toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
await platform.stop()
await rm(directory, { recursive: true })
const ratio = (reader: Reader, figure: keyof Drain = 'recordsPerSecond'): number =>
  Number((median(reader, figure) / median('kafka', figure)).toFixed(2))
const report = {
  ...conditions(loadBefore),
  flags,
  bars: [
    { what: 'put to handler p99, standard, ms', reached: paced?.standard.p99Ms, bar: '<= 50' },
    { what: 'put to handler p99, fan-out, ms', reached: paced?.fanOut.p99Ms, bar: '<= 25' },
    { what: 'backlog / Kafka mapping, standard', reached: ratio('standard'), bar: '>= 0.7' },
    { what: 'backlog / Kafka mapping, fan-out', reached: ratio('fanOut'), bar: '>= 0.7' },
    {
      what: 'processor / Kafka mapping, standard',
      reached: ratio('standard', 'cpuMicrosPerRecord'),
    },
    { what: 'processor / Kafka mapping, fan-out', reached: ratio('fanOut', 'cpuMicrosPerRecord') },
  ],
  paced,
  drains,
}
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
