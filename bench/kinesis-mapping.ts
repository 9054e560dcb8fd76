// Measures mappings of a stream: put to handler by both ways to read it, and a backlog beside a Kafka mapping of the same records; prints JSON.
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  CreateStreamCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  type KinesisClient,
} from '@aws-sdk/client-kinesis'
import { CreateEventSourceMappingCommand } from '@aws-sdk/client-lambda'
import { createFunction, lambdaClient } from '../test/support/lambda.ts'
import { startPlatform, type Platform } from '../test/support/platform.ts'
import { machineLoad } from './broker/process-usage.ts'
import { clientOf } from './kinesis/load.ts'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    records: { type: 'string', default: '100000' },
    shards: { type: 'string', default: '4' },
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

/** A function, and its mapping of the stream or of the topic that it is. */
async function map(
  platform: Platform,
  { stream, reader, code, out }: { stream: string; reader: Reader; code: string; out: string },
): Promise<void> {
  const FunctionName = `${reader}-${stream}`
  const client = lambdaClient(platform)
  await createFunction(client, {
    name: FunctionName,
    files: { 'index.mjs': code },
    memorySizeMb: 1769,
    environment: { OUT: out },
  })
  const streamArn = `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`
  const kinesis = clientOf(platform.doors['kinesis'] ?? '', 'http/1.1')
  const consumer = { StreamARN: streamArn, ConsumerName: 'bench' }
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
  await client.send(new CreateEventSourceMappingCommand(mapping))
  kinesis.destroy()
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

/** Records a second from the first batch to the last, of a log that is full already. */
async function backlog(platform: Platform, reader: Reader, directory: string): Promise<number> {
  const out = join(directory, `backlog-${reader}`)
  await map(platform, { stream: 'backlog', reader, code: counting, out })
  let firstMs: number | undefined
  for (;;) {
    const text = await readFile(out, 'utf8').catch(() => '')
    const handled = text.split('\n').reduce((sum, line) => sum + Number(line), 0)
    if (handled > 0) firstMs ??= performance.now()
    if (handled >= records && firstMs !== undefined) {
      return Math.round((records / (performance.now() - firstMs)) * 1000)
    }
    await pause(20)
  }
}

const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
const loadBefore = machineLoad()
const platform = await startPlatform()
const paced = {
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
const rates: Partial<Record<Reader, number>> = {}
for (const reader of ['kafka', 'standard', 'fanOut'] as const) {
  rates[reader] = await backlog(platform, reader, directory)
  process.stderr.write(`${reader} ${rates[reader]} records/s\n`)
}
await platform.stop()
await rm(directory, { recursive: true })
const ratio = (reader: Reader): number =>
  Number(((rates[reader] ?? 0) / (rates.kafka ?? 1)).toFixed(2))
const report = {
  machine: {
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    node: process.version,
    loadBefore,
  },
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  flags,
  bars: [
    { what: 'put to handler p99, standard, ms', reached: paced.standard.p99Ms, bar: '<= 50' },
    { what: 'put to handler p99, fan-out, ms', reached: paced.fanOut.p99Ms, bar: '<= 25' },
    { what: 'backlog / Kafka mapping, standard', reached: ratio('standard'), bar: '>= 0.7' },
    { what: 'backlog / Kafka mapping, fan-out', reached: ratio('fanOut'), bar: '>= 0.7' },
  ],
  paced,
  recordsPerSecond: rates,
}
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
