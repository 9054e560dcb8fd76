// The memory of fetches of the whole process, used again once the records in it are finished.
import { BufferPool, letGo } from '../common/buffer-pool.ts'
import { fetchMaxBytes, fetchSpareMaxBytes, heldRunsMax } from '../common/consumer-limits.ts'

/** A little above what is asked for: a fetch has its own header, and batches are whole. */
export const fetchMemory = new BufferPool({
  spareMaxBytes: fetchSpareMaxBytes,
  bufferMaxBytes: 2 * fetchMaxBytes,
})

/** Of one partition, in the order in which they were read. */
interface Held {
  readonly memory: WeakRef<ArrayBufferLike>
  readonly nextOffset: number
}

/**
 * What a consumer's unfinished records lie in, by partition. What is finished is known by the offsets that are
 * committed; what is never known to be finished is left to the collector. It may take what nobody else keeps, too: a
 * filter may leave nothing of a fetch, and the offset not move for an hour.
 */
export class HeldMemory {
  readonly #partitions = new Map<number, Held[]>()

  add(partition: number, { memory, nextOffset }: { memory: Buffer; nextOffset: number }): void {
    const held = { memory: new WeakRef(memory.buffer), nextOffset }
    const queue = this.#partitions.get(partition)
    const last = queue?.at(-1)?.nextOffset ?? -1
    // What is read a second time says nothing about what was read before it.
    if (queue === undefined || nextOffset <= last)
      return void this.#partitions.set(partition, [held])
    queue.push(held)
    if (queue.length > heldRunsMax) queue.shift()
  }

  /** Everything below the offset is finished: lets go of what nobody needs any more. */
  finish(partition: number, offset: number): void {
    const queue = this.#partitions.get(partition)
    if (queue === undefined) return
    const left = queue.findIndex(({ nextOffset }) => nextOffset > offset)
    for (const { memory } of queue.splice(0, left < 0 ? queue.length : left)) {
      const bytes = memory.deref()
      if (bytes !== undefined) letGo(Buffer.from(bytes))
    }
  }

  /** What comes next of this partition, or of any, is not behind what was read. */
  forget(partition?: number): void {
    if (partition === undefined) this.#partitions.clear()
    else this.#partitions.delete(partition)
  }
}
