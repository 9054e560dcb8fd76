// Writes one group's events: holds them for a moment, bounds their rate, and appends them to a chunk.
import { open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../common/clock.ts'
import { systemCode } from '../common/errors.ts'
import {
  logBurstMaxBytes,
  logChunkMaxBytes,
  logChunkMinBytes,
  logChunksPerGroup,
  logDeletedCheckMs,
  logEventOverheadBytes,
  logIdleCloseMs,
  logLossNoteIntervalMs,
  logPartMaxBytes,
  logPendingMaxBytes,
  logRateMaxBytes,
} from '../common/log-limits.ts'
import { ByteRate } from './byte-rate.ts'
import { chunkName } from './chunk-name.ts'
import { groupFolderName, makeGroup } from './group-folder.ts'
import { makeRoom } from './make-room.ts'
import {
  endOfPart,
  fitting,
  render,
  type Pending,
  type StreamNumbers,
  type WrittenStream,
} from './pending.ts'

export type { Loss, WrittenStream } from './pending.ts'

/** What all groups of a process share. */
export interface GroupWriterOptions {
  readonly root: string
  /** Drawn by the process at its start: its chunks' names have it. */
  readonly writer: number
  /** What all chunks of the group may take, in bytes. */
  readonly groupMaxBytes: number
  readonly clock: Clock
  readonly counters: LogCounters
  /** Called when there is something to write, and was not before. */
  readonly onPending: (group: GroupWriter) => void
}

export interface LogCounters {
  writtenBytes: number
  writtenEvents: number
  droppedBytes: number
  droppedEvents: number
  pendingBytes: number
  openFiles: number
  /** Files that were begun. */
  chunks: number
}

/** The chunk that is written to. */
interface OpenChunk extends StreamNumbers {
  readonly path: string
  handle: FileHandle | undefined
  sizeBytes: number
}

/**
 * Invariant: one flush at a time; a chunk that a write failed on is never written to again, so that only
 * its last line can be torn.
 */
export class GroupWriter {
  readonly name: string
  readonly #options: GroupWriterOptions
  #pending: Pending[] = []
  #pendingBytes = 0
  readonly #rate: ByteRate
  #loss: { readonly stream: WrittenStream; events: number; bytes: number } | undefined
  #notedMs = -Infinity
  #chunk: OpenChunk | undefined
  #sequence = 0
  #flushing: Promise<void> | undefined
  #writtenMs = 0
  #checkedMs = 0

  constructor(name: string, options: GroupWriterOptions) {
    this.name = name
    this.#options = options
    this.#rate = new ByteRate(options.clock, logRateMaxBytes, logBurstMaxBytes)
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Takes an event, or counts it as dropped. `acceptsMore` is whether all groups together have room. */
  append(stream: WrittenStream, timestampMs: number, message: string, acceptsMore = true): boolean {
    const bytes = Buffer.byteLength(message) + logEventOverheadBytes
    if (!acceptsMore || !this.#rate.has(bytes) || this.#pendingBytes + bytes > logPendingMaxBytes) {
      this.#drop(stream, bytes)
      return false
    }
    this.#rate.take(bytes)
    this.#push({ kind: 'event', stream, timestampMs, message, bytes }, bytes)
    return true
  }

  /** Makes the stream known before its first event. */
  declare(stream: WrittenStream): void {
    this.#push({ kind: 'stream', stream }, logEventOverheadBytes)
  }

  /** Hides what was ingested into the stream until now. */
  deleteStream(name: string): void {
    const deletion = { kind: 'deletion', name, untilMs: this.#options.clock.now() } as const
    this.#push(deletion, logEventOverheadBytes)
  }

  /** Resolves when all that was appended before the call is in the file, or was dropped because it cannot be. */
  async flush(): Promise<void> {
    if (this.#flushing !== undefined) await this.#flushing
    this.#flushing ??= this.#write().finally(() => (this.#flushing = undefined))
    return this.#flushing
  }

  /** Closes the chunk's file; the next write opens it again. */
  async close(): Promise<void> {
    await this.#flushing
    const chunk = this.#chunk
    if (chunk?.handle === undefined) return
    await this.#closeHandle(chunk)
  }

  /** The group was deleted: what comes next begins a chunk, and the group with it. */
  async leaveChunk(): Promise<void> {
    await this.#flushing
    await this.#abandon()
  }

  get isOpen(): boolean {
    return this.#chunk?.handle !== undefined
  }

  /** Whether nothing was written for a while. */
  get isResting(): boolean {
    return (
      this.#pending.length === 0 && this.#options.clock.now() - this.#writtenMs >= logIdleCloseMs
    )
  }

  #push(pending: Pending, bytes: number): void {
    if (this.#pending.length === 0) this.#options.onPending(this)
    this.#pending.push(pending)
    this.#pendingBytes += bytes
    this.#options.counters.pendingBytes += bytes
  }

  #drop(stream: WrittenStream, bytes: number): void {
    const { counters } = this.#options
    counters.droppedEvents += 1
    counters.droppedBytes += bytes
    if (this.#loss === undefined) {
      this.#loss = { stream, events: 0, bytes: 0 }
      this.#options.onPending(this)
    }
    this.#loss.events += 1
    this.#loss.bytes += bytes
  }

  /** The log itself says what is missing from it; once a second, for a flood drops a little all the time. */
  #noteLoss(): void {
    const loss = this.#loss
    const now = this.#options.clock.now()
    if (loss === undefined || now - this.#notedMs < logLossNoteIntervalMs) return
    this.#notedMs = now
    this.#loss = undefined
    const message = loss.stream.lossNote(loss)
    const bytes = Buffer.byteLength(message) + logEventOverheadBytes
    this.#push({ kind: 'event', stream: loss.stream, timestampMs: now, message, bytes }, bytes)
  }

  async #write(): Promise<void> {
    this.#noteLoss()
    if (this.#loss !== undefined) this.#options.onPending(this)
    const pending = this.#pending
    if (pending.length === 0) return
    const bytes = this.#pendingBytes
    this.#pending = []
    this.#pendingBytes = 0
    const { kept, dropped } = fitting(pending, this.#batchMaxBytes())
    this.#lose(dropped)
    let written = 0
    try {
      // In parts: a batch in one chunk would go as a whole when its chunk is the oldest, and a large part takes long.
      while (written < kept.length) {
        const chunk = await this.#openChunk()
        const roomBytes = Math.min(logPartMaxBytes, this.#chunkMaxBytes() - chunk.sizeBytes)
        const end = endOfPart(kept, written, roomBytes)
        const part = kept.slice(written, end)
        await this.#appendTo(chunk, Buffer.from(render(chunk, part, this.#options.clock.now())))
        this.#count(part)
        written = end
      }
    } catch (error) {
      // A full disk or a folder that is not ours: a function goes on without its log.
      if (systemCode(error) === undefined && !isStorageFailure(error)) throw error
      await this.#abandon()
      this.#lose(kept.slice(written))
    } finally {
      this.#options.counters.pendingBytes -= bytes
    }
  }

  async #openChunk(): Promise<OpenChunk> {
    const { clock } = this.#options
    const now = clock.now()
    this.#writtenMs = now
    let chunk = this.#chunk
    if (chunk !== undefined && chunk.sizeBytes >= this.#chunkMaxBytes()) {
      await this.#abandon()
      chunk = undefined
    }
    if (chunk?.handle === undefined && chunk !== undefined) await this.#reopen(chunk)
    if (chunk?.handle !== undefined && now - this.#checkedMs >= logDeletedCheckMs) {
      this.#checkedMs = now
      if ((await chunk.handle.stat()).nlink === 0) await this.#abandon()
    }
    return this.#chunk ?? this.#newChunk()
  }

  async #newChunk(): Promise<OpenChunk> {
    const { root, writer, groupMaxBytes, clock, counters } = this.#options
    const wantedBytes = this.#chunkMaxBytes()
    await makeRoom(this.name, { root, groupMaxBytes, wantedBytes, writer, nowMs: clock.now() })
    const { file } = chunkName(clock.now(), writer, this.#sequence++)
    const path = join(root, groupFolderName(this.name), file)
    const handle = await open(path, 'ax').catch(async (error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error
      await makeGroup(root, { name: this.name, createdMs: clock.now() })
      return open(path, 'ax')
    })
    counters.openFiles += 1
    counters.chunks += 1
    this.#chunk = { path, handle, streams: new Map(), sizeBytes: 0, next: 0 }
    return this.#chunk
  }

  /** Without making it: whoever deleted the chunk does not get it back. */
  async #reopen(chunk: OpenChunk): Promise<void> {
    try {
      chunk.handle = await open(chunk.path, 'r+')
      this.#options.counters.openFiles += 1
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
      this.#chunk = undefined
    }
  }

  async #appendTo(chunk: OpenChunk, data: Buffer): Promise<void> {
    for (let written = 0; written < data.length;) {
      const left = data.length - written
      const result = await chunk.handle?.write(data, written, left, chunk.sizeBytes + written)
      written += result?.bytesWritten ?? 0
    }
    chunk.sizeBytes += data.length
    this.#options.counters.writtenBytes += data.length
  }

  #count(pending: readonly Pending[]): void {
    for (const { kind } of pending) {
      if (kind === 'event') this.#options.counters.writtenEvents += 1
    }
  }

  #lose(pending: readonly Pending[]): void {
    for (const each of pending) if (each.kind === 'event') this.#drop(each.stream, each.bytes)
  }

  async #abandon(): Promise<void> {
    const chunk = this.#chunk
    this.#chunk = undefined
    if (chunk?.handle !== undefined) await this.#closeHandle(chunk)
    // Nothing could be written to it: a full disk must not fill with names.
    if (chunk?.sizeBytes === 0) await rm(chunk.path, { force: true })
  }

  async #closeHandle(chunk: OpenChunk): Promise<void> {
    const { handle } = chunk
    chunk.handle = undefined
    this.#options.counters.openFiles -= 1
    await handle?.close()
  }

  /** What of a batch is still there when its last part is written. */
  #batchMaxBytes(): number {
    return Math.max(this.#chunkMaxBytes(), this.#options.groupMaxBytes - this.#chunkMaxBytes())
  }

  #chunkMaxBytes(): number {
    const share = this.#options.groupMaxBytes / logChunksPerGroup
    return Math.max(logChunkMinBytes, Math.min(logChunkMaxBytes, share))
  }
}

function isStorageFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'STORAGE_FAILED'
}
