// What the steps of a resharding make of a stream's record: shards closed, others in their place.
import type { ReshardingStep, StreamRecord } from './stream-record.ts'

/**
 * The record with all of its steps done, at once: there is no moment with some of them. Shards that one step opens and a
 * later one closes were never open to anybody; they stand between parents and children all the same.
 */
export function afterSteps(record: StreamRecord, nowMs: number): StreamRecord {
  const shards = [...record.shards]
  for (const { closes, opens } of record.resharding) {
    for (const index of closes) {
      const shard = shards[index]
      if (shard !== undefined) shards[index] = { ...shard, closedMs: nowMs }
    }
    for (const range of opens) shards.push({ range, parents: closes, madeMs: nowMs })
  }
  return { ...record, resharding: [], shards }
}

export function withSteps(record: StreamRecord, steps: readonly ReshardingStep[]): StreamRecord {
  return { ...record, resharding: [...record.resharding, ...steps] }
}
