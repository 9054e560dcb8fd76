// Keeps the queue's events on disk: one row of files, written by group commit, freed from its oldest end.
import { mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  asyncJournalCommitMaxBytes,
  asyncJournalFileMaxBytes,
  asyncJournalSlackBytes,
} from '../../common/async-limits.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { storageFailed, syncDirectory } from '../registry/durable-file.ts'
import type { QueuedEvent } from './event.ts'
import { decodeEntry, encodeEntry, type EncodedEntry, type JournalEntry } from './journal-entry.ts'
import { createFile, JournalFile, type CreateFile } from './journal-file.ts'

/** What an event takes beside its body, about: its entry's head, and what memory holds of it. */
const headBytes = 256

export function entryBytesOf(bodyBytes: number): number {
  return bodyBytes + headBytes
}

export interface EventJournalOptions {
  /** Created where needed; nothing else may lie in it. */
  readonly directory: string
  readonly logger: Logger
  readonly createFile?: CreateFile
  readonly fileMaxBytes?: number
  readonly slackBytes?: number
}

/** Where the latest body of an event lies. */
interface Place {
  event: QueuedEvent
  readonly file: JournalFile
  readonly bodyAt: number
  readonly bodyBytes: number
  readonly entryBytes: number
}

interface Waiting {
  readonly entry: JournalEntry
  readonly encoded: EncodedEntry
  /** Only who puts an event waits for the disk. */
  readonly settle?: (error?: unknown) => void
}

/**
 * Invariant: an event is known exactly if its last entry is no `end`, and its body lies in a file that
 * exists. Files go from the oldest on, so that no `end` goes before the entry that it ends. Notes and
 * ends are written at once, and flushed with the next event: lost in a power cut, they make an event
 * run once more.
 */
export class EventJournal {
  readonly #options: EventJournalOptions
  readonly #places = new Map<string, Place>()
  /** Oldest first; the last is written to. */
  readonly #files: JournalFile[] = []
  #waiting: Waiting[] = []
  #liveBytes = 0
  #nextNumber = 1
  #writing: Promise<void> | undefined
  #isWriting = false
  #needsNewFile = true
  #isClosed = false

  /** Reads what an earlier life left. Rejects with AppError STORAGE_FAILED. */
  static async open(options: EventJournalOptions): Promise<EventJournal> {
    const journal = new EventJournal(options)
    try {
      await mkdir(options.directory, { recursive: true })
      const names = (await readdir(options.directory)).filter((name) => /^\d{16}\.log$/.test(name))
      for (const name of names.toSorted()) await journal.#recover(name)
    } catch (error) {
      throw storageFailed('read', options.directory, error)
    }
    return journal
  }

  private constructor(options: EventJournalOptions) {
    this.#options = options
  }

  /** Every event that is not over, oldest entry first. */
  *events(): Iterable<QueuedEvent> {
    for (const { event } of this.#places.values()) yield event
  }

  /** What the event and its body take on the disk. */
  sizeBytes(id: string): number {
    return this.#places.get(id)?.entryBytes ?? 0
  }

  /** On the disk in all, with what is not needed any more. */
  get fileBytes(): number {
    return this.#files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** Resolves when the event is on the disk. Rejects with AppError STORAGE_FAILED; then it is not kept. */
  put(event: QueuedEvent, body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#add({ kind: 'put', event, body }, (error) => {
        if (error === undefined) resolve()
        else reject(storageFailed('write', this.#options.directory, error))
      })
    })
  }

  /** Replaces what is known of an event that was put. */
  note(event: QueuedEvent): void {
    this.#add({ kind: 'note', event })
  }

  end(id: string): void {
    this.#add({ kind: 'end', id })
  }

  /** The body of an event that was put and has not ended. Rejects with AppError STORAGE_FAILED. */
  async read(id: string): Promise<Buffer> {
    const place = this.#places.get(id)
    if (place === undefined) throw new Error(`event ${id} is not in the journal`)
    try {
      return await place.file.read(place.bodyAt, place.bodyBytes)
    } catch (error) {
      throw storageFailed('read', place.file.path, error)
    }
  }

  /** Writes and flushes what waits; what comes later is not written. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writing
    try {
      await this.#files.at(-1)?.flush()
    } finally {
      for (const file of this.#files) await file.close()
    }
  }

  /** What is wrong with the invariant; tests call it. */
  check(): string | undefined {
    let bytes = 0
    for (const [id, place] of this.#places) {
      bytes += place.entryBytes
      if (!place.file.live.has(id)) return `${id} is not live in its file`
      if (!this.#files.includes(place.file)) return `${id} lies in a file that is gone`
    }
    const live = this.#files.reduce((sum, file) => sum + file.live.size, 0)
    if (live !== this.#places.size)
      return `${live} live events in files, ${this.#places.size} known`
    return bytes === this.#liveBytes ? undefined : `${bytes} live bytes, not ${this.#liveBytes}`
  }

  #add(entry: JournalEntry, settle?: Waiting['settle']): void {
    if (this.#isClosed) return settle?.(new Error('the queue is closed'))
    const encoded = encodeEntry(entry)
    this.#waiting.push({ entry, encoded, ...(settle === undefined ? {} : { settle }) })
    if (!this.#isWriting) this.#writing = this.#write()
  }

  // Who asks while a write runs is in the next one, all of them together.
  async #write(): Promise<void> {
    this.#isWriting = true
    await Promise.resolve()
    let goesOn = true
    while (goesOn && this.#waiting.length > 0) {
      const batch = this.#nextBatch()
      try {
        await this.#commit(batch)
        await this.#free()
      } catch (error) {
        goesOn = this.#failed(batch, error)
      }
    }
    this.#isWriting = false
  }

  #nextBatch(): Waiting[] {
    let bytes = 0
    const cut = this.#waiting.findIndex(({ encoded }) => {
      bytes += encoded.bytes.length
      return bytes > asyncJournalCommitMaxBytes
    })
    return this.#waiting.splice(0, cut === -1 ? this.#waiting.length : Math.max(1, cut))
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const { fileMaxBytes = asyncJournalFileMaxBytes } = this.#options
    if (this.#needsNewFile || (this.#files.at(-1)?.sizeBytes ?? 0) >= fileMaxBytes) {
      await this.#openFile()
    }
    const file = this.#files.at(-1)
    if (file === undefined) throw new Error('the journal has no file')
    let position = await file.append(batch.map(({ encoded }) => encoded.bytes))
    if (batch.some(({ settle }) => settle !== undefined)) await file.flush()
    for (const { entry, encoded, settle } of batch) {
      this.#apply(entry, {
        file,
        bodyAt: position + encoded.bodyAt,
        end: position + encoded.bytes.length,
      })
      position += encoded.bytes.length
      settle?.()
    }
  }

  /** Whether to go on at once: someone waits for an answer. */
  #failed(batch: readonly Waiting[], error: unknown): boolean {
    // What was written of it may be read after a restart: nothing may stand behind it.
    this.#needsNewFile = true
    this.#options.logger.error('events not written', { reason: reasonOf(error) })
    const again: Waiting[] = []
    for (const { entry, encoded, settle } of batch) {
      if (settle === undefined) again.push({ entry, encoded })
      else if (entry.kind === 'put') {
        settle(error)
        // Its caller was told that it is not kept.
        const end = { kind: 'end', id: entry.event.id } as const
        if (!this.#places.has(entry.event.id)) again.push({ entry: end, encoded: encodeEntry(end) })
      }
    }
    const others = this.#waiting.some(({ settle }) => settle !== undefined)
    this.#waiting = [...again, ...this.#waiting]
    return others
  }

  #apply(entry: JournalEntry, at: { file: JournalFile; bodyAt: number; end: number }): void {
    if (entry.kind === 'note') {
      const place = this.#places.get(entry.event.id)
      if (place !== undefined) place.event = entry.event
      return
    }
    const id = entry.kind === 'end' ? entry.id : entry.event.id
    const before = this.#places.get(id)
    before?.file.live.delete(id)
    this.#liveBytes -= before?.entryBytes ?? 0
    this.#places.delete(id)
    if (entry.kind === 'end') return
    const { file, bodyAt, end } = at
    const bodyBytes = end - bodyAt
    const entryBytes = entryBytesOf(bodyBytes)
    this.#places.set(id, { event: entry.event, file, bodyAt, bodyBytes, entryBytes })
    file.live.add(id)
    this.#liveBytes += entryBytes
  }

  async #openFile(): Promise<void> {
    const { directory } = this.#options
    if (!this.#needsNewFile) await this.#files.at(-1)?.flush()
    const path = join(directory, `${String(this.#nextNumber).padStart(16, '0')}.log`)
    this.#nextNumber += 1
    const handle = await (this.#options.createFile ?? createFile)(path)
    this.#files.push(new JournalFile(path, handle, 0))
    this.#needsNewFile = false
    await syncDirectory(directory)
  }

  /** Removes the oldest files that nothing needs, and copies what little is left in one when they are many. */
  async #free(): Promise<void> {
    for (;;) {
      const [oldest] = this.#files
      if (oldest === undefined || oldest === this.#files.at(-1)) return
      if (oldest.live.size > 0) {
        const { slackBytes = asyncJournalSlackBytes } = this.#options
        if (this.fileBytes <= 2 * this.#liveBytes + slackBytes) return
        await this.#moveOn(oldest)
      }
      this.#files.shift()
      await oldest.remove()
      await syncDirectory(this.#options.directory)
    }
  }

  async #moveOn(file: JournalFile): Promise<void> {
    for (const id of file.live) {
      const place = this.#places.get(id)
      if (place === undefined) continue
      const body = await file.read(place.bodyAt, place.bodyBytes)
      const entry = { kind: 'put', event: place.event, body } as const
      await this.#commit([{ entry, encoded: encodeEntry(entry) }])
    }
    await this.#files.at(-1)?.flush()
  }

  async #recover(name: string): Promise<void> {
    const path = join(this.#options.directory, name)
    this.#nextNumber = Number(name.slice(0, -4)) + 1
    const handle = await open(path, 'r+')
    const sizeBytes = (await handle.stat()).size
    const file = new JournalFile(path, handle, sizeBytes)
    this.#files.push(file)
    const content = await file.read(0, sizeBytes)
    let position = 0
    while (position < sizeBytes) {
      const decoded = decodeEntry(content, position)
      if (decoded === undefined) {
        const fields = { file: path, position, bytes: sizeBytes - position }
        this.#options.logger.warn('end of the queue passed over, as a crash leaves it', fields)
        return
      }
      this.#apply(decoded.entry, { file, bodyAt: decoded.bodyAt, end: decoded.end })
      position = decoded.end
    }
  }
}
