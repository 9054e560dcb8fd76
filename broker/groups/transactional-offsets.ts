// Takes offsets that a consumer's group commits together with a producer's transaction (KIP-98, KIP-447).
import type { Clock } from '../../common/clock.ts'
import { pendingOffsetsMax } from '../../common/producer-limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { JournalProducer } from '../log/journal.ts'
import type { GroupCoordinator } from './coordinator.ts'
import type { GenerationClaim } from './membership.ts'
import { offsetRecords, type OffsetKey, type OffsetToCommit } from './offset-record.ts'
import { outcomeOf, type OffsetStore } from './offset-store.ts'

export interface TransactionalOffsetsOptions {
  readonly offsets: OffsetStore
  readonly coordinator: GroupCoordinator
  readonly clock: Clock
  readonly logger: Logger
}

/** The offsets hold, or are dropped, when the marker of the transaction comes: see `OffsetStore`. */
export class TransactionalOffsets {
  readonly #options: TransactionalOffsetsOptions

  constructor(options: TransactionalOffsetsOptions) {
    this.#options = options
  }

  /** Resolves when the offsets are durable, pending, or with why none was taken. */
  async commit(
    group: { readonly groupId: string; readonly claim: GenerationClaim },
    producer: JournalProducer,
    toCommit: readonly OffsetToCommit[],
  ): Promise<KafkaErrorName> {
    const { offsets, coordinator, clock, logger } = this.#options
    const { groupId, claim } = group
    // Producers before KIP-447 say nothing of the consumer; their epoch alone is what fences them.
    const refusal = coordinator.commitRefusal(groupId, claim, { mayBeAnonymous: true })
    if (refusal !== 'NONE') return refusal
    if (offsets.pending.size + toCommit.length > pendingOffsetsMax) {
      return 'INVALID_COMMIT_OFFSET_SIZE'
    }
    const records = offsetRecords(groupId, toCommit, clock.now())
    return outcomeOf(offsets.writePending(producer, records), { logger, group: groupId })
  }

  /** Whether an open transaction may change a partition's offset. */
  isUnstable(key: OffsetKey): boolean {
    return this.#options.offsets.pending.has(key)
  }
}
