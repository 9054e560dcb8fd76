// The memory of fetches of the whole process, used again once the records in it are finished.
import { BufferPool } from '../common/buffer-pool.ts'
import { fetchMaxBytes, fetchSpareMaxBytes } from '../common/consumer-limits.ts'

/** A little above what is asked for: a fetch has its own header, and batches are whole. */
export const fetchMemory = new BufferPool({
  spareMaxBytes: fetchSpareMaxBytes,
  bufferMaxBytes: 2 * fetchMaxBytes,
})

/** Of one partition, in the order in which they were read. */
interface Held {
  readonly memory: Buffer
  readonly nextOffset: number
}

/**
 * What a consumer's unfinished records lie in, by partition. What is finished is known by the offsets that are
 * committed; what is never known to be finished is left to the collector.
 */
export class HeldMemory {
  readonly #partitions = new Map<number, Held[]>()

  add(partition: number, held: Held): void {
    const queue = this.#partitions.get(partition)
    const last = queue?.at(-1)?.nextOffset ?? -1
    // What is read a second time says nothing about what was read before it.
    if (queue === undefined || held.nextOffset <= last) this.#partitions.set(partition, [held])
    else queue.push(held)
  }

  /** Everything below the offset is finished. Returns what nobody needs any more. */
  finish(partition: number, offset: number): readonly Buffer[] {
    const queue = this.#partitions.get(partition)
    if (queue === undefined) return []
    let count = 0
    while ((queue[count]?.nextOffset ?? Infinity) <= offset) count += 1
    return queue.splice(0, count).map(({ memory }) => memory)
  }

  /** What comes next of this partition, or of any, is not behind what was read. */
  forget(partition?: number): void {
    if (partition === undefined) this.#partitions.clear()
    else this.#partitions.delete(partition)
  }
}
