// Consumers with enhanced fan-out: which ones a stream has, how they come and go, and in which state each is.
import type { Clock } from '../../../common/clock.ts'
import {
  consumersAdvantageMax,
  consumersCreatingMax,
  consumersMax,
} from '../../../common/subscription-limits.ts'
import { commitmentStatus } from './account-settings.ts'
import type { StreamCatalog } from './stream-catalog.ts'
import type { ConsumerRecord } from './stream-record.ts'
import type { Stream } from './stream.ts'

export type ConsumerStatus = 'CREATING' | 'DELETING' | 'ACTIVE'

export interface Consumer {
  readonly record: ConsumerRecord
  readonly status: ConsumerStatus
}

interface Change {
  readonly streamId: string
  readonly record: ConsumerRecord
  readonly status: 'CREATING' | 'DELETING'
}

/** Consumers are part of their stream's file; what is being made or removed is in that state until the file says so. */
export class Consumers {
  readonly #catalog: StreamCatalog
  readonly #clock: Clock
  readonly #changes = new Set<Change>()

  constructor(catalog: StreamCatalog, clock: Clock) {
    this.#catalog = catalog
    this.#clock = clock
  }

  /** Sorted by name. */
  of(stream: Stream): readonly Consumer[] {
    const changes = [...this.#changes].filter(({ streamId }) => streamId === stream.topic.id)
    const present = stream.record.consumers.map((record): Consumer => {
      const change = changes.find((each) => each.record.name === record.name)
      return { record, status: change?.status ?? 'ACTIVE' }
    })
    const names = new Set(present.map(({ record }) => record.name))
    const coming = changes.filter(
      ({ record, status }) => status === 'CREATING' && !names.has(record.name),
    )
    return [...present, ...coming].toSorted((a, b) => (a.record.name < b.record.name ? -1 : 1))
  }

  find(stream: Stream, name: string): Consumer | undefined {
    return this.of(stream).find(({ record }) => record.name === name)
  }

  /** How many it may have: more on demand, where the account is committed to a minimum throughput. */
  mostOf({ record }: Stream): number {
    const { commitment } = this.#catalog.account
    const isCommitted = commitmentStatus(commitment, this.#clock.now()) !== 'DISABLED'
    return isCommitted && record.mode === 'ON_DEMAND' ? consumersAdvantageMax : consumersMax
  }

  /** Durable when it resolves, or why there is none. Rejects with AppError STORAGE_FAILED. */
  async register(
    stream: Stream,
    name: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<ConsumerRecord | 'present' | 'tooMany' | 'tooManyCreating'> {
    const consumers = this.of(stream)
    if (consumers.some(({ record }) => record.name === name)) return 'present'
    if (consumers.length >= this.mostOf(stream)) return 'tooMany'
    const creating = consumers.filter(({ status }) => status === 'CREATING').length
    if (creating >= consumersCreatingMax) return 'tooManyCreating'
    const record = { name, madeMs: this.#clock.now(), tags: { ...tags } }
    await this.#during({ streamId: stream.topic.id, record, status: 'CREATING' }, () =>
      this.#catalog.change(stream, (before) => ({
        ...before,
        consumers: [...before.consumers, record],
      })),
    )
    return record
  }

  /** Durable when it resolves; whoever has a subscription learns of it from the stream. Rejects with AppError STORAGE_FAILED. */
  async deregister(stream: Stream, record: ConsumerRecord): Promise<void> {
    const { name, madeMs } = record
    await this.#during({ streamId: stream.topic.id, record, status: 'DELETING' }, () =>
      this.#catalog.change(stream, (before) => ({
        ...before,
        consumers: before.consumers.filter((each) => each.name !== name || each.madeMs !== madeMs),
      })),
    )
  }

  async #during(change: Change, work: () => Promise<void>): Promise<void> {
    this.#changes.add(change)
    try {
      await work()
    } finally {
      this.#changes.delete(change)
    }
  }
}
