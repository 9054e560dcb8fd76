// The one file that all partitions' appends are written to first, and the files before it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { isStorageError, type FileSystem, type OpenFile } from './file-system.ts'
import { SpareFiles } from './spare-files.ts'
import {
  encodeEntryHeader,
  encodeWalHeader,
  entryHeaderBytes,
  entrySeedOf,
  type OlderFile,
  type WalAppend,
} from './wal-format.ts'

interface CurrentFile {
  readonly file: OpenFile
  readonly sequence: number
  readonly headerBytes: number
  readonly entrySeed: number
  sizeBytes: number
  /** Up to here it is known to be on the disk. */
  flushedBytes: number
  /** Up to here it was committed: a flush alone need not be all that a commit waits for. */
  keptBytes: number
  /** Whether a write or a flush has failed: nothing more may be written to it. */
  isDamaged: boolean
  flushing: Promise<void> | undefined
}

/** A position in a file. */
export interface WalPlace {
  readonly sequence: number
  readonly position: number
}

export interface WalOptions {
  readonly files: FileSystem
  readonly directory: string
  /** At this size the next append begins a new file. */
  readonly fileMaxBytes: number
  /** So many files that are needed no more are kept to be written over. */
  readonly sparesMax: number
  /** The least number a new file may have. */
  readonly firstSequence: number
}

/**
 * Invariant: one call at a time writes, and one flush runs, which may be at the same time: a flush covers what
 * was written whole when it began. After a failed write or flush the file is not trusted any more: it is ended, and
 * the next write begins a new one, whose header says how far the older ones are good, so that what failed is not
 * replayed although its bytes may have reached the disk.
 *
 * What the disk sees: entries in their order, one file at a time; the next file is begun when the one before it is
 * flushed, or ended at what was; its name is flushed before its first entry is written. Files are written over where
 * there are any: a flush of bytes that the file has room for need not write down where they lie.
 */
export class WriteAheadLog {
  readonly #options: WalOptions
  readonly #spare: SpareFiles
  #nextSequence: number
  #current: CurrentFile | undefined
  #older: readonly OlderFile[] = []
  #isUnsettled = false
  /** Whether the names that lives before this one removed are gone for good: numbers may come again. */
  #isAlone = false

  /** Files with entries that were taken back. */
  readonly #rolledBack = new Set<number>()
  /** Files whose header says so. */
  readonly #voiding = new Set<number>()

  constructor(options: WalOptions) {
    this.#options = options
    this.#spare = new SpareFiles(options.files, options.sparesMax)
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

  /** Whether a start would replay what was taken back. */
  get isUnsettled(): boolean {
    return this.#isUnsettled
  }

  /** Where the entries end that were written. */
  get end(): WalPlace {
    const { sequence = 0, sizeBytes = 0 } = this.#current ?? {}
    return { sequence, position: sizeBytes }
  }

  /** Whether the next write begins a new file. */
  get isFull(): boolean {
    const { sizeBytes = 0, isDamaged = false } = this.#current ?? {}
    return isDamaged || sizeBytes >= this.#options.fileMaxBytes
  }

  /**
   * Writes entries behind the last ones. When it rejects, the file is damaged: it has to be ended before the next
   * write, and then none of the entries will be replayed.
   */
  async write(appends: readonly WalAppend[]): Promise<void> {
    if (this.isFull) await this.complete()
    this.#current ??= await this.#begin()
    const current = this.#current
    const buffers: Buffer[] = []
    let sizeBytes = 0
    for (const append of appends) {
      buffers.push(encodeEntryHeader(append, current.entrySeed), ...append.buffers)
      sizeBytes += entryHeaderBytes + append.sizeBytes
    }
    try {
      await current.file.write(buffers, current.sizeBytes)
    } catch (error) {
      current.isDamaged = true
      throw error
    }
    current.sizeBytes += sizeBytes
  }

  /** Flushes what was written when it was called; when it rejects, the file is damaged, as above. */
  async flush(): Promise<void> {
    const current = this.#current
    if (current === undefined) return
    while (current.flushing !== undefined) await current.flushing
    // A flush after one that failed passes for success, and has flushed nothing.
    if (current.isDamaged || current.flushedBytes === current.sizeBytes) return
    current.flushing = flushFile(current).finally(() => (current.flushing = undefined))
    await current.flushing
    // Its header says how far the files before it count.
    this.#isUnsettled = false
  }

  /** Ends the current file: from now on it waits for a checkpoint. */
  async complete(): Promise<void> {
    const current = this.#current
    if (current === undefined) return
    await idle(current)
    if (!current.isDamaged) await this.flush()
    await this.#end(current.sizeBytes)
  }

  /** What lies before `place` was committed. */
  keep({ sequence, position }: WalPlace): void {
    if (this.#current?.sequence === sequence) this.#current.keptBytes = position
  }

  /** Ends the current file with what was committed, where it holds more or is damaged. */
  async rollBack(): Promise<void> {
    const current = this.#current
    if (current === undefined) return
    if (!current.isDamaged && current.keptBytes === current.sizeBytes) return
    await idle(current)
    this.#isUnsettled = true
    this.#rolledBack.add(current.sequence)
    // A header that is on the disk voids what lies in files before it: it has to stay.
    await this.#end(current.keptBytes, current.flushedBytes > 0)
  }

  /** Makes sure that what was taken back is not replayed: a new file says so. */
  async settle(): Promise<void> {
    if (this.#current?.isDamaged === true) await this.rollBack()
    this.#current ??= await this.#begin()
    await this.flush()
  }

  /** Removes files that a checkpoint has made needless. */
  async remove(gone: readonly OlderFile[]): Promise<void> {
    const { files, directory } = this.#options
    for (const { sequence } of gone) {
      // A name that is gone may be back after a power cut: not without the one whose header voids a part of it.
      if (this.#voiding.has(sequence)) await files.syncDirectory(directory)
      const path = walPath(directory, sequence)
      // Where writing has failed it might fail again.
      await (this.#rolledBack.has(sequence) ? files.remove(path) : this.#spare.keep(path))
      this.#older = this.#older.filter((file) => file.sequence !== sequence)
      this.#rolledBack.delete(sequence)
      this.#voiding.delete(sequence)
    }
  }

  /** Whoever closes the log keeps none. */
  removeSpare(): Promise<void> {
    return this.#spare.remove()
  }

  async #begin(): Promise<CurrentFile> {
    const { files, directory } = this.#options
    // Else a power cut might leave a new file in place of an old one that another's header counts.
    if (!this.#isAlone) await files.syncDirectory(directory)
    this.#isAlone = true
    const sequence = this.#nextSequence++
    const path = walPath(directory, sequence)
    const isSpare = await this.#spare.becomes(path)
    const file = await files.open(path, isSpare ? 'update' : 'create')
    const header = encodeWalHeader(sequence, this.#older)
    try {
      // First: what a start believes of the name that a spare file had must not be written over.
      await files.syncDirectory(directory)
      await file.write([header], 0)
    } catch (error) {
      await closeQuietly(file)
      await removeQuietly(files, path)
      throw error
    }
    if (this.#rolledBack.size > 0) this.#voiding.add(sequence)
    const headerBytes = header.length
    const sizes = {
      headerBytes,
      sizeBytes: headerBytes,
      flushedBytes: 0,
      keptBytes: headerBytes,
    }
    const entrySeed = entrySeedOf(sequence)
    return { file, sequence, entrySeed, ...sizes, isDamaged: false, flushing: undefined }
  }

  async #end(validBytes: number, mustStay = false): Promise<void> {
    const current = this.#current
    assert(current !== undefined, 'there is a file to end')
    assert(current.flushing === undefined, 'nothing of it is being flushed')
    const isVoiding = this.#voiding.has(current.sequence) && current.flushedBytes > 0
    const isNeeded = mustStay || isVoiding || validBytes > current.headerBytes
    if (!isNeeded) this.#voiding.delete(current.sequence)
    this.#current = undefined
    if (isNeeded) this.#older = [...this.#older, { sequence: current.sequence, validBytes }]
    await closeQuietly(current.file)
    if (!isNeeded) await removeQuietly(this.#options.files, current.file.path)
  }
}

async function flushFile(current: CurrentFile): Promise<void> {
  const { sizeBytes } = current
  try {
    await current.file.sync()
  } catch (error) {
    current.isDamaged = true
    throw error
  }
  current.flushedBytes = sizeBytes
}

/** Sixteen digits, so that the names sort as the numbers do. */
export function walPath(directory: string, sequence: number): string {
  return join(directory, `${String(sequence).padStart(16, '0')}.wal`)
}

export function walSequence(name: string): number | undefined {
  return /^\d{16}\.wal$/.test(name) ? Number(name.slice(0, 16)) : undefined
}

/** Resolves when no flush of the file runs; whoever asked for it hears how it ended. */
async function idle(current: CurrentFile): Promise<void> {
  await current.flushing?.catch(() => {})
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
