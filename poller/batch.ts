// The words between a mapping's decisions and the shell that carries them out.
import type { Criteria } from '../filter/criteria.ts'
import type { BatchGroup, BatchRules } from './batcher.ts'
import type { ScalingChange, ScalingRules } from './scaler.ts'
import type { SourceRecord } from './sources/source.ts'

export interface MappingRules extends BatchRules, ScalingRules {
  readonly criteria: Criteria
  readonly bufferMaxBytes: number
  readonly commitIntervalMs: number
}

/** Records that are sent together, and again together until they succeed. */
export interface Batch {
  groups: readonly BatchGroup[]
  /** Invocations so far that reached the function. */
  attempts: number
  /** Times it has to wait longer: failures and throttles in a row. */
  setbacks: number
  /** When it is due again. */
  dueMs: number
}

/** `failed`: the function ran and erred. `unreached`: it is gone, or its workers are. */
export type BatchOutcome = 'succeeded' | 'failed' | 'unreached' | 'throttled'

/** What the shell has to do. */
export type Effect =
  | { readonly kind: 'invoke'; readonly batch: Batch }
  | { readonly kind: 'commit'; readonly offsets: ReadonlyMap<number, number> }
  | { readonly kind: 'pause' | 'resume'; readonly partitions: readonly number[] }
  | { readonly kind: 'skipped'; readonly record: SourceRecord; readonly sizeBytes: number }
  | { readonly kind: 'scaled'; readonly change: ScalingChange; readonly lag: number }

/** How many records are in the groups. */
export function recordsOf(groups: readonly BatchGroup[]): number {
  return groups.reduce((sum, { records }) => sum + records.length, 0)
}
