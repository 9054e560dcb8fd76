// SplitShard, MergeShards and UpdateShardCount: answered when the change is written down, done behind it.
import { text, whole } from '../../../common/aws/members.ts'
import { dayMs, shardCountUpdatesMax, updateShardCountMax } from '../../../common/stream-limits.ts'
import { withSteps } from '../streams/resharding.ts'
import { parseShardId, type Shard } from '../streams/shard.ts'
import { areAdjacent, merged, splitAt, uniformPlan } from '../streams/shard-range.ts'
import type { ReshardingStep, StreamRecord } from '../streams/stream-record.ts'
import type { Stream } from '../streams/stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { invalidArgument, KinesisError, type Outcome } from './kinesis-errors.ts'
import { streamNamePattern } from './stream-members.ts'
import { streamOperation, unlessActive } from './stream-operation.ts'
import { streamArn } from './stream-shapes.ts'
import { noRoomFor } from './streams.ts'

const startingHashKeyPattern = '0|([1-9]\\d{0,38})'

export const splitShard = streamOperation({
  members: { ShardToSplit: text, NewStartingHashKey: text },
  wantsActive: true,
  check: (violations, { ShardToSplit, NewStartingHashKey }) => {
    violations.required('shardToSplit', ShardToSplit)
    violations.pattern('shardToSplit', ShardToSplit, streamNamePattern)
    violations.length('shardToSplit', ShardToSplit, [1, 128])
    violations.required('newStartingHashKey', NewStartingHashKey)
    violations.pattern('newStartingHashKey', NewStartingHashKey, startingHashKeyPattern)
  },
  handle: (context, stream, { ShardToSplit = '', NewStartingHashKey = '' }) => {
    const refusal = unlessProvisioned(context, stream)
    if (refusal !== undefined) return refusal
    return reshard(context, stream, () => {
      const shard = openShardOf(context, stream, ShardToSplit)
      if (shard instanceof KinesisError) return shard
      const at = BigInt(NewStartingHashKey)
      const { start, end } = shard.range
      if (at <= start + 1n || at >= end) {
        return invalidArgument(
          `NewStartingHashKey ${NewStartingHashKey} used in SplitShard() on shard ${shard.id} in stream ${stream.name} under account ` +
            `${context.accountId} is not both greater than one plus the shard's StartingHashKey ${start} and less than the shard's EndingHashKey ${end}.`,
        )
      }
      return [{ closes: [shard.index], opens: splitAt(shard.range, at) }]
    })
  },
})

export const mergeShards = streamOperation({
  members: { ShardToMerge: text, AdjacentShardToMerge: text },
  wantsActive: true,
  check: (violations, { ShardToMerge, AdjacentShardToMerge }) => {
    for (const [name, value] of [
      ['shardToMerge', ShardToMerge],
      ['adjacentShardToMerge', AdjacentShardToMerge],
    ] as const) {
      violations.required(name, value)
      violations.pattern(name, value, streamNamePattern)
      violations.length(name, value, [1, 128])
    }
  },
  handle: (context, stream, { ShardToMerge = '', AdjacentShardToMerge = '' }) => {
    const refusal = unlessProvisioned(context, stream)
    if (refusal !== undefined) return refusal
    return reshard(context, stream, () => {
      const one = openShardOf(context, stream, ShardToMerge)
      if (one instanceof KinesisError) return one
      const other = openShardOf(context, stream, AdjacentShardToMerge)
      if (other instanceof KinesisError) return other
      if (!areAdjacent(one.range, other.range)) {
        return invalidArgument(
          `Shards ${one.id} and ${other.id} in stream ${stream.name} under account ${context.accountId} are not an adjacent pair of shards eligible for merging`,
        )
      }
      return [{ closes: [one.index, other.index], opens: [merged(one.range, other.range)] }]
    })
  },
})

export const updateShardCount = streamOperation({
  members: { TargetShardCount: whole, ScalingType: text },
  wantsActive: true,
  check: (violations, { TargetShardCount, ScalingType }) => {
    violations.required('targetShardCount', TargetShardCount)
    violations.range('targetShardCount', TargetShardCount, [1, Number.MAX_SAFE_INTEGER])
    violations.required('scalingType', ScalingType)
    violations.oneOf('scalingType', ScalingType, ['UNIFORM_SCALING'])
  },
  handle: async (context, stream, { TargetShardCount: target = 0 }) => {
    const current = stream.routedShards.length
    const nowMs = context.clock.now()
    const refusal =
      unlessProvisioned(context, stream) ??
      countFlaw(current, target) ??
      updatesFlaw(context, stream)
    if (refusal !== undefined) return refusal
    const failure = await reshard(
      context,
      stream,
      ({ shards }) => uniformPlan(rangedShards(stream), target, shards.length),
      (record) => ({
        ...record,
        shardCountUpdatesMs: [...recent(record.shardCountUpdatesMs, nowMs), nowMs],
      }),
    )
    if (failure !== undefined) return failure
    return {
      StreamName: stream.name,
      CurrentShardCount: current,
      TargetShardCount: target,
      StreamARN: streamArn(context, stream.name),
    }
  },
})

function countFlaw(current: number, target: number): KinesisError | undefined {
  const counts = `Current open shard count: ${current} Target shard count: ${target}`
  if (target > 2 * current) {
    return invalidArgument(
      `UpdateShardCount cannot scale up over double your current open shard count. ${counts}`,
    )
  }
  if (target < current / 2) {
    return invalidArgument(
      `UpdateShardCount cannot scale down below half your current open shard count. ${counts}`,
    )
  }
  return target > updateShardCountMax
    ? invalidArgument(
        `UpdateShardCount cannot scale above ${updateShardCountMax} shards. ${counts}`,
      )
    : undefined
}

function updatesFlaw(
  { clock }: KinesisContext,
  { name, record }: Stream,
): KinesisError | undefined {
  if (recent(record.shardCountUpdatesMs, clock.now()).length < shardCountUpdatesMax)
    return undefined
  const reason = `UpdateShardCount was called ${shardCountUpdatesMax} times in the last 24 hours for stream ${name}, which is the limit.`
  return new KinesisError('LimitExceededException', reason)
}

export function recent(timesMs: readonly number[], nowMs: number): readonly number[] {
  return timesMs.filter((timeMs) => nowMs - timeMs < dayMs)
}

function rangedShards({ routedShards }: Stream) {
  return routedShards.map(({ index, range }) => ({ shard: index, range }))
}

function unlessProvisioned(
  { accountId }: KinesisContext,
  { name, record }: Stream,
): KinesisError | undefined {
  if (record.mode === 'PROVISIONED') return undefined
  const reason = `Request is invalid. Stream ${name} under account ${accountId} is in On-Demand mode.`
  return new KinesisError('ValidationException', reason)
}

function openShardOf(
  { accountId, clock }: KinesisContext,
  stream: Stream,
  id: string,
): Outcome<Shard> {
  const at = `in stream ${stream.name} under account ${accountId}`
  const shard = stream.shards[parseShardId(id) ?? -1]
  if (shard === undefined || shard.isExpired(clock.now())) {
    return new KinesisError('ResourceNotFoundException', `Could not find shard ${id} ${at}.`)
  }
  if (shard.isOpen && shard.record.range !== undefined) return shard
  const reason = shard.isOpen
    ? `Shard ${shard.id} ${at} was added through Kafka and has no hash keys: UpdateShardCount gives it some.`
    : `Shard ${shard.id} ${at} has already been merged or split, and thus is not eligible for merging or splitting.`
  return invalidArgument(reason)
}

function roomFlaw(
  context: KinesisContext,
  { shards }: StreamRecord,
  steps: readonly ReshardingStep[],
): KinesisError | undefined {
  const opened = steps.reduce((sum, { opens }) => sum + opens.length, 0)
  return opened === 0 ? undefined : noRoomFor(context, opened, shards.length)
}

/** `plan` is made when no other change of the stream is under way: what it is refused for then is answered. */
async function reshard(
  context: KinesisContext,
  stream: Stream,
  plan: (record: StreamRecord) => Outcome<readonly ReshardingStep[]>,
  note: (record: StreamRecord) => StreamRecord = (record) => record,
): Promise<KinesisError | undefined> {
  let refusal: KinesisError | undefined
  const { done } = await context.catalog.reshard(stream, (record) => {
    // Another change may have come between.
    const steps = unlessActive(context, stream) ?? plan(record)
    refusal = steps instanceof KinesisError ? steps : roomFlaw(context, record, steps)
    if (refusal !== undefined || steps instanceof KinesisError) return record
    return note(withSteps(record, steps))
  })
  if (refusal !== undefined) return refusal
  // A failure is logged by the catalogue, which tries again; the stream is UPDATING until then.
  void done.then(
    () =>
      context.logger.info('stream resharded', {
        stream: stream.name,
        shards: stream.routedShards.length,
      }),
    () => {},
  )
  return undefined
}
