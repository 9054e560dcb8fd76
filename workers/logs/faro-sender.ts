// Sends what Faro has collected to a collector over HTTP: in batches, bounded, and never waited for.
import type { Clock, Timer } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import {
  faroBatchItemsMax,
  faroIntervalMs,
  faroQueueItemsMax,
  faroRequestMaxMs,
  faroRetryMaxMs,
} from '../../common/log-limits.ts'
import type { Logger } from '../../common/logger.ts'

export interface FaroSenderOptions<Item> {
  readonly url: string
  readonly clock: Clock
  readonly logger: Logger
  /** Items of one body belong together: those that share this. */
  readonly groupOf: (item: Item) => unknown
  readonly bodyOf: (items: readonly Item[]) => object
}

/** Invariant: one request at a time. A batch that the collector does not take is dropped and counted. */
export class FaroSender<Item> {
  readonly #options: FaroSenderOptions<Item>
  #waiting: Item[] = []
  #sending: Promise<void> | undefined
  #timer: Timer | undefined
  #pauseMs = faroIntervalMs
  #isAway = false
  #isOver = false
  #sent = 0
  #dropped = 0

  constructor(options: FaroSenderOptions<Item>) {
    this.#options = options
  }

  get sent(): number {
    return this.#sent
  }

  get dropped(): number {
    return this.#dropped
  }

  add(item: Item): void {
    if (this.#waiting.length >= faroQueueItemsMax) {
      this.#dropped += 1
      return
    }
    this.#waiting.push(item)
    this.#schedule()
  }

  /** Sends what waits, as long as the collector takes it; resolves after `graceMs` at the latest. */
  async stop(graceMs: number): Promise<void> {
    this.#timer?.cancel()
    const over = new Promise<void>((resolve) => {
      this.#timer = this.#options.clock.after(graceMs, () => {
        this.#isOver = true
        resolve()
      })
    })
    const all = async (): Promise<void> => {
      await this.#sending
      while (this.#waiting.length > 0 && !this.#isOver && !this.#isAway) await this.#sendBatch()
    }
    await Promise.race([all(), over])
    this.#timer?.cancel()
    this.#dropped += this.#waiting.length
    this.#waiting = []
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#sending !== undefined) return
    this.#timer = this.#options.clock.after(this.#pauseMs, () => {
      this.#timer = undefined
      this.#sending = this.#sendBatch().finally(() => {
        this.#sending = undefined
        if (this.#waiting.length > 0) this.#schedule()
      })
    })
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#takeBatch()
    try {
      await this.#post(batch)
      this.#sent += batch.length
      this.#isAway = false
      this.#pauseMs = faroIntervalMs
    } catch (error) {
      this.#dropped += batch.length
      this.#pauseMs = Math.min(faroRetryMaxMs, this.#pauseMs * 2)
      if (!this.#isAway) {
        const { url, logger } = this.#options
        logger.warn('the Faro collector takes nothing', { url, reason: reasonOf(error) })
      }
      this.#isAway = true
    }
  }

  #takeBatch(): readonly Item[] {
    const { groupOf } = this.#options
    const [first] = this.#waiting
    if (first === undefined) return []
    const group = groupOf(first)
    const batch: Item[] = []
    const rest: Item[] = []
    for (const item of this.#waiting) {
      const fits = batch.length < faroBatchItemsMax && groupOf(item) === group
      ;(fits ? batch : rest).push(item)
    }
    this.#waiting = rest
    return batch
  }

  async #post(batch: readonly Item[]): Promise<void> {
    const response = await fetch(this.#options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(this.#options.bodyOf(batch)),
      signal: AbortSignal.timeout(faroRequestMaxMs),
    })
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`it answered ${response.status}`)
  }
}
