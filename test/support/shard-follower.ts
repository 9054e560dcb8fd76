// Reads a stream as Kinesis' own consumers do: parents to their end before their children, a merge's child after both.
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  type ChildShard,
  type KinesisClient,
} from '@aws-sdk/client-kinesis'

export interface FollowedRecord {
  readonly partitionKey: string
  readonly data: string
}

/** From the oldest record on; shards are read side by side. */
export class ShardFollower {
  readonly #client: KinesisClient
  readonly #streamName: string
  readonly records: FollowedRecord[] = []
  readonly #begun = new Set<string>()
  readonly #ended = new Set<string>()
  readonly #reading: Promise<void>[] = []
  #failure: unknown

  constructor(client: KinesisClient, streamName: string) {
    this.#client = client
    this.#streamName = streamName
  }

  async start(): Promise<void> {
    const first = new ListShardsCommand({
      StreamName: this.#streamName,
      ShardFilter: { Type: 'AT_TRIM_HORIZON' },
    })
    const { Shards = [] } = await this.#client.send(first)
    for (const { ShardId = '' } of Shards) this.#begin(ShardId)
  }

  get endedShards(): number {
    return this.#ended.size
  }

  /** Resolves once as many records are there; rejects with what reading failed with. */
  async has(count: number, withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs
    while (this.records.length < count && this.#failure === undefined && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  async stop(): Promise<void> {
    this.#failure ??= new Error('stopped')
    await Promise.all(this.#reading)
  }

  #begin(shardId: string): void {
    if (this.#begun.has(shardId)) return
    this.#begun.add(shardId)
    const reading = this.#read(shardId).catch((error: unknown) => {
      this.#failure ??= error
    })
    this.#reading.push(reading)
  }

  async #read(ShardId: string): Promise<void> {
    const at = { StreamName: this.#streamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
    let { ShardIterator } = await this.#client.send(new GetShardIteratorCommand(at))
    while (ShardIterator !== undefined && this.#failure === undefined) {
      const answer = await this.#client.send(new GetRecordsCommand({ ShardIterator }))
      for (const { PartitionKey = '', Data = new Uint8Array() } of answer.Records ?? []) {
        this.records.push({ partitionKey: PartitionKey, data: Buffer.from(Data).toString() })
      }
      ShardIterator = answer.NextShardIterator
      if (ShardIterator === undefined) this.#end(ShardId, answer.ChildShards ?? [])
      if (answer.Records?.length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  #end(shardId: string, children: readonly ChildShard[]): void {
    this.#ended.add(shardId)
    for (const { ShardId = '', ParentShards = [] } of children) {
      if (ParentShards.every((parent) => this.#ended.has(parent))) this.#begin(ShardId)
    }
  }
}
