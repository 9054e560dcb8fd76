// Reads what is large in whole blocks past the system's page cache, into memory that is used again.
import { BufferPool, letGo, type BufferPoolOptions } from '../../common/buffer-pool.ts'
import { isStorageError, type FileSystem, type OpenFile } from './file-system.ts'

export interface BlockReaderOptions {
  readonly files: Pick<FileSystem, 'blockBytes' | 'blockMemory'>
  /** Fewer bytes are not worth it. */
  readonly minBytes: number
  /** What may lie here unused; more than this is never read at once. */
  readonly spareMaxBytes: number
  readonly idle?: NonNullable<BufferPoolOptions['idle']>
}

/**
 * ```
 *          position                      end
 *     ┌───────┼─────────┬───────────┬─────┼────┐
 *     │ skip  │ wanted  │  wanted   │ ... │    │   the blocks that are read
 *     └───────┴─────────┴───────────┴─────┴────┘
 * ```
 *
 * The system brings to the disk first what its cache has of these blocks, so they are as a read through it would find them,
 * but after a flush that failed: who is told of damage looks through the cache before he believes it.
 */
export class BlockReader {
  readonly #options: BlockReaderOptions
  readonly #memory: BufferPool
  /** Where files take such reads, once that is known. */
  #directory: string | undefined

  constructor(options: BlockReaderOptions) {
    const { spareMaxBytes, files, idle } = options
    this.#options = options
    this.#memory = new BufferPool({
      spareMaxBytes,
      bufferMaxBytes: spareMaxBytes,
      sizeFor: (length) => memoryBytes(length, files.blockBytes),
      ...(idle && { idle }),
    })
  }

  close(): void {
    this.#memory.close()
  }

  /** Says that files in or below `directory` take whole blocks; until then all goes through the cache. */
  use(directory: string): void {
    this.#directory = directory
  }

  /**
   * As many bytes from `position` as there are, `length` at most, held for the caller; undefined where they have to be read
   * through the cache.
   */
  async read(file: OpenFile, position: number, length: number): Promise<Buffer | undefined> {
    const { minBytes, spareMaxBytes, files } = this.#options
    const { blockBytes } = files
    if (this.#directory === undefined || length < minBytes) return undefined
    const from = Math.floor(position / blockBytes) * blockBytes
    const to = Math.ceil((position + length) / blockBytes) * blockBytes
    if (memoryBytes(to - from, blockBytes) > spareMaxBytes) return undefined
    let blocks: Buffer | undefined
    try {
      blocks = await this.#take(this.#directory, to - from)
      if (blocks === undefined) return undefined
      const bytes = await file.readBlocks(blocks, from)
      const start = position - from
      return blocks.subarray(start, Math.min(start + length, Math.max(start, bytes)))
    } catch (error) {
      if (!isStorageError(error)) throw error
      // A read through the cache goes well, or says what is wrong.
      if (blocks !== undefined) letGo(blocks)
      return undefined
    }
  }

  async #take(directory: string, length: number): Promise<Buffer | undefined> {
    const spare = this.#memory.takeSpare(length)
    if (spare !== undefined) return spare
    const { files } = this.#options
    const size = { count: 1, bytes: memoryBytes(length, files.blockBytes) }
    const [memory] = await files.blockMemory(directory, size)
    return memory && this.#memory.lend(memory, length)
  }
}

/** Clients ask for powers of two; with what lies around that, in whole blocks, it is a few more. */
function memoryBytes(length: number, blockBytes: number): number {
  const around = 3 * blockBytes
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, length - around)))
  return Math.ceil(wanted / blockBytes) * blockBytes + around
}
