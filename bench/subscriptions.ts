// Measures open subscriptions to shards: the memory of each while nothing happens, and put to push; prints JSON.
import { Agent, request as httpRequest } from 'node:http'
import { connect, type ClientHttp2Session } from 'node:http2'
import { availableParallelism, cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  CreateStreamCommand,
  KinesisClient,
  PutRecordCommand,
  RegisterStreamConsumerCommand,
} from '@aws-sdk/client-kinesis'
import { EventStreamDecoder, EventStreamFlaw } from '../kinesis-wire/event-stream.ts'
import { machineLoad, residentKiB } from './broker/process-usage.ts'
import { startOurs, type KinesisServer } from './kinesis/servers.ts'

const { values: flags } = parseArgs({
  options: {
    subscriptions: { type: 'string', default: '1000' },
    puts: { type: 'string', default: '300' },
    restSeconds: { type: 'string', default: '12' },
    help: { type: 'boolean', default: false },
  },
})
if (flags.help) {
  process.stdout.write(
    'node bench/subscriptions.ts [--subscriptions 1000] [--puts 300] [--restSeconds 12]\n' +
      'Over HTTP/2 (200 of a connection) and over HTTP/1.1 (a connection each).\n',
  )
  process.exit(0)
}
const count = Number(flags.subscriptions)
/** AWS: consumers of a stream. */
const consumers = 20
const shards = Math.ceil(count / consumers)
const perConnection = 200
const warmUp = 200

const headers = {
  'content-type': 'application/x-amz-json-1.1',
  'x-amz-target': 'Kinesis_20131202.SubscribeToShard',
}

type Push = (records: readonly { readonly Data: string }[]) => void
interface Wanted {
  readonly arns: readonly string[]
  readonly most: number
  readonly pushed: Push
}
interface Opened {
  readonly close: () => void
}

const open = { h2: openHttp2, 'http/1.1': openHttp1 }
const results: Record<string, unknown> = {}
for (const protocol of ['h2', 'http/1.1'] as const) results[protocol] = await measure(protocol)
const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
const load = machineLoad()
const input = { subscriptions: count, shards, consumers, puts: Number(flags.puts) }
process.stdout.write(
  `${JSON.stringify({ bench: 'subscriptions', machine, load, input, results }, undefined, 2)}\n`,
)
process.exit(0)

async function measure(protocol: keyof typeof open): Promise<unknown> {
  const server = await startOurs('commit')
  const client = new KinesisClient({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  })
  try {
    await client.send(new CreateStreamCommand({ StreamName: 'laps', ShardCount: shards }))
    const arns = await registered(client)
    // What the first subscriptions and calls make once (code, a heap of some size) is not of each.
    const first = await open[protocol](server, { arns, most: warmUp, pushed: () => {} })
    await puts(client, 50, () => {})
    first.close()
    await sleep(5000)
    const beforeKiB = residentKiB(server.pid)
    const arrivals = new Map<string, number>()
    const pushed: Push = (records) => {
      for (const { Data } of records) {
        const name = Buffer.from(Data, 'base64').toString().split(' ', 1)[0] ?? ''
        if (!arrivals.has(name)) arrivals.set(name, performance.now())
      }
    }
    const opened = await open[protocol](server, { arns, most: count, pushed })
    await sleep(Number(flags.restSeconds) * 1000)
    const idleKiB = residentKiB(server.pid)
    const sent = new Map<string, number>()
    await puts(client, Number(flags.puts), (name) => sent.set(name, performance.now()))
    await sleep(500)
    const waits = [...sent]
      .map(([name, at]) => (arrivals.get(name) ?? Number.NaN) - at)
      .toSorted((a, b) => a - b)
    opened.close()
    return {
      idleKiB: Math.round(idleKiB - beforeKiB),
      kiBPerSubscription: round((idleKiB - beforeKiB) / count),
      putToPushP50Ms: round(waits[Math.floor(waits.length / 2)] ?? Number.NaN),
      putToPushP99Ms: round(waits[Math.floor(waits.length * 0.99)] ?? Number.NaN),
      arrived: waits.filter((ms) => !Number.isNaN(ms)).length,
    }
  } finally {
    client.destroy()
    await server.stop()
  }
}

async function registered(client: KinesisClient): Promise<readonly string[]> {
  const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/laps'
  const arns: string[] = []
  for (let index = 0; index < consumers; index += 1) {
    const input = { StreamARN, ConsumerName: `consumer-${index}` }
    const { Consumer } = await client.send(new RegisterStreamConsumerCommand(input))
    arns.push(Consumer?.ConsumerARN ?? '')
  }
  return arns
}

/** One at a time, 1 KB each; `sent` is told the record's name before its call begins. */
async function puts(
  client: KinesisClient,
  records: number,
  sent: (name: string) => void,
): Promise<void> {
  for (let index = 0; index < records; index += 1) {
    const name = `${records}-${index}`
    const input = { StreamName: 'laps', PartitionKey: name, Data: Buffer.from(name.padEnd(1024)) }
    sent(name)
    await client.send(new PutRecordCommand(input))
    await sleep(5)
  }
}

/** What to subscribe to, one by one. */
function* wanted({ arns, most }: Wanted): Generator<string> {
  for (let index = 0; index < most; index += 1) {
    const shard = String(index % shards).padStart(12, '0')
    yield JSON.stringify({
      ConsumerARN: arns[Math.floor(index / shards)],
      ShardId: `shardId-${shard}`,
      StartingPosition: { Type: 'LATEST' },
    })
  }
}

/** Tells of records, and calls `begun` at the first frame. */
function reader(pushed: Push, begun: () => void): (chunk: Buffer) => void {
  const decoder = new EventStreamDecoder()
  return (chunk) => {
    const frames = decoder.push(chunk)
    if (frames instanceof EventStreamFlaw) throw new Error(`${frames.reason}: ${chunk.toString()}`)
    if (frames.length > 0) begun()
    for (const { payload } of frames) {
      const { Records = [] } = JSON.parse(payload.toString()) as {
        readonly Records?: readonly { readonly Data: string }[]
      }
      pushed(Records)
    }
  }
}

async function openHttp2({ endpoint }: KinesisServer, wish: Wanted): Promise<Opened> {
  const sessions: ClientHttp2Session[] = []
  let opened = 0
  for (const body of wanted(wish)) {
    if (opened % perConnection === 0) sessions.push(connected(endpoint))
    opened += 1
    const stream = sessions.at(-1)?.request({ ':method': 'POST', ':path': '/', ...headers })
    await new Promise<void>((resolve) => stream?.on('data', reader(wish.pushed, resolve)).end(body))
  }
  return { close: () => sessions.forEach((session) => session.destroy()) }
}

async function openHttp1({ endpoint }: KinesisServer, wish: Wanted): Promise<Opened> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  for (const body of wanted(wish)) {
    await new Promise<void>((resolve, reject) => {
      const options = { method: 'POST', agent, headers }
      httpRequest(endpoint, options, (response) =>
        response.on('data', reader(wish.pushed, resolve)),
      )
        .on('error', reject)
        .end(body)
    })
  }
  return { close: () => agent.destroy() }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function connected(endpoint: string): ClientHttp2Session {
  const session = connect(endpoint)
  // Only once all is measured and the broker stops.
  return session.on('error', (error) => process.stderr.write(`connection: ${error.message}\n`))
}
