// Decides how many event pollers a mapping has, from how far it is behind and what its function bears.
import { localScalingPace, type ScalingPace } from './scaling-pace.ts'

export interface ScalingRules {
  /** Event pollers that are there however quiet it is; an on-demand mapping has one. */
  readonly pollersMin: number
  /** The partitions set a lower bound. */
  readonly pollersMax: number
  readonly invocationsPerPoller: number
  readonly batchSize: number
  readonly payloadMaxBytes: number
  /** Lanes that each partition has; 1 unless given. */
  readonly parallelizationFactor?: number
  /** `local` unless given. */
  readonly pace?: ScalingPace
}

/** What is seen of a mapping at one moment; counts are since the moment before. */
export interface Evaluation {
  /** Partitions that this member reads; 0 while it has none, which says nothing about the load. */
  readonly partitions: number
  /** The offset lag without what is in flight. */
  readonly waitingRecords: number
  /** What of it has been read, as event text. */
  readonly waitingBytes: number
  /** Offsets by which partitions have moved on. */
  readonly progress: number
  readonly throttles: number
  /** Most invocations that were in flight at once. */
  readonly invocationsMost: number
}

export interface ScalerState {
  readonly pollers: number
  /** Since when it is not behind, and how many invocations it needed at once in that time. */
  readonly calm: { readonly sinceMs: number; readonly invocationsMost: number } | undefined
  /** The last throttle, and how many event pollers the function is thought to bear since. */
  readonly throttled: { readonly atMs: number; readonly ceiling: number } | undefined
  /** What keeps the number from growing, once that is said; undefined again when it grows, or has calmed down. */
  readonly held?: ScalingReason | undefined
}

/**
 * Why the number changed, or stays although more would be of use. `lag`: more waits than the batches of the pollers hold. `partitions`,
 * `maximum`, `concurrency`: the same, but one per partition, MaximumPollers or recent throttles let it
 * grow no further than this; `partitions` also where partitions came or went. `throttled`: the function
 * refused invocations. `idle`: so many were not needed.
 */
export const scalingReasons = [
  'lag',
  'partitions',
  'maximum',
  'concurrency',
  'throttled',
  'idle',
] as const
export type ScalingReason = (typeof scalingReasons)[number]

/** `from` and `to` are the same where the reason is one to stay; of a spell of such looks the first says so. */
export interface ScalingChange {
  readonly from: number
  readonly to: number
  readonly reason: ScalingReason
}

export interface ScalingDecision {
  readonly state: ScalerState
  /** Absent where the number stays. */
  readonly change?: ScalingChange
}

export function initialScaling({ pollersMin }: ScalingRules): ScalerState {
  return { pollers: pollersMin, calm: undefined, throttled: undefined }
}

/** The least and the most event pollers that so many partitions can use. */
export function scalingBounds(
  { pollersMin, pollersMax, parallelizationFactor = 1 }: ScalingRules,
  partitions: number,
): { readonly least: number; readonly most: number } {
  const useful = Math.max(1, partitions * parallelizationFactor)
  return { least: Math.min(pollersMin, useful), most: Math.min(pollersMax, useful) }
}

/**
 * One evaluation. Growth doubles, since a backlog grows while it is looked at; a throttle halves, since
 * every further invocation would be refused; and what is not needed goes by halves as well, late.
 */
export function evaluateScaling(
  rules: ScalingRules,
  state: ScalerState,
  evaluation: Evaluation,
  nowMs: number,
): ScalingDecision {
  if (evaluation.partitions === 0) return { state }
  const fitted = fitToPartitions(rules, state, evaluation.partitions)
  if (fitted.change !== undefined) return fitted
  const { least, most } = scalingBounds(rules, evaluation.partitions)
  const { pollers } = state
  if (evaluation.throttles > 0) return throttled(state, least, nowMs)
  const wanted = batchesWaiting(rules, evaluation)
  // A pace that finishes what waits before the next look needs no help.
  if (wanted > pollers && evaluation.waitingRecords > evaluation.progress) {
    const { pace = localScalingPace, parallelizationFactor = 1 } = rules
    const lanes = evaluation.partitions * parallelizationFactor
    return behind({ ...state, calm: undefined }, { wanted, most, pace, lanes }, nowMs)
  }
  return calm({ rules, state, least }, evaluation, nowMs)
}

/** So many partitions came or went: no more event pollers than they can use, nor fewer than are due. */
export function fitToPartitions(
  rules: ScalingRules,
  state: ScalerState,
  partitions: number,
): ScalingDecision {
  if (partitions === 0) return { state }
  const { least, most } = scalingBounds(rules, partitions)
  const to = Math.min(most, Math.max(least, state.pollers))
  return to === state.pollers ? { state } : changed({ ...state, calm: undefined }, to, 'partitions')
}

/** Full batches that could be sent, were there enough who send them. */
function batchesWaiting(
  { batchSize, payloadMaxBytes }: ScalingRules,
  { waitingRecords, waitingBytes }: Evaluation,
): number {
  return Math.floor(Math.max(waitingRecords / batchSize, waitingBytes / payloadMaxBytes))
}

// The ceiling lies between what was too much and what is tried now: a search by halves.
function throttled(state: ScalerState, least: number, nowMs: number): ScalingDecision {
  const { pollers } = state
  const to = Math.max(least, Math.floor(pollers / 2))
  const ceiling = Math.max(least, Math.floor((pollers + to) / 2))
  return changed(
    { ...state, calm: undefined, throttled: { atMs: nowMs, ceiling } },
    to,
    'throttled',
  )
}

function behind(
  state: ScalerState,
  need: {
    readonly wanted: number
    readonly most: number
    readonly lanes: number
    readonly pace: ScalingPace
  },
  nowMs: number,
): ScalingDecision {
  const { pollers, throttled: last } = state
  const sinceThrottleMs = last === undefined ? Infinity : nowMs - last.atMs
  if (sinceThrottleMs < need.pace.cautionMs) return { state }
  const ceiling = sinceThrottleMs < need.pace.memoryMs ? (last?.ceiling ?? Infinity) : Infinity
  const to = Math.min(pollers * 2, need.wanted)
  const bound = Math.min(need.most, ceiling)
  if (to <= bound) return changed(state, to, 'lag')
  const isMost = bound === need.most
  const reason = isMost ? (bound === need.lanes ? 'partitions' : 'maximum') : 'concurrency'
  return changed(state, Math.max(pollers, bound), reason)
}

function calm(
  {
    rules,
    state,
    least,
  }: { readonly rules: ScalingRules; readonly state: ScalerState; readonly least: number },
  { invocationsMost }: Evaluation,
  nowMs: number,
): ScalingDecision {
  const { sinceMs, invocationsMost: before } = state.calm ?? { sinceMs: nowMs, invocationsMost: 0 }
  const most = Math.max(before, invocationsMost)
  if (nowMs - sinceMs < (rules.pace ?? localScalingPace).calmMs) {
    return { state: { ...state, calm: { sinceMs, invocationsMost: most } } }
  }
  const needed = Math.max(least, Math.ceil(most / rules.invocationsPerPoller))
  const to = Math.min(state.pollers, Math.max(needed, Math.floor(state.pollers / 2)))
  return changed({ ...state, calm: undefined }, to, 'idle')
}

function changed(state: ScalerState, to: number, reason: ScalingReason): ScalingDecision {
  const { pollers: from, held } = state
  const isFree = reason === 'lag' || reason === 'idle'
  const next = { ...state, pollers: to, held: isFree ? undefined : reason }
  if (from === to && (isFree || held === reason)) return { state: next }
  return { state: next, change: { from, to, reason } }
}
