// Kills a broker amid puts and reshardings by the Kinesis API, and judges what its shards hold afterwards.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
  UpdateShardCountCommand,
  type Shard,
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { randomFrom } from '../support/seeded-random.ts'
import { streamViolations, type Found, type Put } from './stream-history.ts'

export interface StreamRoundsOptions {
  readonly rounds: number
  readonly seed: number
  /** Told after each round. */
  readonly progress?: (round: number, counts: StreamRoundsCounts) => void
}

export interface StreamRoundsCounts {
  readonly sent: number
  readonly acknowledged: number
  /** Changes of the number of shards that were accepted. */
  readonly reshardings: number
}

export interface StreamRoundsResult extends StreamRoundsCounts {
  readonly violations: readonly string[]
  /** Where the broker's data lies; removed by whoever asked. */
  readonly dataDir: string
}

const StreamName = 'kills'
const writers = 4
const recordsPerPut = 5
/** So that ten rounds in a row may change the number of shards; AWS's limit of ten a day counts them all. */
const reshardingsMax = 9
const roundMs = { least: 50, most: 500 }

/** Resolves with what is wrong; rejects where the broker does not start again. */
export async function runStreamRounds(options: StreamRoundsOptions): Promise<StreamRoundsResult> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-stream-kills-'))
  const rounds = new StreamRounds(dataDir, await freePort(), options)
  return { ...(await rounds.run()), dataDir }
}

class StreamRounds {
  readonly #dataDir: string
  readonly #port: number
  readonly #options: StreamRoundsOptions
  readonly #random: () => number
  readonly #client: KinesisClient
  readonly #puts: Put[] = []
  #broker: Platform | undefined
  #reshardings = 0
  #isOver = false

  constructor(dataDir: string, port: number, options: StreamRoundsOptions) {
    this.#dataDir = dataDir
    this.#port = port
    this.#options = options
    this.#random = randomFrom(options.seed)
    this.#client = new KinesisClient({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      // What was sent twice could not be told from what was written twice.
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({ connectionTimeout: 1000, requestTimeout: 5000 }),
    })
  }

  async run(): Promise<Omit<StreamRoundsResult, 'dataDir'>> {
    try {
      this.#broker = await this.#start()
      await this.#client.send(new CreateStreamCommand({ StreamName, ShardCount: 3 }))
      const writing = Array.from({ length: writers }, (_, writer) => this.#write(writer))
      for (let round = 0; round < this.#options.rounds; round++) {
        await this.#round()
        this.#options.progress?.(round, this.#counts)
      }
      this.#isOver = true
      await Promise.all(writing)
      const found = await this.#readAll()
      return { ...this.#counts, violations: streamViolations(this.#puts, found) }
    } finally {
      this.#isOver = true
      this.#client.destroy()
      await this.#broker?.stop()
    }
  }

  get #counts(): StreamRoundsCounts {
    const acknowledged = this.#puts.filter(({ place }) => place !== undefined).length
    return { sent: this.#puts.length, acknowledged, reshardings: this.#reshardings }
  }

  #start(): Promise<Platform> {
    const args = ['--kinesis-port', String(this.#port)]
    return startPlatform({ role: 'broker', dataDir: this.#dataDir, args })
  }

  async #round(): Promise<void> {
    const { least, most } = roundMs
    const lengthMs = least + this.#random() * (most - least)
    if (this.#random() < 0.5) void this.#reshard(lengthMs * this.#random())
    await sleep(lengthMs)
    await this.#broker?.kill9()
    this.#broker = await this.#start()
  }

  /** Asks for another number of shards at a moment of the round; whether it is heard, a kill may decide. */
  async #reshard(afterMs: number): Promise<void> {
    if (this.#reshardings >= reshardingsMax) return
    const TargetShardCount = 2 + Math.floor(this.#random() * 3)
    await sleep(afterMs)
    const change = { StreamName, TargetShardCount, ScalingType: 'UNIFORM_SCALING' } as const
    await this.#client.send(new UpdateShardCountCommand(change)).then(
      () => (this.#reshardings += 1),
      () => {},
    )
  }

  /** One key, one request at a time, nothing sent twice: what is not answered may be there or not. */
  async #write(writer: number): Promise<void> {
    const key = `writer-${writer}`
    for (let sequence = 0; !this.#isOver;) {
      const puts = Array.from({ length: recordsPerPut }, (): Put => ({ key, sequence: sequence++ }))
      this.#puts.push(...puts)
      const Records = puts.map((put) => ({
        Data: Buffer.from(`${key}:${put.sequence}`),
        PartitionKey: key,
      }))
      const command = new PutRecordsCommand({ StreamName, Records })
      const answer = await this.#client.send(command).catch(() => undefined)
      for (const [index, put] of puts.entries()) {
        const { ShardId, SequenceNumber } = answer?.Records?.[index] ?? {}
        if (ShardId === undefined || SequenceNumber === undefined) continue
        put.place = { shard: ShardId, number: SequenceNumber }
      }
      if (answer === undefined) await sleep(20)
    }
  }

  async #readAll(): Promise<readonly Found[]> {
    await eventually(
      async () => {
        const command = new DescribeStreamSummaryCommand({ StreamName })
        const { StreamDescriptionSummary } = await this.#client.send(command)
        return StreamDescriptionSummary?.StreamStatus === 'ACTIVE' ? true : undefined
      },
      () => 'the stream to be active',
    )
    const { Shards = [] } = await this.#client.send(new ListShardsCommand({ StreamName }))
    const found: Found[] = []
    // A shard's number is above those of its parents.
    for (const shard of Shards) found.push(...(await this.#read(shard)))
    return found
  }

  async #read({ ShardId: shard = '' }: Shard): Promise<readonly Found[]> {
    const start = { StreamName, ShardId: shard, ShardIteratorType: 'TRIM_HORIZON' } as const
    let iterator = (await this.#client.send(new GetShardIteratorCommand(start))).ShardIterator
    const found: Found[] = []
    while (iterator !== undefined) {
      const answer = await this.#client.send(new GetRecordsCommand({ ShardIterator: iterator }))
      for (const { Data, SequenceNumber: number = '', PartitionKey: key = '' } of answer.Records ??
        []) {
        found.push({ shard, number, key, text: Buffer.from(Data ?? []).toString() })
      }
      if (answer.Records?.length === 0 && answer.MillisBehindLatest === 0) break
      iterator = answer.NextShardIterator
    }
    return found
  }
}
