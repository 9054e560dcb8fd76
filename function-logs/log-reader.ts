// Reads logs from the chunks of all writers: groups, their streams, and events by time, stream and text.
import type { Clock } from '../common/clock.ts'
import { logIndexesMax } from '../common/log-limits.ts'
import type { RawEvent } from './chunk-format.ts'
import { ChunkIndex, scanChunk, type ChunkStream } from './chunk-index.ts'
import { comparePlaces, type EventPlace } from './event-id.ts'
import { listChunks, listGroups, readFacts, type Chunk, type GroupFacts } from './group-folder.ts'
import { sizeOnDisk } from './make-room.ts'
import { Selection, type FoundEvent } from './selection.ts'

export interface StreamFacts {
  readonly name: string
  readonly createdMs: number
  /** Absent while the stream has no event. */
  readonly firstMs?: number
  readonly lastMs?: number
  readonly lastIngestionMs?: number
}

export interface EventQuery {
  /** All streams unless given. */
  readonly stream?: (name: string) => boolean
  /** Both ends are included. */
  readonly startMs?: number | undefined
  readonly endMs?: number | undefined
  /** Neither is included. */
  readonly after?: EventPlace | undefined
  readonly before?: EventPlace | undefined
  readonly limit: number
  readonly maxBytes: number
  /** The last events of all are wanted in place of the first; they are in the order of time as well. */
  readonly newest?: boolean
  readonly matches?: (message: string) => boolean
}

export interface EventPage {
  readonly events: readonly FoundEvent[]
  /** Whether there may be more beyond them. */
  readonly hasMore: boolean
}

interface IndexedChunk {
  readonly chunk: Chunk
  readonly index: ChunkIndex
}

const dayMs = 86_400_000

/** Reads what is on the disk at each call. What it keeps are indexes of chunks, which only grow. */
export class LogReader {
  readonly #root: string
  readonly #clock: Clock
  readonly #indexes = new Map<string, ChunkIndex>()

  constructor(root: string, clock: Clock) {
    this.#root = root
    this.#clock = clock
  }

  groups(): Promise<readonly string[]> {
    return listGroups(this.#root)
  }

  group(name: string): Promise<GroupFacts | undefined> {
    return readFacts(this.#root, name)
  }

  /** What a group takes on the disk. */
  async storedBytes(group: string): Promise<number> {
    const chunks = await listChunks(this.#root, group)
    return chunks.reduce((total, chunk) => total + sizeOnDisk(chunk), 0)
  }

  /** Sorted by name. */
  async streams(group: string): Promise<readonly StreamFacts[]> {
    const chunks = await this.#open(group)
    const deleted = deletionsOf(chunks)
    const streams = new Map<string, StreamFacts>()
    for (const { index } of chunks) {
      for (const stream of index.streams.values()) {
        if (!isThere(stream, deleted.get(stream.name))) continue
        streams.set(stream.name, merge(streams.get(stream.name), stream))
      }
    }
    return [...streams.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async events(group: string, query: EventQuery): Promise<EventPage> {
    const facts = await this.group(group)
    const chunks = await this.#open(group)
    const deleted = deletionsOf(chunks)
    const { startMs, endMs } = this.#times(query, facts)
    const selection = new Selection({ ...query, newest: query.newest === true })
    const inTime = chunks.filter(({ index }) => index.lastMs >= startMs && index.firstMs <= endMs)
    const ordered = inTime.toSorted((a, b) =>
      query.newest === true ? b.index.lastMs - a.index.lastMs : a.index.firstMs - b.index.firstMs,
    )
    for (const { chunk, index } of ordered) {
      if (!selection.wantsTimes(index)) break
      const streams = wantedStreams(index, query)
      if (streams.size === 0) continue
      const offer = (raw: RawEvent): void => {
        const { timestampMs, ingestionMs, position } = raw
        if (timestampMs < startMs || timestampMs > endMs) return
        const stream = streams.get(raw.stream)
        if (stream === undefined || ingestionMs <= (deleted.get(stream) ?? -Infinity)) return
        const place = { timestampMs, writer: chunk.writer, sequence: chunk.sequence, position }
        if (!isBetween(place, query) || !selection.wants(place)) return
        const message = raw.message()
        if (message === undefined || query.matches?.(message) === false) return
        selection.add({ ...place, ingestionMs, stream, message })
      }
      const range = { from: index.startFor(startMs), to: index.sizeBytes }
      await scanChunk(chunk.path, range, { event: offer, stream: () => {}, deletion: () => {} })
      selection.settle()
    }
    return { events: selection.events(), hasMore: selection.hasMore }
  }

  /** What tokens and retention say of the times, beside what was asked for. */
  #times(query: EventQuery, facts: GroupFacts | undefined): { startMs: number; endMs: number } {
    const days = facts?.retentionDays
    const kept = days === undefined ? -Infinity : this.#clock.now() - days * dayMs
    return {
      startMs: Math.max(query.startMs ?? 0, query.after?.timestampMs ?? 0, kept),
      endMs: Math.min(query.endMs ?? Infinity, query.before?.timestampMs ?? Infinity),
    }
  }

  async #open(group: string): Promise<readonly IndexedChunk[]> {
    const opened: IndexedChunk[] = []
    for (const chunk of await listChunks(this.#root, group)) {
      const index = this.#indexes.get(chunk.path) ?? new ChunkIndex()
      this.#indexes.delete(chunk.path)
      if (!(await index.follow(chunk.path, chunk.sizeBytes))) continue
      this.#indexes.set(chunk.path, index)
      opened.push({ chunk, index })
    }
    for (const path of this.#indexes.keys()) {
      if (this.#indexes.size <= logIndexesMax) break
      this.#indexes.delete(path)
    }
    return opened
  }
}

function deletionsOf(chunks: readonly IndexedChunk[]): ReadonlyMap<string, number> {
  const deleted = new Map<string, number>()
  for (const { index } of chunks) {
    for (const { name, untilMs } of index.deletions) {
      deleted.set(name, Math.max(untilMs, deleted.get(name) ?? -Infinity))
    }
  }
  return deleted
}

/** A deleted stream is there again once it was made anew or written to. */
function isThere(stream: ChunkStream, deletedMs = -Infinity): boolean {
  return stream.createdMs > deletedMs || (stream.lastIngestionMs ?? -Infinity) > deletedMs
}

function merge(known: StreamFacts | undefined, part: ChunkStream): StreamFacts {
  const { name, createdMs, firstMs, lastMs, lastIngestionMs } = part
  const times =
    firstMs === undefined || lastMs === undefined || lastIngestionMs === undefined
      ? {}
      : {
          firstMs: Math.min(firstMs, known?.firstMs ?? Infinity),
          lastMs: Math.max(lastMs, known?.lastMs ?? -Infinity),
          lastIngestionMs: Math.max(lastIngestionMs, known?.lastIngestionMs ?? -Infinity),
        }
  return { ...known, name, createdMs: Math.min(createdMs, known?.createdMs ?? Infinity), ...times }
}

function wantedStreams(index: ChunkIndex, { stream }: EventQuery): ReadonlyMap<number, string> {
  const wanted = new Map<number, string>()
  for (const [number, { name }] of index.streams) {
    if (stream === undefined || stream(name)) wanted.set(number, name)
  }
  return wanted
}

function isBetween(place: EventPlace, { after, before }: EventQuery): boolean {
  return (
    (after === undefined || comparePlaces(place, after) > 0) &&
    (before === undefined || comparePlaces(place, before) < 0)
  )
}
