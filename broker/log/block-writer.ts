// Writes what is large in whole blocks past the system's page cache; what is left at both ends goes through it.
import assert from 'node:assert/strict'
import { allOver } from './concurrently.ts'
import type { OpenFile } from './file-system.ts'

export interface BlockWriterOptions {
  readonly blockBytes: number
  /** Fewer bytes of whole blocks are not worth it. */
  readonly minBytes: number
}

/**
 * ```
 *           position                                end
 *      ┌───────┼───────┬───────────────┬─────────────┼──┐
 *      │ ..... │ head  │ whole blocks  │    tail     │  │
 *      └───────┴───────┴───────────────┴─────────────┴──┘
 *               cached      past it        cached
 * ```
 *
 * Files are what they would be without it. Invariant: a block is written past the cache once, before which no byte of it
 * is part of the file; a block that two writes share is only ever written through the cache. So no reader, whichever way it
 * goes, can find there what was before.
 */
export class BlockWriter {
  readonly #options: BlockWriterOptions
  readonly #free: Buffer[] = []
  readonly #waiting: ((memory: Buffer) => void)[] = []
  #pieceBytes = 0

  constructor(options: BlockWriterOptions) {
    this.#options = options
  }

  /** Gives it memory that blocks can be written from, of one size; without any, all goes through the cache. */
  use(memory: readonly Buffer[]): void {
    this.#free.push(...memory)
    this.#pieceBytes = memory[0]?.length ?? 0
  }

  /**
   * As the file's own `write`; resolves with how many bytes went past the cache. Nothing else may write behind `position`
   * meanwhile.
   */
  async write(file: OpenFile, buffers: readonly Buffer[], position: number): Promise<number> {
    const { blockBytes, minBytes } = this.#options
    let end = position
    for (const { length } of buffers) end += length
    const from = Math.ceil(position / blockBytes) * blockBytes
    const to = Math.floor(end / blockBytes) * blockBytes
    if (this.#pieceBytes === 0 || to - from < Math.max(minBytes, blockBytes)) {
      await file.write(buffers, position)
      return 0
    }
    const gather = new Gather(buffers)
    const head = gather.copy(Buffer.allocUnsafe(from - position))
    const begun = [this.#writeBlocks(file, gather, { from, to })]
    if (head.length > 0) begun.push(file.write([head], position))
    await allOver(begun)
    // Last: before it the file ends where the blocks begin or end, so that nobody reads ahead where they are to come.
    if (end > to) await file.write([gather.copy(Buffer.allocUnsafe(end - to))], to)
    return to - from
  }

  async #writeBlocks(
    file: OpenFile,
    gather: Gather,
    { from, to }: { readonly from: number; readonly to: number },
  ): Promise<void> {
    const first = await this.#take()
    // Never waited for: all might wait for another's second.
    const second = to - from > first.length ? this.#free.pop() : undefined
    let writing = Promise.resolve()
    try {
      for (let at = from, memory = first; at < to; memory = writesFrom(memory, first, second)) {
        if (second === undefined) await writing
        const piece = gather.copy(memory.subarray(0, to - at))
        await writing
        writing = file.writeBlocks(piece, at)
        at += piece.length
      }
      await writing
    } finally {
      this.#giveBack(first)
      if (second !== undefined) this.#giveBack(second)
    }
  }

  async #take(): Promise<Buffer> {
    return this.#free.pop() ?? new Promise((resolve) => this.#waiting.push(resolve))
  }

  #giveBack(memory: Buffer): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(memory)
    else next(memory)
  }
}

/** The other one, where there are two: it is filled while the one before is being written. */
function writesFrom(last: Buffer, first: Buffer, second: Buffer | undefined): Buffer {
  return last === first && second !== undefined ? second : first
}

/** Copies the bytes of several buffers, in their order. */
class Gather {
  readonly #buffers: readonly Buffer[]
  #index = 0
  #at = 0

  constructor(buffers: readonly Buffer[]) {
    this.#buffers = buffers
  }

  /** Fills `target` with what comes next, and returns it. */
  copy(target: Buffer): Buffer {
    let filled = 0
    while (filled < target.length) {
      const buffer = this.#buffers[this.#index]
      assert(buffer !== undefined, 'there are as many bytes as are asked for')
      const copied = buffer.copy(target, filled, this.#at)
      filled += copied
      this.#at += copied
      if (this.#at < buffer.length) continue
      this.#index += 1
      this.#at = 0
    }
    return target
  }
}
