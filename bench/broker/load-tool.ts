// Drives a broker with librdkafka's load tool in C, and with requests at a fixed rate.
import { spawn } from 'node:child_process'
import { encodeBatch } from '../../protocol/record-batch.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'

const tool = new URL('../../.cache/peers/librdkafka/examples/rdkafka_performance', import.meta.url)
  .pathname

export interface Load {
  readonly address: string
  readonly topic: string
  readonly partitions: number
  readonly records: number
  readonly sizeBytes: number
}

/** A run that takes longer is ended and counts as failed. */
const runMaxMs = 60_000

/** Produces with acks=all; resolves with acknowledged records per second. */
export async function produce(load: Load): Promise<number> {
  const where = load.partitions === 1 ? '-p 0' : ''
  // Its own default of 5 ms, which the tool replaces by a second; and every record at random.
  const properties = '-X linger.ms=5 -X sticky.partitioning.linger.ms=0'
  const what = `-t ${load.topic} -a -1 -c ${load.records} -s ${load.sizeBytes}`
  const output = await run(`-P -b ${load.address} ${what} ${where} ${properties}`)
  const last = output.match(/delivered \(offset \d+, (\d+) failed\) in (\d+)ms/g)?.at(-1) ?? ''
  const [, failed, milliseconds] = /, (\d+) failed\) in (\d+)ms/.exec(last) ?? []
  if (failed !== '0') throw new Error(`records were not acknowledged: ${output.slice(-500)}`)
  return Math.round((load.records * 1000) / Number(milliseconds))
}

/** Consumes from the beginning or from the end on; records per second from the first record to the last. */
export async function consume(load: Load, from: 'beginning' | 'end'): Promise<number> {
  const partitions = Array.from({ length: load.partitions }, (_, index) => `-p ${index}`).join(' ')
  const what = `-t ${load.topic} ${partitions} -o ${from} -c ${load.records}`
  const output = await run(`-C -b ${load.address} ${what}`)
  const last = output.match(/(\d+) messages \(\d+ bytes\) consumed in \d+ms/g)?.at(-1) ?? ''
  const [, records, milliseconds] =
    /(\d+) messages \(\d+ bytes\) consumed in (\d+)ms/.exec(last) ?? []
  if (Number(records) < load.records) throw new Error(`not all was consumed: ${output.slice(-500)}`)
  return Math.round((Number(records) * 1000) / Number(milliseconds))
}

export interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Records in one request of `acknowledge`: what a client with a millisecond of linger would send. */
const recordsPerRequest = 50

/**
 * Sends requests at a fixed rate whatever comes back, and times each from the moment it was due: a broker that
 * stalls makes all that were due meanwhile late.
 */
export async function acknowledge(
  load: Load,
  rate: { readonly bytesPerSecond: number; readonly seconds: number },
): Promise<Latency> {
  const records = batchOf(recordsPerRequest, load.sizeBytes)
  const total = Math.floor(
    (rate.bytesPerSecond * rate.seconds) / (recordsPerRequest * load.sizeBytes),
  )
  const everyMs = (rate.seconds * 1000) / total
  const client = await RawKafka.connect(load.address)
  const startedAt = performance.now()
  const latencies: number[] = []
  const answers = (async () => {
    for (let index = 0; index < total; index++) {
      const { responses } = await client.receive('Produce', 7)
      if (responses[0]?.partitionResponses[0]?.errorCode !== 0) throw new Error('not acknowledged')
      latencies.push(performance.now() - startedAt - index * everyMs)
    }
  })()
  const requests = (async () => {
    for (let sent = 0; sent < total;) {
      const due = Math.min(total, Math.floor((performance.now() - startedAt) / everyMs) + 1)
      for (; sent < due; sent++) {
        const topicData = [{ name: load.topic, partitionData: [{ index: 0, records }] }]
        client.send('Produce', 7, { acks: -1, timeoutMs: 5000, topicData })
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  await Promise.all([answers, requests])
  client.close()
  // The first tenth warms the connection and the broker's code up.
  const measured = latencies.slice(Math.floor(total / 10)).sort((a, b) => a - b)
  const at = (share: number): number =>
    Number((measured[Math.floor(measured.length * share)] ?? Number.NaN).toFixed(2))
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

export function batchOf(count: number, sizeBytes: number): Buffer {
  const record = { key: null, value: Buffer.alloc(sizeBytes, 'x'), timestamp: Date.now() }
  return encodeBatch({ records: Array.from({ length: count }, () => record) })
}

function run(args: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args.split(' ').filter(Boolean), {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      // A tool in trouble repeats itself; its end is what counts.
      output = (output + text).slice(-100_000)
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), runMaxMs)
    child.once('error', reject)
    child.once('close', (_code, signal) => {
      clearTimeout(timer)
      if (signal === null) resolve(output)
      else reject(new Error(`the load tool was ended by ${signal}: ${output.slice(-500)}`))
    })
  })
}
