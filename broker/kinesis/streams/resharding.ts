// What a step of a resharding makes of a stream's record: shards closed, others in their place.
import type { ReshardingStep, StreamRecord } from './stream-record.ts'

/** The record with its first step done. All of it is one write: there is no moment with half of it. */
export function afterStep(record: StreamRecord, nowMs: number): StreamRecord {
  const [step, ...resharding] = record.resharding
  if (step === undefined) return record
  const closed = new Set(step.closes)
  const shards = record.shards.map((shard, index) =>
    closed.has(index) ? { ...shard, closedMs: nowMs } : shard,
  )
  const opened = step.opens.map((range) => ({ range, parents: step.closes, madeMs: nowMs }))
  return { ...record, resharding, shards: [...shards, ...opened] }
}

export function withSteps(record: StreamRecord, steps: readonly ReshardingStep[]): StreamRecord {
  return { ...record, resharding: [...record.resharding, ...steps] }
}
