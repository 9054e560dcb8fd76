// Offsets that are committed with a transaction which is still open, by its producer.
import type { JournalProducer } from '../log/journal.ts'
import type { OffsetKey, OffsetRecord } from './offset-record.ts'

interface Pending {
  readonly producer: JournalProducer
  /** The last one of each partition. */
  readonly records: Map<string, OffsetRecord>
}

/** Invariant: a partition of a group is counted once for each producer that has an offset for it. */
export class PendingOffsets {
  readonly #pending = new Map<number, Pending>()
  readonly #counts = new Map<string, number>()
  #size = 0

  /** Of all producers. */
  get size(): number {
    return this.#size
  }

  has(key: OffsetKey): boolean {
    return this.#counts.has(textOf(key))
  }

  /** Returns how to take them back, should they not become durable. */
  add(producer: JournalProducer, records: readonly OffsetRecord[]): () => void {
    const { producerId } = producer
    const before = records.map(({ key }) => this.#pending.get(producerId)?.records.get(textOf(key)))
    for (const record of records) this.#put(producer, record)
    return () => {
      for (const [index, record] of records.entries()) {
        const isStill = this.#pending.get(producerId)?.records.get(textOf(record.key)) === record
        const earlier = before[index]
        if (isStill && earlier !== undefined) this.#put(producer, earlier)
        else if (isStill) this.#drop(producerId, record.key)
      }
    }
  }

  /** Those of a producer, which are not pending any more. */
  take(producerId: number): readonly OffsetRecord[] {
    const records = [...(this.#pending.get(producerId)?.records.values() ?? [])]
    for (const { key } of records) this.#drop(producerId, key)
    return records
  }

  removeTopic(topic: string): void {
    for (const { producer, records } of this.entries()) {
      for (const { key } of records) if (key.topic === topic) this.#drop(producer.producerId, key)
    }
  }

  entries(): readonly { producer: JournalProducer; records: readonly OffsetRecord[] }[] {
    return [...this.#pending.values()].map(({ producer, records }) => ({
      producer,
      records: [...records.values()],
    }))
  }

  #put(producer: JournalProducer, record: OffsetRecord): void {
    const { producerId } = producer
    const text = textOf(record.key)
    const records = this.#pending.get(producerId)?.records ?? new Map<string, OffsetRecord>()
    this.#pending.set(producerId, { producer, records })
    if (!records.has(text)) this.#count(text, 1)
    records.set(text, record)
  }

  #drop(producerId: number, key: OffsetKey): void {
    const records = this.#pending.get(producerId)?.records
    if (records?.delete(textOf(key)) !== true) return
    this.#count(textOf(key), -1)
    if (records.size === 0) this.#pending.delete(producerId)
  }

  #count(text: string, by: number): void {
    this.#size += by
    const count = (this.#counts.get(text) ?? 0) + by
    if (count === 0) this.#counts.delete(text)
    else this.#counts.set(text, count)
  }
}

/** No two keys have the same: a topic's name has no colon. */
function textOf({ group, topic, partition }: OffsetKey): string {
  return `${topic}:${partition}:${group}`
}
