// The words between a mapping's decisions and the shell that carries them out.
import type { SchemaFailure } from '../events/raw-record.ts'
import type { Criteria } from '../filter/criteria.ts'
import type { BatchGroup, BatchRules } from './batcher.ts'
import type { LaneRecord } from './lane.ts'
import type { FailureRules } from './retry-policy.ts'
import type { ScalingChange, ScalingRules } from './scaler.ts'
import type { BatchWindow } from './tumbling-windows.ts'

export interface MappingRules extends BatchRules, ScalingRules {
  readonly criteria: Criteria
  readonly bufferMaxBytes: number
  readonly commitIntervalMs: number
  readonly failure: FailureRules
}

/** Records that are sent together, and again together until they are through. */
export interface Batch {
  groups: readonly BatchGroup[]
  /** Invocations so far that reached the function with these records and no others. */
  attempts: number
  /** Times it has to wait longer: failures and throttles in a row. */
  setbacks: number
  /** When it is due again. */
  dueMs: number
  /** When its oldest record becomes too old; Infinity where none does. */
  expiresMs: number
  /** The last invocation that reached the function. */
  report?: InvocationReport
  /** Whether its last try was throttled. */
  isThrottled?: boolean
  /** The tumbling window it is in, as its last invocation has it. */
  window?: BatchWindow
  /** What is sent when this one is through: the second half of what was split. */
  next?: Batch
}

/**
 * `failed`: the function ran and erred, or named records that failed. `unreached`: it is gone, or its
 * workers are.
 */
export type BatchOutcome = 'succeeded' | 'failed' | 'unreached' | 'throttled'

/** What came of an invocation that reached the function. */
export interface InvocationReport {
  readonly requestId: string
  readonly executedVersion: string
  /** null where the function did not err, but named records that failed. */
  readonly functionError: string | null
  /** The records that it named; all of the batch unless given. */
  readonly failed?: ReadonlySet<LaneRecord>
  /** What it returned as the state of its tumbling window, as JSON text. */
  readonly state?: string
}

/** Lambda's words for why a record is given up. */
export type DiscardCondition =
  | 'RetryAttemptsExhausted'
  | 'RecordAgeExceeded'
  | 'MaximumPayloadSizeExceeded'
  | SchemaFailure

/** Records that the function will not get again. */
export interface Discard {
  groups: readonly BatchGroup[]
  readonly condition: DiscardCondition
  readonly attempts: number
  readonly report: InvocationReport | undefined
  /** Times that the destination did not take them, and when they are due again. */
  setbacks: number
  dueMs: number
}

/** Several records of one lane of a partition; its only one unless given. */
export interface CountedRecords extends LaneRecord {
  readonly slot?: number
}

/** Consecutive records of one partition of which each entry stands for several; `entries` passed the filters. */
export interface CountedRun {
  readonly partition: number
  readonly firstOffset: number
  readonly entries: readonly CountedRecords[]
  readonly nextOffset: number
  readonly endOffset: number
}

/** What the shell has to do. `dropped` asks for no more than to be told of. */
export type Effect =
  | { readonly kind: 'invoke'; readonly batch: Batch }
  | { readonly kind: 'discard' | 'dropped'; readonly discard: Discard }
  | { readonly kind: 'commit'; readonly offsets: ReadonlyMap<number, number> }
  | { readonly kind: 'pause' | 'resume'; readonly partitions: readonly number[] }
  | {
      readonly kind: 'skipped'
      readonly record: { readonly partition: number; readonly offset: number }
      readonly sizeBytes: number
    }
  /** The final invocation of a window is given up, and its state with it. */
  | {
      readonly kind: 'windowDropped'
      readonly partition: number
      readonly startMs: number
      readonly endMs: number
      readonly condition: DiscardCondition
    }
  | { readonly kind: 'scaled'; readonly change: ScalingChange; readonly lag: number }
