// The one file that all partitions' appends are written to first, and the files before it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { isStorageError, type FileSystem, type OpenFile } from './file-system.ts'
import { encodeWalHeader, type OlderFile } from './wal-format.ts'

interface CurrentFile {
  readonly file: OpenFile
  readonly sequence: number
  readonly headerBytes: number
  sizeBytes: number
  isFlushed: boolean
}

export interface WalOptions {
  readonly files: FileSystem
  readonly directory: string
  /** At this size the next append begins a new file. */
  readonly fileMaxBytes: number
  /** The least number a new file may have. */
  readonly firstSequence: number
  /** Whether a file is flushed before the next one is begun. */
  readonly flushBeforeNext: boolean
}

/**
 * Invariant: one call at a time writes. After a failed write or flush the file is not trusted any more: the
 * next append begins a new one, whose header says how far the older ones are good, so that what failed is
 * not replayed although its bytes may have reached the disk.
 */
export class WriteAheadLog {
  readonly #options: WalOptions
  #nextSequence: number
  #current: CurrentFile | undefined
  #older: readonly OlderFile[] = []

  constructor(options: WalOptions) {
    this.#options = options
    this.#nextSequence = options.firstSequence
  }

  /** Complete files that wait for a checkpoint. */
  get older(): readonly OlderFile[] {
    return this.#older
  }

  get sizeBytes(): number {
    const older = this.#older.reduce((sum, { validBytes }) => sum + validBytes, 0)
    return older + (this.#current?.sizeBytes ?? 0)
  }

  get files(): number {
    return this.#older.length + (this.#current === undefined ? 0 : 1)
  }

  get isFlushed(): boolean {
    return this.#current?.isFlushed ?? true
  }

  /** Writes entries behind the last ones. When it rejects none of them will be replayed. */
  async write(entries: readonly Buffer[], sizeBytes: number): Promise<void> {
    if ((this.#current?.sizeBytes ?? 0) >= this.#options.fileMaxBytes) await this.complete()
    this.#current ??= await this.#begin()
    const current = this.#current
    const start = current.sizeBytes
    try {
      current.isFlushed = false
      await current.file.write(entries, start)
      current.sizeBytes += sizeBytes
    } catch (error) {
      await this.#abandon(start)
      throw error
    }
  }

  /** Flushes what was written; when it rejects, what was written behind `goodBytes` is void. */
  async flush(goodBytes: number): Promise<void> {
    const current = this.#current
    if (current === undefined || current.isFlushed) return
    try {
      current.isFlushed = true
      await current.file.sync()
    } catch (error) {
      await this.#abandon(goodBytes)
      throw error
    }
  }

  /** The size of the file that is written to: what `flush` takes to mean "keep up to here". */
  get currentBytes(): number {
    return this.#current?.sizeBytes ?? 0
  }

  /** Ends the current file: from now on it waits for a checkpoint. */
  async complete(): Promise<void> {
    const current = this.#current
    if (current === undefined) return
    if (this.#options.flushBeforeNext) await this.flush(current.sizeBytes)
    await this.#abandon(current.sizeBytes)
  }

  /** Removes files that a checkpoint has made needless. */
  async remove(files: readonly OlderFile[]): Promise<void> {
    for (const { sequence } of files) {
      await this.#options.files.remove(walPath(this.#options.directory, sequence))
      this.#older = this.#older.filter((file) => file.sequence !== sequence)
    }
  }

  async #begin(): Promise<CurrentFile> {
    const { files, directory } = this.#options
    const sequence = this.#nextSequence++
    const path = walPath(directory, sequence)
    const file = await files.open(path, 'create')
    const header = encodeWalHeader(sequence, this.#older)
    try {
      await file.write([header], 0)
      await files.syncDirectory(directory)
    } catch (error) {
      await closeQuietly(file)
      await removeQuietly(files, path)
      throw error
    }
    const headerBytes = header.length
    return { file, sequence, headerBytes, sizeBytes: headerBytes, isFlushed: false }
  }

  async #abandon(validBytes: number): Promise<void> {
    const current = this.#current
    if (current === undefined) return
    assert(validBytes <= current.sizeBytes, 'what is kept was written')
    this.#current = undefined
    const isEmpty = validBytes === current.headerBytes
    if (!isEmpty) this.#older = [...this.#older, { sequence: current.sequence, validBytes }]
    await closeQuietly(current.file)
    if (isEmpty) await removeQuietly(this.#options.files, current.file.path)
  }
}

/** Sixteen digits, so that the names sort as the numbers do. */
export function walPath(directory: string, sequence: number): string {
  return join(directory, `${String(sequence).padStart(16, '0')}.wal`)
}

export function walSequence(name: string): number | undefined {
  return /^\d{16}\.wal$/.test(name) ? Number(name.slice(0, 16)) : undefined
}

// Best effort after a failure that is reported anyway: a file that stays is void by the next header.
async function closeQuietly(file: OpenFile): Promise<void> {
  try {
    await file.close()
  } catch (error) {
    if (!isStorageError(error)) throw error
  }
}

async function removeQuietly(files: FileSystem, path: string): Promise<void> {
  try {
    await files.remove(path)
  } catch (error) {
    if (!isStorageError(error)) throw error
  }
}
