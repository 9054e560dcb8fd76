// Puts into a stream, reads it and has it pushed to a consumer, all the time, until it is stopped.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
} from '@aws-sdk/client-kinesis'

const ShardId = 'shardId-000000000000'
const pauseMs = 200

export class StreamLoad {
  readonly #client: KinesisClient
  readonly #stream: { readonly StreamName: string }
  readonly #stopping = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  private constructor(endpoint: string, StreamName: string) {
    const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
    this.#client = new KinesisClient({ endpoint, region: 'us-east-1', credentials })
    this.#stream = { StreamName }
  }

  /** Makes the stream, of one shard, and its consumer. */
  static async start(endpoint: string, name: string): Promise<StreamLoad> {
    const load = new StreamLoad(endpoint, name)
    await load.#client.send(new CreateStreamCommand({ ...load.#stream, ShardCount: 1 }))
    const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`
    const { Consumer } = await load.#client.send(
      new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: `${name}-consumer` }),
    )
    // A broker that goes away ends them: what was measured until then is what counts.
    const all = [load.#put(), load.#read(), load.#listen(Consumer?.ConsumerARN)]
    load.#running = Promise.allSettled(all)
    return load
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#client.destroy()
    await this.#running
  }

  async #put(): Promise<void> {
    const Records = ['a', 'b', 'c'].map((key) => ({ PartitionKey: key, Data: Buffer.from(key) }))
    while (!this.#stopping.signal.aborted) {
      await this.#client.send(new PutRecordsCommand({ ...this.#stream, Records }))
      await sleep(pauseMs)
    }
  }

  async #read(): Promise<void> {
    const place = { ...this.#stream, ShardId, ShardIteratorType: 'LATEST' } as const
    let { ShardIterator } = await this.#client.send(new GetShardIteratorCommand(place))
    while (!this.#stopping.signal.aborted) {
      const answer = await this.#client.send(new GetRecordsCommand({ ShardIterator }))
      ShardIterator = answer.NextShardIterator
      await sleep(pauseMs)
    }
  }

  async #listen(ConsumerARN: string | undefined): Promise<void> {
    const StartingPosition = { Type: 'LATEST' } as const
    while (!this.#stopping.signal.aborted) {
      const place = { ConsumerARN, ShardId, StartingPosition }
      const { EventStream: events = [] } = await this.#client.send(
        new SubscribeToShardCommand(place),
        { abortSignal: this.#stopping.signal },
      )
      for await (const event of events) if (event.SubscribeToShardEvent === undefined) break
    }
  }
}
