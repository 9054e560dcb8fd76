// Looks at all compacted partitions from time to time, and compacts those that are due, one after another.
import type { Clock, Timer } from '../../../common/clock.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import type { Logger } from '../../../common/logger.ts'
import type { CompactionCounters } from '../log-stats.ts'
import type { CompactionResult } from './compactor.ts'
import { OffsetMap } from './offset-map.ts'
import type { CompactionRound } from './partition-compaction.ts'

/** A partition as the cleaner sees it. */
export interface CleanablePartition {
  readonly topic: string
  readonly index: number
  /** Undefined where nothing was due. Rejects with AppError STORAGE_FAILED or LOG_CORRUPT. */
  compact(round: CompactionRound): Promise<CompactionResult | undefined>
}

export interface CleanerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly intervalMs: number
  /** What keys are remembered in, during a round. */
  readonly mapMaxBytes: number
  partitions(): Iterable<CleanablePartition>
}

/** A partition that fails is left as it was, named in the log, and tried again in the next round. */
export class Cleaner {
  readonly #options: CleanerOptions
  readonly #stopping = new AbortController()
  #counters: CompactionCounters = { passes: 0, failures: 0, bytesBefore: 0, bytesAfter: 0 }
  #timer: Timer | undefined
  #running: Promise<void> | undefined

  constructor(options: CleanerOptions) {
    this.#options = options
  }

  get counters(): CompactionCounters {
    return this.#counters
  }

  start(): void {
    this.#timer = this.#options.clock.after(this.#options.intervalMs, () => {
      void this.run(this.#options.clock.now()).finally(() => {
        if (!this.#stopping.signal.aborted) this.start()
      })
    })
  }

  /** One round over all partitions. */
  run(nowMs: number): Promise<void> {
    this.#running ??= this.#round(nowMs).finally(() => (this.#running = undefined))
    return this.#running
  }

  /** Gives up what is being compacted; resolves when nothing is touched any more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#timer?.cancel()
    await this.#running
  }

  async #round(nowMs: number): Promise<void> {
    let map: OffsetMap | undefined
    const { signal } = this.#stopping
    const round = { nowMs, signal, map: () => (map ??= new OffsetMap(this.#options.mapMaxBytes)) }
    for (const partition of this.#options.partitions()) {
      if (signal.aborted) return
      await this.#compact(partition, round)
    }
  }

  async #compact(partition: CleanablePartition, round: CompactionRound): Promise<void> {
    const { topic, index } = partition
    try {
      const result = await partition.compact(round)
      if (result === undefined) return
      const { passes, bytesBefore, bytesAfter } = this.#counters
      this.#counters = {
        ...this.#counters,
        passes: passes + 1,
        bytesBefore: bytesBefore + result.bytesBefore,
        bytesAfter: bytesAfter + result.bytesAfter,
      }
      this.#options.logger.info('compacted', { topic, partition: index, ...result })
    } catch (error) {
      if (round.signal.aborted && error === round.signal.reason) return
      if (!(error instanceof AppError)) throw error
      const { failures } = this.#counters
      this.#counters = { ...this.#counters, failures: failures + 1 }
      this.#options.logger.warn('not compacted', {
        topic,
        partition: index,
        reason: reasonOf(error),
      })
    }
  }
}
