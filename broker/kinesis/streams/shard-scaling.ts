// Decides when a stream gets more shards or fewer, from how busy they have been; does nothing itself.
import {
  onDemandCalmMs,
  onDemandShardsMax,
  onDemandTargetPercent,
  scalingCalmSamples,
  scalingHotSamples,
} from '../../../common/scaling-limits.ts'
import {
  onDemandShards,
  shardBytesInPerSecond,
  shardRecordsInPerSecond,
} from '../../../common/stream-limits.ts'
import type { StreamRecord } from './stream-record.ts'
import { scalingSwitch, type ScalingBounds } from './stream-switches.ts'

/** What an open shard took in a second, over one sample's time. */
export interface ShardLoad {
  readonly shard: number
  readonly bytesPerSecond: number
  readonly recordsPerSecond: number
}

export interface ScalingPolicy extends ScalingBounds {
  /** AWS's on-demand streams: shards that are busy are split, the others stay as they are. */
  readonly splitsBusyShards: boolean
  /** So many samples in a row must say that half the shards would do. */
  readonly calmSamples: number
}

/** Samples in a row. */
export interface ScalingState {
  readonly busy: number
  readonly calm: number
  /** By shard. */
  readonly busyShards: ReadonlyMap<number, number>
}

export type ScalingChange =
  | { readonly kind: 'resize'; readonly shards: number }
  | { readonly kind: 'split'; readonly shards: readonly number[] }

export const scalingStart: ScalingState = { busy: 0, calm: 0, busyShards: new Map() }

/** Undefined where nobody has asked for it. */
export function scalingPolicy(
  { mode, tags }: Pick<StreamRecord, 'mode' | 'tags'>,
  sampleMs: number,
): ScalingPolicy | undefined {
  if (mode === 'ON_DEMAND') {
    return {
      targetPercent: onDemandTargetPercent,
      minShards: onDemandShards,
      maxShards: onDemandShardsMax,
      splitsBusyShards: true,
      calmSamples: Math.ceil(onDemandCalmMs / sampleMs),
    }
  }
  const bounds = scalingSwitch(tags)
  return bounds && { ...bounds, splitsBusyShards: false, calmSamples: scalingCalmSamples }
}

/** One sample further: a change begins to count anew. */
export function nextScaling(
  policy: ScalingPolicy,
  state: ScalingState,
  loads: readonly ShardLoad[],
): { readonly state: ScalingState; readonly change?: ScalingChange } {
  const count = loads.length
  const bound = Math.min(Math.max(count, policy.minShards), Math.max(1, policy.maxShards))
  if (bound !== count) {
    return { state: scalingStart, change: resize(bound, count) }
  }
  const percent = percentOf(loads, count)
  const calm = isCalm(policy, percent) && count > policy.minShards ? state.calm + 1 : 0
  if (calm >= policy.calmSamples) {
    return { state: scalingStart, change: resize(policy.minShards, count) }
  }
  const next = {
    busy: percent > policy.targetPercent ? state.busy + 1 : 0,
    calm,
    busyShards: busyShards(policy, state, loads),
  }
  const change = growth(policy, next, count)
  return change === undefined ? { state: next } : { state: scalingStart, change }
}

/** Percent of what `shards` may take that `loads` are, of bytes or of records, whichever is more. */
function percentOf(loads: readonly ShardLoad[], shards: number): number {
  let bytes = 0
  let records = 0
  for (const { bytesPerSecond, recordsPerSecond } of loads) {
    bytes += bytesPerSecond
    records += recordsPerSecond
  }
  const used = Math.max(bytes / shardBytesInPerSecond, records / shardRecordsInPerSecond)
  return (100 * used) / shards
}

/** AWS's target tracking: a tenth below the target, so that the smaller number is not too small at once. */
function isCalm({ targetPercent }: ScalingPolicy, percent: number): boolean {
  return 2 * percent < 0.9 * targetPercent
}

function busyShards(
  { splitsBusyShards, targetPercent }: ScalingPolicy,
  state: ScalingState,
  loads: readonly ShardLoad[],
): ReadonlyMap<number, number> {
  const busy = splitsBusyShards ? loads.filter((load) => percentOf([load], 1) > targetPercent) : []
  return new Map(busy.map(({ shard }) => [shard, (state.busyShards.get(shard) ?? 0) + 1]))
}

function growth(
  { splitsBusyShards, maxShards }: ScalingPolicy,
  { busy, busyShards: byShard }: ScalingState,
  count: number,
): ScalingChange | undefined {
  const room = maxShards - count
  if (room <= 0) return undefined
  if (!splitsBusyShards) {
    return busy >= scalingHotSamples ? resize(Math.min(2 * count, maxShards), count) : undefined
  }
  const shards = [...byShard].filter(([, samples]) => samples >= scalingHotSamples)
  if (shards.length === 0) return undefined
  return { kind: 'split', shards: shards.slice(0, room).map(([shard]) => shard) }
}

/** By no more than the double or the half at a time, as UpdateShardCount. */
function resize(wanted: number, count: number): ScalingChange {
  return { kind: 'resize', shards: Math.min(Math.max(wanted, Math.ceil(count / 2)), 2 * count) }
}
