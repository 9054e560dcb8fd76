// Says how fast event pollers come and go: as soon as it helps, or as AWS documents it.
import {
  awsPollerBytesPerSecond,
  awsScalingCalmMs,
  awsScalingEffectMaxMs,
  awsScalingIntervalMs,
  awsThrottleCautionMs,
  awsThrottleMemoryMs,
  scalingCalmMs,
  scalingIntervalMs,
  throttleCautionMs,
  throttleMemoryMs,
} from '../common/mapping-limits.ts'

export interface ScalingPace {
  /** Between two looks at the offset lag. */
  readonly intervalMs: number
  /** A change takes effect within so long of the look that asked for it. */
  readonly effectMaxMs: number
  /** So long must event pollers be too many before some go. */
  readonly calmMs: number
  /** After a throttle none is added for so long, and not above what was refused for longer. */
  readonly cautionMs: number
  readonly memoryMs: number
  /** What each reads in a second, as event text; Infinity for as much as it can. */
  readonly pollerBytesPerSecond: number
}

export type PaceName = 'local' | 'aws'

export const localScalingPace: ScalingPace = {
  intervalMs: scalingIntervalMs,
  effectMaxMs: 0,
  calmMs: scalingCalmMs,
  cautionMs: throttleCautionMs,
  memoryMs: throttleMemoryMs,
  pollerBytesPerSecond: Infinity,
}

const awsOnDemand: ScalingPace = {
  intervalMs: awsScalingIntervalMs,
  effectMaxMs: awsScalingEffectMaxMs,
  calmMs: awsScalingCalmMs,
  cautionMs: awsThrottleCautionMs,
  memoryMs: awsThrottleMemoryMs,
  pollerBytesPerSecond: awsPollerBytesPerSecond,
}

/** How often Lambda looks is not published; its measurement of a spike shows no lag to speak of. */
const awsProvisioned: ScalingPace = {
  ...localScalingPace,
  pollerBytesPerSecond: awsPollerBytesPerSecond,
}

export function scalingPace(pace: PaceName, mode: 'on-demand' | 'provisioned'): ScalingPace {
  if (pace === 'local') return localScalingPace
  return mode === 'on-demand' ? awsOnDemand : awsProvisioned
}
