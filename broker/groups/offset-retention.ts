// Drops committed offsets that are past their retention (Kafka: offsets.retention.minutes, KIP-211).
import type { Clock, Timer } from '../../common/clock.ts'
import { offsetsRetentionCheckIntervalMs, offsetsRetentionMs } from '../../common/group-limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { GroupState } from './membership.ts'
import type { OffsetRecord } from './offset-record.ts'
import { outcomeOf, type OffsetStore } from './offset-store.ts'

/** Whoever offsets belong to, as retention sees it. */
export interface OffsetHolder {
  readonly state: GroupState
  /** What its members read; undefined where that is not known, and then nothing is dropped. */
  readonly subscribedTopics: ReadonlySet<string> | undefined
  /** When its last member left, or the latest time at which it may have had one. */
  readonly emptySinceMs: number
}

/**
 * Without members all offsets go together, the retention after the last member left and the last offset
 * was committed. A stable group loses those of topics that nobody subscribes to, each the retention after
 * its commit. `latestMs` is the retention before now.
 */
export function expiredOffsets(
  records: readonly OffsetRecord[],
  { state, subscribedTopics, emptySinceMs }: OffsetHolder,
  latestMs: number,
): readonly OffsetRecord[] {
  const isOld = ({ committed }: OffsetRecord): boolean =>
    committed !== null && committed.commitTimestampMs <= latestMs
  if (state === 'Empty') return emptySinceMs <= latestMs && records.every(isOld) ? records : []
  if (state !== 'Stable' || subscribedTopics === undefined) return []
  return records.filter((record) => isOld(record) && !subscribedTopics.has(record.key.topic))
}

export interface OffsetRetentionOptions {
  readonly offsets: OffsetStore
  readonly clock: Clock
  readonly logger: Logger
  /** Undefined for a consumer without a group. */
  readonly holderOf: (groupId: string) => OffsetHolder | undefined
  readonly afterwards: () => void
}

const withoutGroup: OffsetHolder = {
  state: 'Empty',
  subscribedTopics: undefined,
  emptySinceMs: -Infinity,
}

/** Looks through all offsets every so often. */
export class OffsetRetention {
  readonly #options: OffsetRetentionOptions
  #timer: Timer

  constructor(options: OffsetRetentionOptions) {
    this.#options = options
    this.#timer = this.#schedule()
  }

  close(): void {
    this.#timer.cancel()
  }

  #schedule(): Timer {
    return this.#options.clock.after(offsetsRetentionCheckIntervalMs, () => {
      this.#timer = this.#schedule()
      void this.#dropExpired()
    })
  }

  async #dropExpired(): Promise<void> {
    const { offsets, clock, logger, holderOf, afterwards } = this.#options
    const latestMs = clock.now() - offsetsRetentionMs
    for (const group of offsets.table.groups) {
      const holder = holderOf(group) ?? withoutGroup
      const records = expiredOffsets([...offsets.table.recordsOf(group)], holder, latestMs)
      if (records.length === 0) continue
      const removals = records.map(({ key }): OffsetRecord => ({ key, committed: null }))
      const outcome = await outcomeOf(offsets.write(removals), { logger, group })
      if (outcome === 'NONE') logger.info('offsets expired', { group, offsets: records.length })
    }
    afterwards()
  }
}
