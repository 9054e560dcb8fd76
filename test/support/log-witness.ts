// Remembers what a log store has acknowledged or shown, and says what of it is gone or has changed.
import type { LogStore } from '../../broker/log/log-store.ts'
import type { PartitionLog } from '../../broker/log/partition-log.ts'
import { UnknownTopicError, type Topic } from '../../broker/log/topic.ts'
import { isStorageError } from '../../broker/log/file-system.ts'
import { batchOf, recordsOf } from './log-store.ts'

interface WitnessedPartition {
  /** What must be there, by offset: acknowledged, or shown to a reader. */
  readonly values: Map<number, string>
  /** Offsets of those that came since `settleDoubts`, and of those that a power cut may have taken. */
  readonly fresh: Set<number>
  readonly doubtful: Set<number>
  /** Records below it were deleted for good. */
  deletedBelow: number
  /** Records below it may be gone: their deletion was asked for, or retention has dropped them. */
  goneBelow: number
}

interface WitnessedTopic {
  readonly partitions: Map<number, WitnessedPartition>
  atLeastPartitions: number
  /** By the store's word: `asked` may be either. */
  removal: 'no' | 'asked' | 'done'
}

/**
 * One history over many lives of a store. An operation that fails by the disk, or that a crash cuts off,
 * may have happened or not; one that has returned has happened.
 */
export class LogWitness {
  readonly #topics = new Map<string, WitnessedTopic>()
  readonly #sent = new Set<string>()
  #topicsMade = 0
  #valuesMade = 0
  /** Of which life's store the returns count: those of an earlier one tell of another world. */
  #life = 0
  #growing: LogStore | undefined

  /** From now on what the stores before return is not heard. */
  newLife(): void {
    this.#life += 1
  }

  /** The power is cut, and the last life's records may not have been flushed. */
  doubtLastLife(): void {
    for (const { fresh, doubtful } of this.#allPartitions()) {
      for (const offset of fresh) doubtful.add(offset)
    }
  }

  /** A start is over. Of what was in doubt the log's end may be gone: what `store` has no more is forgotten. */
  settleDoubts(store: LogStore): void {
    for (const [id, { partitions }] of this.#topics) {
      for (const [index, { values, doubtful, fresh }] of partitions) {
        const end = store.topicById(id)?.partitions[index]?.highWatermark ?? 0
        for (const offset of doubtful) if (offset >= end) values.delete(offset)
        doubtful.clear()
        fresh.clear()
      }
    }
  }

  /** How many records must be there. */
  get records(): number {
    let count = 0
    for (const { partitions } of this.#topics.values()) {
      for (const { values } of partitions.values()) count += values.size
    }
    return count
  }

  async createTopic(store: LogStore, configs: Record<string, string>): Promise<void> {
    const life = this.#life
    const name = `t${this.#topicsMade++}`
    const partitions = 1 + (this.#topicsMade % 3)
    const made = await unlessRefused(store.createTopic(name, { partitions, configs }))
    if (made === undefined || life !== this.#life) return
    const atLeastPartitions = partitions
    this.#topics.set(made.id, { partitions: new Map(), atLeastPartitions, removal: 'no' })
  }

  async addPartition(store: LogStore, name: string): Promise<void> {
    const life = this.#life
    const topic = store.topic(name)
    // One at a time, as the broker does it.
    if (topic === undefined || this.#growing === store) return
    this.#growing = store
    const wanted = topic.partitions.length + 1
    const grown = await unlessRefused(store.createPartitions(name, wanted))
    if (this.#growing === store) this.#growing = undefined
    if (grown === undefined) return
    const witnessed = this.#topics.get(topic.id)
    if (witnessed !== undefined && life === this.#life) witnessed.atLeastPartitions = wanted
  }

  async deleteTopic(store: LogStore, name: string): Promise<void> {
    const life = this.#life
    const found = store.topic(name)
    const topic = this.#topics.get(found?.id ?? '')
    if (found === undefined || topic === undefined) return
    topic.removal = 'asked'
    const done = await unlessRefused(store.deleteTopic(name).then(() => true))
    if (life === this.#life) this.#noteRetention(found)
    if (done === true && life === this.#life) topic.removal = 'done'
  }

  async append(partition: PartitionLog, sizes: readonly number[]): Promise<void> {
    const life = this.#life
    const values = sizes.map((size) => `${this.#valuesMade++} `.padEnd(size, '.'))
    for (const value of values) this.#sent.add(value)
    const { topicId } = partition.identity
    const result = partition.append(batchOf(values, this.#valuesMade))
    if (!result.ok) return
    const committed = await unlessRefused(result.committed.then(() => true))
    if (committed !== true || life !== this.#life) return
    const witnessed = this.#partition(uuidOf(topicId), partition.index)
    for (const [index, value] of values.entries()) {
      witnessed?.values.set(result.baseOffset + index, value)
      witnessed?.fresh.add(result.baseOffset + index)
    }
  }

  async deleteRecords(partition: PartitionLog, offset: number): Promise<void> {
    const life = this.#life
    const witnessed = this.#partition(uuidOf(partition.identity.topicId), partition.index)
    if (witnessed === undefined) return
    witnessed.goneBelow = Math.max(witnessed.goneBelow, offset)
    const done = await unlessRefused(partition.deleteRecordsBefore(offset).then(() => true))
    if (done !== true || life !== this.#life) return
    witnessed.deletedBelow = Math.max(witnessed.deletedBelow, offset)
  }

  /** What a reader is shown counts as much as what a writer is told. */
  async read(partition: PartitionLog, offset: number): Promise<void> {
    const life = this.#life
    const result = await partition.read(offset, { maxBytes: 2000, minOneBatch: true })
    const witnessed = this.#partition(uuidOf(partition.identity.topicId), partition.index)
    if (!result.ok || witnessed === undefined || life !== this.#life) return
    for (const record of result.chunks.flatMap(recordsOf)) {
      if (!witnessed.values.has(record.offset)) witnessed.fresh.add(record.offset)
      witnessed.values.set(record.offset, record.value?.toString() ?? '')
    }
  }

  /** Call it right before a crash: what retention has dropped by now may be gone. */
  noteRetention(store: LogStore): void {
    for (const topic of store.topics()) this.#noteRetention(topic)
  }

  /** What is wrong with the store, in words, its own check included. */
  async flaws(store: LogStore): Promise<readonly string[]> {
    const flaws = [...(await store.check())]
    for (const [id, witnessed] of this.#topics) {
      const topic = store.topicById(id)
      if (topic === undefined) {
        if (witnessed.removal === 'no') flaws.push(`topic ${id} is gone`)
        continue
      }
      if (witnessed.removal === 'done') flaws.push(`topic ${topic.name} was deleted and is back`)
      if (topic.partitions.length < witnessed.atLeastPartitions) {
        flaws.push(`topic ${topic.name} has ${topic.partitions.length} partitions`)
      }
      for (const [index, expected] of witnessed.partitions) {
        const partition = topic.partitions[index]
        if (partition !== undefined) flaws.push(...(await this.#flawsOf(partition, expected)))
      }
    }
    for (const { partitions } of store.topics()) {
      for (const partition of partitions) flaws.push(...(await this.#neverSent(partition)))
    }
    return flaws
  }

  #noteRetention({ id, partitions }: Topic): void {
    for (const partition of partitions) {
      const witnessed = this.#partition(id, partition.index)
      if (witnessed === undefined) continue
      witnessed.goneBelow = Math.max(witnessed.goneBelow, partition.logStartOffset)
    }
  }

  async #flawsOf(partition: PartitionLog, expected: WitnessedPartition): Promise<string[]> {
    const name = `${partition.topic}-${partition.index}`
    const { logStartOffset } = partition
    const flaws: string[] = []
    if (logStartOffset < expected.deletedBelow) {
      flaws.push(`${name} starts at ${logStartOffset}, deleted below ${expected.deletedBelow}`)
    }
    if (logStartOffset > expected.goneBelow) {
      flaws.push(`${name} starts at ${logStartOffset}, nothing dropped above ${expected.goneBelow}`)
    }
    const found = await contentOf(partition)
    for (const [offset, value] of expected.values) {
      if (offset < logStartOffset && offset < expected.goneBelow) continue
      if (found.get(offset) === value) continue
      flaws.push(`${name} has ${found.get(offset)} at ${offset}, where ${value} was acknowledged`)
    }
    return flaws
  }

  async #neverSent(partition: PartitionLog): Promise<readonly string[]> {
    const found = await contentOf(partition)
    return [...found]
      .filter(([, value]) => !this.#sent.has(value))
      .map(
        ([offset, value]) =>
          `${partition.topic}-${partition.index} ${offset}: ${value} was never sent`,
      )
  }

  *#allPartitions(): Generator<WitnessedPartition> {
    for (const { partitions } of this.#topics.values()) yield* partitions.values()
  }

  #partition(topicId: string, index: number): WitnessedPartition | undefined {
    const topic = this.#topics.get(topicId)
    if (topic === undefined) return undefined
    const unseen = {
      values: new Map<number, string>(),
      fresh: new Set<number>(),
      doubtful: new Set<number>(),
      deletedBelow: 0,
      goneBelow: 0,
    }
    const partition = topic.partitions.get(index) ?? unseen
    topic.partitions.set(index, partition)
    return partition
  }
}

async function contentOf(partition: PartitionLog): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>()
  let next = partition.logStartOffset
  while (next < partition.highWatermark) {
    const read = await partition.read(next, { maxBytes: 4000, minOneBatch: true })
    if (!read.ok) throw new Error(`${partition.topic}-${partition.index} ${next}: ${read.error}`)
    for (const record of read.chunks.flatMap(recordsOf)) {
      if (record.offset < next) continue
      if (record.offset !== next) throw new Error(`offset ${record.offset} where ${next} is due`)
      found.set(next, record.value?.toString() ?? '')
      next += 1
    }
  }
  return found
}

/** Undefined where the disk, or a topic that has gone meanwhile, stood in the way. */
async function unlessRefused<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isStorageError(error) || error instanceof UnknownTopicError) return undefined
    throw error
  }
}

function uuidOf(topicId: Buffer): string {
  return topicId.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
