// What a segment is made of: what it shares with the others, and what is known of it.
import type { BufferPool } from '../../common/buffer-pool.ts'
import type { BlockReader } from './block-reader.ts'
import type { BlockWriter } from './block-writer.ts'
import type { FilePool } from './file-pool.ts'
import type { FileSystem } from './file-system.ts'
import type { IndexCache } from './index-cache.ts'

/** What segments share. */
export interface SegmentFiles {
  readonly files: FileSystem
  readonly pool: FilePool
  readonly blocks: BlockWriter
  readonly blockReads: BlockReader
  readonly indexes: IndexCache
  /** Memory for what is read. */
  readonly buffers: BufferPool
}

/** What is known of a segment when it is opened or begun. */
export interface SegmentFacts {
  readonly directory: string
  readonly baseOffset: number
  readonly endOffset: number
  readonly sizeBytes: number
  /** When it was last written to; for a new one, now. */
  readonly modifiedMs: number
  readonly exists: boolean
  /** Whether it may hold what was never flushed; then its name may not have been either. */
  readonly isDirty: boolean
  /** Whether an earlier process may have failed to flush it, which the system does not say again. */
  readonly isForgotten?: boolean
}
