// Keeps the logs of all groups together within a bound: the chunks written longest ago go first.
import { rm } from 'node:fs/promises'
import type { Clock } from '../common/clock.ts'
import { logFileMinBytes, logForeignRestMs, logTotalCheckMs } from '../common/log-limits.ts'
import { listChunks, listGroups, type Chunk } from './group-folder.ts'
import type { LogCounters } from './group-writer.ts'
import { newestOfWriters, sizeOnDisk } from './make-room.ts'

export interface TotalKeeperOptions {
  readonly root: string
  readonly totalMaxBytes: number
  readonly clock: Clock
  readonly counters: LogCounters
}

/** After a look so much is free, so that the next look is only after that much was written. */
const freeShare = 1 / 16

/**
 * Looks at the folder first when something is written, and then whenever this process may have brought the total
 * above the bound. What other processes write it sees when it looks; they look as well.
 */
export class TotalKeeper {
  readonly #options: TotalKeeperOptions
  /** What the last look found, less what was written before it. */
  #baseBytes = Infinity
  #nextMs = -Infinity

  constructor(options: TotalKeeperOptions) {
    this.#options = options
  }

  /** Whether a look is due. */
  get isDue(): boolean {
    const { totalMaxBytes, clock } = this.#options
    if (totalMaxBytes === Infinity || clock.now() < this.#nextMs) return false
    return this.#baseBytes + this.#madeBytes() > totalMaxBytes
  }

  async tidy(): Promise<void> {
    const { totalMaxBytes, clock } = this.#options
    const madeBytes = this.#madeBytes()
    const { totalBytes, idle } = await this.#look()
    let left = totalBytes
    const wantedBytes = totalMaxBytes * (1 - freeShare)
    for (const chunk of totalBytes > totalMaxBytes ? idle : []) {
      if (left <= wantedBytes) break
      await rm(chunk.path, { force: true })
      left -= sizeOnDisk(chunk)
    }
    this.#baseBytes = left - madeBytes
    // All that is left is new: it can be dropped later, and a look a tenth of a second later would find the same.
    if (left > totalMaxBytes) this.#nextMs = clock.now() + logTotalCheckMs
  }

  #madeBytes(): number {
    const { writtenBytes, chunks } = this.#options.counters
    return writtenBytes + chunks * logFileMinBytes
  }

  /** The chunks that nobody may be writing to, the one written longest ago first. */
  async #look(): Promise<{ totalBytes: number; idle: readonly Chunk[] }> {
    const { root, clock } = this.#options
    const idle: Chunk[] = []
    let totalBytes = 0
    for (const group of await listGroups(root)) {
      const chunks = await listChunks(root, group)
      const newest = newestOfWriters(chunks)
      for (const chunk of chunks) {
        totalBytes += sizeOnDisk(chunk)
        const isWritten =
          newest.has(chunk.file) && clock.now() - chunk.modifiedMs < logForeignRestMs
        if (!isWritten) idle.push(chunk)
      }
    }
    return { totalBytes, idle: idle.toSorted((a, b) => a.modifiedMs - b.modifiedMs) }
  }
}
