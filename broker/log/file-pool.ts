// Keeps a bounded number of files open, so that ten thousand partitions do not hold as many.
import { isStorageError, type FileSystem, type OpenFile, type OpenMode } from './file-system.ts'

interface Pooled {
  readonly file: Promise<OpenFile>
  users: number
  forgotten: boolean
}

/**
 * Files by path, the least recently used closed first. Invariant: a file in use is never closed, and
 * no more than `maxOpen` are open beyond those in use.
 */
export class FilePool {
  readonly #files: FileSystem
  readonly #maxOpen: number
  readonly #pooled = new Map<string, Pooled>()
  readonly #closing = new Set<Promise<void>>()

  constructor(files: FileSystem, maxOpen: number) {
    this.#files = files
    this.#maxOpen = maxOpen
  }

  get openFiles(): number {
    return this.#pooled.size
  }

  /** Runs `work` on the open file, which stays open at least as long. */
  async use<T>(path: string, mode: OpenMode, work: (file: OpenFile) => Promise<T>): Promise<T> {
    const pooled = this.#pooled.get(path) ?? {
      file: this.#files.open(path, mode),
      users: 0,
      forgotten: false,
    }
    this.#pooled.delete(path)
    this.#pooled.set(path, pooled)
    pooled.users += 1
    try {
      this.#closeSpare()
      return await work(await this.#opened(path, pooled))
    } finally {
      pooled.users -= 1
      if (pooled.forgotten && pooled.users === 0) this.#close(pooled)
    }
  }

  /** For a file that is removed: whoever uses it may finish, then it is closed. */
  forget(path: string): void {
    const pooled = this.#pooled.get(path)
    if (pooled === undefined) return
    this.#pooled.delete(path)
    pooled.forgotten = true
    if (pooled.users === 0) this.#close(pooled)
  }

  async close(): Promise<void> {
    for (const path of this.#pooled.keys()) this.forget(path)
    await Promise.all(this.#closing)
  }

  async #opened(path: string, pooled: Pooled): Promise<OpenFile> {
    try {
      return await pooled.file
    } catch (error) {
      if (this.#pooled.get(path) === pooled) this.#pooled.delete(path)
      throw error
    }
  }

  #closeSpare(): void {
    if (this.#pooled.size <= this.#maxOpen) return
    for (const [path, pooled] of this.#pooled) {
      if (pooled.users > 0) continue
      this.forget(path)
      if (this.#pooled.size <= this.#maxOpen) return
    }
  }

  #close(pooled: Pooled): void {
    const closing = closeQuietly(pooled.file).finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

/** What was written is flushed by name before it counts, so a close has nothing to lose. */
async function closeQuietly(file: Promise<OpenFile>): Promise<void> {
  try {
    await (await file).close()
  } catch (error) {
    if (!isStorageError(error)) throw error
  }
}
