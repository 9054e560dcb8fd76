// Wires what partitions share: write-ahead log, commits, segment filling, checkpoints, open files.
import { join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { BufferPool } from '../../common/buffer-pool.ts'
import { reasonOf } from '../../common/errors.ts'
import {
  blockPieces,
  indexIntervalBytes,
  readAheadMaxAgeMs,
  readAheadPiecesMax,
  readSpareMaxBytes,
  spareIdleMaxMs,
} from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import { BlockReader } from './block-reader.ts'
import { BlockWriter } from './block-writer.ts'
import { Checkpointer, type CheckpointedTopic } from './checkpointer.ts'
import { CommitAccount } from './commit-account.ts'
import { Committer } from './committer.ts'
import { concurrently } from './concurrently.ts'
import { FilePool } from './file-pool.ts'
import { isStorageError, type FileSystem } from './file-system.ts'
import { Filler } from './filler.ts'
import { IndexCache } from './index-cache.ts'
import { IntervalFlusher } from './interval-flusher.ts'
import type { LogLimits } from './log-limits.ts'
import type { LogStats } from './log-stats.ts'
import type { LogEnvironment, QueuedPartition } from './append-queue.ts'
import { ProducerBudget } from './producer-budget.ts'
import { ReadAhead } from './read-ahead.ts'
import { RecentBatches } from './recent-batches.ts'
import { UnloggedCommitter } from './unlogged-committer.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

export interface LogSettings {
  readonly dir: string
  /** When a commit counts as such: flushed; written and flushed every interval; or just written. */
  readonly flush: 'commit' | 'interval' | 'never'
  readonly flushIntervalMs: number
  /** Whether large commits go past the page cache, where the file system lets them. */
  readonly directIo: 'auto' | 'off'
  readonly clock: Clock
  readonly logger: Logger
}

export interface LogEngineOptions extends LogSettings {
  readonly files: FileSystem
  readonly limits: LogLimits
  readonly firstWalSequence: number
  topics(): Iterable<CheckpointedTopic>
  /** Resolves when topics that are not among them will not be there after a crash either. */
  flushNames(): Promise<void>
}

/** How many partitions are closed at a time. */
const closeWidth = 4

export class LogEngine {
  readonly environment: LogEnvironment
  readonly #options: LogEngineOptions
  readonly #pool: FilePool
  readonly #blocks: BlockWriter
  readonly #blockReads: BlockReader
  readonly #wal: WriteAheadLog
  readonly #account: CommitAccount
  readonly #committer: Committer | UnloggedCommitter
  readonly #flusher: IntervalFlusher
  readonly #filler: Filler
  readonly #checkpointer: Checkpointer
  readonly #memory = { bytes: 0 }
  #completeFiles = 0

  constructor(options: LogEngineOptions) {
    this.#options = options
    const { files, clock, limits, dir } = options
    this.#pool = new FilePool(files, limits.openFilesMax)
    const { blockBytes } = files
    this.#blocks = new BlockWriter({ blockBytes, minBytes: limits.blockWriteMinBytes })
    this.#wal = new WriteAheadLog({
      files,
      directory: join(dir, 'wal'),
      fileMaxBytes: limits.walFileMaxBytes,
      sparesMax: limits.walSparesMax,
      firstSequence: options.firstWalSequence,
    })
    this.#account = new CommitAccount(limits.appendQueueMaxBytes)
    this.#committer = options.flush === 'commit' ? this.#logged() : this.#unlogged()
    this.#flusher = new IntervalFlusher({
      clock,
      intervalMs: options.flushIntervalMs,
      flushed: (startedAt) => this.#account.flushed(startedAt),
      failed: (error) => this.#warn('segments cannot be flushed', error),
    })
    const tailBytes = (): number => this.#memory.bytes - this.#account.queuedBytes
    const failed = (error: unknown): void => this.#warn('segments cannot be written', error)
    this.#filler = new Filler({ clock, limits, tailBytes, failed })
    this.#checkpointer = new Checkpointer({
      files,
      path: checkpointPath(dir),
      wal: this.#wal,
      topics: () => options.topics(),
      flushNames: () => options.flushNames(),
      unloggedMaxBytes: limits.unloggedMaxBytes,
      failed: (error) => this.#warn('no checkpoint could be taken', error),
    })
    const ahead = new ReadAhead({
      clock,
      maxBytes: limits.readAheadMaxBytes,
      piecesMax: readAheadPiecesMax,
      maxAgeMs: readAheadMaxAgeMs,
    })
    this.#blockReads = new BlockReader({
      files,
      minBytes: limits.blockReadMinBytes,
      spareMaxBytes: readSpareMaxBytes,
      idle: { clock, maxMs: spareIdleMaxMs },
    })
    this.environment = {
      files,
      clock,
      limits,
      pool: this.#pool,
      blocks: this.#blocks,
      blockReads: this.#blockReads,
      indexes: new IndexCache(limits.indexCacheMaxBytes),
      buffers: readBuffers(clock),
      queue: this.#committer,
      memory: this.#memory,
      producers: new ProducerBudget(limits.producersMax),
      ahead,
      recent: new RecentBatches({
        clock,
        maxBytes: limits.recentBatchesMaxBytes,
        maxAgeMs: readAheadMaxAgeMs,
        readers: ahead,
      }),
      persistStarts: () => this.#checkpointer.save(),
      checkpoint: () => this.#checkpointer.runAfresh(),
    }
  }

  /** Before the first write: finds out whether large ones can go past the page cache. */
  async prepare(): Promise<void> {
    const { files, dir, flush, directIo, limits, logger } = this.#options
    // A flush has to wait for the device, which then gets it all at once; without one the cache is what makes it quick.
    if (directIo === 'off' || flush !== 'commit') return
    try {
      const size = { count: blockPieces, bytes: limits.blockPieceBytes }
      const memory = await files.blockMemory(dir, size)
      this.#blocks.use(memory)
      if (memory.length > 0) this.#blockReads.use(dir)
      const way = memory.length > 0 ? 'past the page cache' : 'through the page cache'
      logger.info(`large commits and reads go ${way}`, { dir })
    } catch (error) {
      if (!isStorageError(error)) throw error
      this.#warn('large commits and reads go through the page cache', error)
    }
  }

  /** Flushes all that recovery brought back, and writes down that it needs no recovery. */
  settle(): Promise<void> {
    return this.#checkpointer.run()
  }

  stats(): Omit<LogStats, 'partitions' | 'compaction'> {
    const parts = [this.#filler, this.#flusher, this.#checkpointer, this.#account]
    const problems = parts.map(({ problem }) => problem)
    return {
      commits: this.#account.counters,
      queuedBytes: this.#account.queuedBytes,
      tailBytes: this.#memory.bytes - this.#account.queuedBytes,
      walBytes: this.#wal.sizeBytes,
      walFiles: this.#wal.files,
      openFiles: this.#pool.openFiles,
      problems: problems.filter((problem) => problem !== undefined),
    }
  }

  /**
   * Commits what waits and leaves everything such that the next start has nothing to recover. Where the
   * disk does not let it, the write-ahead log stays, and the next start recovers from that.
   */
  async close(): Promise<void> {
    await this.#committer.close()
    await this.#flusher.close()
    await this.#filler.close()
    const partitions = [...this.#options.topics()].flatMap((topic) => topic.partitions)
    try {
      await this.#wal.complete()
      await this.#checkpointer.runAfresh()
      await this.#wal.removeSpare()
      await concurrently(partitions, closeWidth, (partition) => partition.writeIndexes())
    } catch (error) {
      if (!isStorageError(error)) throw error
      this.#warn('closed with a write-ahead log to replay', error)
    }
    this.environment.recent.close()
    await this.environment.ahead.close()
    this.environment.buffers.close()
    this.#blockReads.close()
    await this.#pool.close()
  }

  #logged(): Committer {
    return new Committer({
      wal: this.#wal,
      account: this.#account,
      limits: this.#options.limits,
      room: () => this.#room(),
      committed: (partitions, directBytes) => this.#committed(partitions, directBytes),
      failed: (error) => this.#warn('appends failed', error),
    })
  }

  #unlogged(): UnloggedCommitter {
    return new UnloggedCommitter({
      account: this.#account,
      commitMaxBytes: this.#options.limits.commitMaxBytes,
      room: () => this.#room(),
      committed: ({ partition, sizeBytes }) => {
        if (this.#options.flush === 'interval') this.#flusher.note(partition)
        this.#filler.note([partition])
        this.#checkpointer.noteUnlogged(sizeBytes)
      },
      failed: (error) => this.#warn('appends failed', error),
    })
  }

  async #room(): Promise<void> {
    await this.#filler.makeRoom()
    const isBehind = this.#wal.older.length >= this.#options.limits.walFilesMax
    if (isBehind || this.#checkpointer.isBehind) await this.#checkpointer.run()
  }

  #committed(partitions: Iterable<QueuedPartition>, directBytes: number): void {
    this.#filler.note(partitions)
    this.#checkpointer.noteUnlogged(directBytes)
    const complete = this.#wal.older.length
    if (complete > 0 && complete !== this.#completeFiles) this.#checkpointer.request()
    this.#completeFiles = complete
  }

  #warn(message: string, error: unknown): void {
    this.#options.logger.warn(message, { reason: reasonOf(error) })
  }
}

export function checkpointPath(dir: string): string {
  return join(dir, 'checkpoint.json')
}

function readBuffers(clock: Clock): BufferPool {
  return new BufferPool({
    spareMaxBytes: readSpareMaxBytes,
    bufferMaxBytes: readSpareMaxBytes,
    sizeFor: readBufferBytes,
    idle: { clock, maxMs: spareIdleMaxMs },
  })
}

/** Clients ask for powers of two; what precedes the offset they ask for is read along. */
function readBufferBytes(length: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, length - indexIntervalBytes))) + indexIntervalBytes
}
