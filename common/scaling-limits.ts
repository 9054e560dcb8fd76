// Bounds and figures of streams whose shards are scaled by the platform, with the reason of each.
import { dayMs } from './stream-limits.ts'

/** AWS: on-demand streams split a shard that takes more than 500 KB a second, which is half of what it may. */
export const onDemandTargetPercent = 50

/** AWS: the shards that an on-demand stream has at most, unless its account was given more. */
export const onDemandShardsMax = 200

/** On-demand streams let go of capacity slowly: half the shards when a day has said that half would do. */
export const onDemandCalmMs = dayMs

/** AWS's target tracking: one minute's figures, more after three of them and fewer after fifteen. */
export const awsScalingSampleMs = 60_000
export const scalingHotSamples = 3
export const scalingCalmSamples = 15

/** The same without waiting for minutes: long enough for one burst of puts not to be a trend. */
export const localScalingSampleMs = 5_000
