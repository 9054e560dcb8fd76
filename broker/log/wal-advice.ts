// What the write-ahead log tells of one partition whose segments have a hole: damage, or what a crash leaves.
import type { WalRemains } from './store-recovery.ts'

export interface WalFound {
  /** Undefined where nothing can be there yet. */
  readonly remains?: WalRemains | undefined
  /** How far segments may have been ahead of a flush. */
  readonly aheadMaxBytes: number
}

/** Of a partition that is new. */
export const nothing: WalFound = { aheadMaxBytes: 0 }

export class WalAdvice {
  /** `topicId` as entries have it. */
  readonly #partition: { readonly topicId: string; readonly index: number }
  readonly #found: WalFound

  constructor(partition: { readonly topicId: string; readonly index: number }, found: WalFound) {
    this.#partition = partition
    this.#found = found
  }

  /** Whether it brings back what lies from `offset` to its own end. */
  async covers(offset: number): Promise<boolean> {
    const run = await this.#run()
    return run !== undefined && run.from <= offset && offset <= run.to
  }

  /** Behind which offset a log that is cut at `offset` is lost: what comes before is brought back. */
  async end(offset: number): Promise<number> {
    return (await this.covers(offset)) ? ((await this.#run())?.to ?? offset) : offset
  }

  /**
   * Whether a power cut may have left a hole at `offset` with `bytes` behind it that are nowhere else: so close to its end
   * the log need not have been flushed, and no entry was written that had to wait for that.
   */
  async mayLack(offset: number, bytes: number): Promise<boolean> {
    if (bytes > this.#found.aheadMaxBytes) return false
    const run = await this.#run()
    return run === undefined || run.from <= offset
  }

  async #run(): Promise<{ readonly from: number; readonly to: number } | undefined> {
    const { topicId, index } = this.#partition
    return this.#found.remains?.runOf(topicId, index)
  }
}
