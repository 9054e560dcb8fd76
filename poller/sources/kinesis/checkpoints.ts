// Keeps how far each shard of a mapping's stream has come, and writes that to the registry as a whole.
import type {
  MappingCheckpoint,
  Registry,
  ShardCheckpoint,
} from '../../../control/registry/registry.ts'

export type CheckpointStore = Pick<Registry, 'checkpoint' | 'putCheckpoint'>

export class Checkpoints {
  readonly #uuid: string
  readonly #store: CheckpointStore
  #streamCreatedMs: number
  #shards: Map<string, ShardCheckpoint>

  constructor(uuid: string, store: CheckpointStore) {
    this.#uuid = uuid
    this.#store = store
    const stored = store.checkpoint(uuid)
    this.#streamCreatedMs = stored?.streamCreatedMs ?? Number.NaN
    this.#shards = new Map(stored?.shards.map((shard) => [shard.shardId, shard]))
  }

  /** Of a mapping that has never begun to read there is nothing, and no stream. */
  get streamCreatedMs(): number | undefined {
    return Number.isNaN(this.#streamCreatedMs) ? undefined : this.#streamCreatedMs
  }

  get shards(): ReadonlyMap<string, ShardCheckpoint> {
    return this.#shards
  }

  /** What follows is of the stream that was made then. */
  begin(streamCreatedMs: number, shards: readonly ShardCheckpoint[]): void {
    this.#streamCreatedMs = streamCreatedMs
    this.#shards = new Map(shards.map((shard) => [shard.shardId, shard]))
  }

  set(shard: ShardCheckpoint): void {
    this.#shards.set(shard.shardId, shard)
  }

  /** A shard that is not listed has no records left, and will not come back. */
  keepOnly(listed: ReadonlySet<string>): void {
    for (const shardId of this.#shards.keys()) {
      if (!listed.has(shardId)) this.#shards.delete(shardId)
    }
  }

  /** Rejects as the registry does. */
  write(): Promise<void> {
    const entry: MappingCheckpoint = {
      uuid: this.#uuid,
      streamCreatedMs: this.#streamCreatedMs,
      shards: [...this.#shards.values()],
    }
    return this.#store.putCheckpoint(entry)
  }
}
