// Numbered records by PutRecords of a stream whose shards change, and three mappings of it: standard, fan-out, in windows.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateStreamCommand,
  KinesisClient,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  UpdateShardCountCommand,
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import {
  NumberedRecords,
  type Sending,
  type Workload,
  type WorkloadMapping,
  type WorkloadPorts,
} from './workload.ts'

const StreamName = 'kills'
const streamArn = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`
const keys = 24
const pauseMs = 10
/** AWS's limit of ten a day counts them all. */
const reshardingsMax = 9

/** A handler that takes its time now and then, and writes down what it was given. */
const handler = `
import { appendFileSync } from 'node:fs'
export const handler = async ({ Records }) => {
  const given = Records.map(({ kinesis: { partitionKey: key, data } }) => ({ key, value: atob(data) }))
  await new Promise((resolve) => setTimeout(resolve, given[0].value % 40))
  appendFileSync(process.env.OUT, given.map((line) => JSON.stringify(line) + '\\n').join(''))
}
`

/** The same, which hands on what each window has had, and writes that down when the window ends. */
const windowHandler = `
import { appendFileSync } from 'node:fs'
export const handler = async ({ Records, state, shardId, window, isFinalInvokeForWindow }) => {
  const records = { ...state.records }
  const lines = []
  for (const { kinesis: { partitionKey: key, data, sequenceNumber } } of Records) {
    records[sequenceNumber] = key + ':' + atob(data)
    lines.push({ key, value: atob(data) })
  }
  await new Promise((resolve) => setTimeout(resolve, Object.keys(records).length % 40))
  if (isFinalInvokeForWindow) lines.push({ shard: shardId, window: window.start, records })
  appendFileSync(process.env.OUT, lines.map((line) => JSON.stringify(line) + '\\n').join(''))
  return { state: { records } }
}
`

export class StreamWorkload implements Workload {
  readonly records = new NumberedRecords()
  readonly #random: () => number
  readonly #client: KinesisClient
  #reshardings = 0

  constructor({ kinesis }: WorkloadPorts, random: () => number) {
    this.#random = random
    this.#client = new KinesisClient({
      endpoint: `http://127.0.0.1:${kinesis}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      // Tries again are made here, in order.
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({ connectionTimeout: 1_000, requestTimeout: 30_000 }),
    })
  }

  async create(): Promise<readonly WorkloadMapping[]> {
    await this.#client.send(new CreateStreamCommand({ StreamName, ShardCount: 3 }))
    const consumer = { StreamARN: streamArn, ConsumerName: 'kills' }
    const { Consumer } = await this.#client.send(new RegisterStreamConsumerCommand(consumer))
    const start = { StartingPosition: 'TRIM_HORIZON', BatchSize: 50 } as const
    const standard = { ...start, EventSourceArn: streamArn }
    const fanOut = { ...start, EventSourceArn: Consumer?.ConsumerARN }
    return [
      {
        functionName: 'standard',
        handler,
        request: { ...standard, ParallelizationFactor: 2 },
        isWindowed: false,
      },
      {
        functionName: 'fan-out',
        handler,
        request: { ...fanOut, ParallelizationFactor: 2 },
        isWindowed: false,
      },
      {
        functionName: 'windows',
        handler: windowHandler,
        request: { ...standard, TumblingWindowInSeconds: 2 },
        isWindowed: true,
      },
    ]
  }

  send(): Promise<Sending> {
    const stopping = new AbortController()
    const running = (async () => {
      while (!stopping.signal.aborted) {
        await this.#putSome()
        await sleep(pauseMs)
      }
    })()
    return Promise.resolve({
      stop: async () => {
        stopping.abort()
        await running
        this.#client.destroy()
      },
    })
  }

  /** Asks for another number of shards at a moment of every other round; whether it is heard, a kill may decide. */
  disturb(roundMs: number): void {
    if (this.#reshardings >= reshardingsMax || this.#random() < 0.5) return
    const TargetShardCount = 2 + Math.floor(this.#random() * 3)
    const change = { StreamName, TargetShardCount, ScalingType: 'UNIFORM_SCALING' } as const
    void sleep(roundMs * this.#random())
      .then(() => this.#client.send(new UpdateShardCountCommand(change)))
      .then(
        () => (this.#reshardings += 1),
        () => {},
      )
  }

  /** A record of each of some keys, put until each of them is acknowledged: none overtakes another of its key. */
  async #putSome(): Promise<void> {
    const first = Math.floor(this.#random() * keys)
    const count = 1 + Math.floor(this.#random() * 12)
    let left = Array.from({ length: count }, (_, i) =>
      this.records.next(`key-${(first + i) % keys}`),
    )
    while (left.length > 0) {
      const Records = left.map(({ key, value }) => {
        return { PartitionKey: key, Data: Buffer.from(value) }
      })
      const command = new PutRecordsCommand({ StreamName, Records })
      const answer = await this.#client.send(command).catch(() => undefined)
      const isPut = (index: number): boolean =>
        answer?.Records?.[index]?.SequenceNumber !== undefined
      for (const [index, { key }] of left.entries()) {
        if (isPut(index)) this.records.acknowledge(key)
      }
      left = left.filter((_, index) => !isPut(index))
      if (left.length > 0) await sleep(20)
    }
  }
}
