// Knows what a chunk holds without its texts: streams, times, and from where on later events lie.
import { open } from 'node:fs/promises'
import { logReadBytes } from '../common/log-limits.ts'
import { readLines, type ChunkVisitor, type RawEvent } from './chunk-format.ts'

/** A stream's part of a chunk; times are undefined where it has no event. */
export interface ChunkStream {
  readonly name: string
  readonly createdMs: number
  firstMs: number | undefined
  lastMs: number | undefined
  lastIngestionMs: number | undefined
}

/** Before `position`, no event is later than `lastMs`. */
interface Mark {
  readonly position: number
  readonly lastMs: number
}

const markEveryBytes = 64 * 1024

/** Grows with its chunk: what was read once is not read again. */
export class ChunkIndex implements ChunkVisitor {
  readonly streams = new Map<number, ChunkStream>()
  readonly deletions: { readonly name: string; readonly untilMs: number }[] = []
  firstMs = Infinity
  lastMs = -Infinity
  /** How far the chunk has been read: the end of a whole line. */
  sizeBytes = 0
  readonly #marks: Mark[] = []

  /** Reads what the chunk has more than it had; false when the file is gone. */
  async follow(path: string, sizeBytes: number): Promise<boolean> {
    if (sizeBytes <= this.sizeBytes) return true
    const end = await scanChunk(path, { from: this.sizeBytes, to: sizeBytes }, this)
    if (end === undefined) return false
    this.sizeBytes = end
    return true
  }

  /** Where to begin to see all events from a time on. */
  startFor(timestampMs: number): number {
    return this.#marks.findLast(({ lastMs }) => lastMs < timestampMs)?.position ?? 0
  }

  stream(number: number, createdMs: number, name: string): void {
    const none = { firstMs: undefined, lastMs: undefined, lastIngestionMs: undefined }
    this.streams.set(number, { name, createdMs, ...none })
  }

  event({ stream, timestampMs, ingestionMs, position }: RawEvent): void {
    const known = this.streams.get(stream)
    if (known === undefined) return
    if (position - (this.#marks.at(-1)?.position ?? 0) >= markEveryBytes) {
      this.#marks.push({ position, lastMs: this.lastMs })
    }
    this.firstMs = Math.min(this.firstMs, timestampMs)
    this.lastMs = Math.max(this.lastMs, timestampMs)
    known.firstMs = Math.min(known.firstMs ?? Infinity, timestampMs)
    known.lastMs = Math.max(known.lastMs ?? -Infinity, timestampMs)
    known.lastIngestionMs = Math.max(known.lastIngestionMs ?? -Infinity, ingestionMs)
  }

  deletion(untilMs: number, name: string): void {
    this.deletions.push({ name, untilMs })
  }
}

/** Reads a part of a file line by line; returns where its last whole line ends, undefined if it is gone. */
export async function scanChunk(
  path: string,
  { from, to }: { readonly from: number; readonly to: number },
  visitor: ChunkVisitor,
): Promise<number | undefined> {
  const handle = await open(path, 'r').catch(noFile)
  if (handle === undefined) return undefined
  try {
    let position = from
    let buffer = Buffer.allocUnsafe(Math.min(logReadBytes, to - from))
    let held = 0
    while (position + held < to) {
      if (held === buffer.length) buffer = grown(buffer)
      const wanted = Math.min(buffer.length - held, to - position - held)
      const { bytesRead } = await handle.read(buffer, held, wanted, position + held)
      if (bytesRead === 0) break
      held += bytesRead
      const used = readLines(buffer.subarray(0, held), position, visitor)
      buffer.copyWithin(0, used, held)
      held -= used
      position += used
    }
    return position
  } finally {
    await handle.close()
  }
}

/** A line longer than the buffer: an event may have a megabyte, and more as JSON. */
function grown(buffer: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(buffer.length * 2)
  buffer.copy(larger)
  return larger
}

function noFile(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
