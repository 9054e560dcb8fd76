// A source whose records are decoded by the schemas of a registry before its mapping has them.
import type { Logger } from '../../common/logger.ts'
import {
  decodedBytesAtOnceMax,
  decodedRecordsAtOnceMax,
  undecodedRunsMax,
} from '../../common/schema-limits.ts'
import type { RecordRun, Source, SourceListener, SourceRecord } from '../sources/source.ts'
import { decodeRecord, schemaIdsOf, type DecodeRules } from './record-decoder.ts'
import type { Found, SchemaStore } from './schema-store.ts'

export interface DecodingSourceOptions {
  readonly inner: Source
  readonly rules: DecodeRules
  readonly schemas: Pick<SchemaStore, 'find' | 'known' | 'stop'>
  readonly logger: Logger
  /** So many records could not be decoded. */
  readonly failed: (records: number) => void
  /** Resolves when everything else that waits for this thread had its turn. */
  readonly yield: () => Promise<void>
}

/**
 * Each partition is decoded by itself, in its order, a piece at a time: one that waits for a schema holds up no other, and
 * what it holds is not read any further.
 *
 * Invariant: what was handed on of a partition ends where what it holds begins, so nothing that is held is ever
 * committed, and all of it is read again when the group deals its partitions out anew.
 */
export class DecodingSource implements Source {
  readonly #options: DecodingSourceOptions
  readonly #held = new Map<number, RecordRun[]>()
  readonly #pausedByMapping = new Set<number>()
  readonly #pausedByUs = new Set<number>()
  #listener: SourceListener | undefined

  constructor(options: DecodingSourceOptions) {
    this.#options = options
  }

  start(listener: SourceListener): void {
    this.#listener = listener
    this.#options.inner.start({
      assigned: (partitions, continued) => {
        this.#held.clear()
        this.#pausedByMapping.clear()
        this.#pausedByUs.clear()
        return listener.assigned(partitions, continued)
      },
      checkpoints: () => listener.checkpoints(),
      rewound: (partition) => {
        this.#forget(partition)
        listener.rewound(partition)
      },
      records: (run) => this.#take(run),
      problem: (reason, fault) => listener.problem(reason, fault),
    })
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#pausedByMapping.add(partition)
    this.#options.inner.pause(partitions)
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#pausedByMapping.delete(partition)
    const free = partitions.filter((partition) => !this.#pausedByUs.has(partition))
    if (free.length > 0) this.#options.inner.resume(free)
  }

  commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    return this.#options.inner.commit(offsets)
  }

  async stop(): Promise<void> {
    this.#options.schemas.stop()
    this.#held.clear()
    await this.#options.inner.stop()
  }

  #take(run: RecordRun): void {
    const { partition } = run
    const held = this.#held.get(partition)
    if (held !== undefined) {
      held.push(run)
      if (held.length >= undecodedRunsMax && !this.#pausedByUs.has(partition)) {
        this.#pausedByUs.add(partition)
        this.#options.inner.pause([partition])
      }
      return
    }
    const queue = [run]
    this.#held.set(partition, queue)
    void this.#work(partition, queue)
  }

  async #work(partition: number, queue: RecordRun[]): Promise<void> {
    const isOurs = (): boolean => this.#held.get(partition) === queue
    for (let run = queue[0]; run !== undefined && isOurs(); run = queue[0]) {
      for (let from = 0; from < run.records.length;) {
        const end = pieceEnd(run.records, from)
        const piece = run.records.slice(from, end)
        const found = new Map<string, Found>()
        const unknown = this.#known(piece, found)
        if (unknown.size > 0) {
          // How far the partition goes is news before its records are.
          this.#hand(run, [], piece[0]?.offset ?? run.nextOffset)
          await this.#find(unknown, found)
          if (!isOurs()) return
        }
        from = end
        const next = run.records[from]?.offset ?? run.nextOffset
        this.#hand(run, this.#decoded(piece, found), next)
        if (from < run.records.length) await this.#options.yield()
        if (!isOurs()) return
      }
      if (run.records.length === 0) this.#hand(run, [], run.nextOffset)
      if (!isOurs()) return
      queue.shift()
      if (queue.length > 0) await this.#options.yield()
    }
    if (!isOurs()) return
    this.#held.delete(partition)
    if (this.#pausedByUs.delete(partition) && !this.#pausedByMapping.has(partition)) {
      this.#options.inner.resume([partition])
    }
  }

  #hand(run: RecordRun, records: readonly SourceRecord[], nextOffset: number): void {
    const { partition, endOffset, ended } = run
    const isLast = nextOffset === run.nextOffset
    this.#listener?.records({
      partition,
      records,
      nextOffset,
      endOffset,
      ...(isLast && ended !== undefined ? { ended } : {}),
    })
  }

  /** Adds what is known of the records' schemas to `found`; returns the ids of the others. */
  #known(records: readonly SourceRecord[], found: Map<string, Found>): Set<string> {
    const { rules, schemas } = this.#options
    const unknown = new Set<string>()
    for (const record of records) {
      for (const id of schemaIdsOf(rules, record)) {
        if (found.has(id) || unknown.has(id)) continue
        const known = schemas.known(id)
        if (known === undefined) unknown.add(id)
        else found.set(id, known)
      }
    }
    return unknown
  }

  async #find(ids: ReadonlySet<string>, found: Map<string, Found>): Promise<void> {
    // One after the other: who makes up ids shall not have a registry asked a thousand at once.
    for (const id of ids) {
      const schema = await this.#options.schemas.find(id)
      if (schema !== undefined) found.set(id, schema)
    }
  }

  #decoded(
    records: readonly SourceRecord[],
    found: ReadonlyMap<string, Found>,
  ): readonly SourceRecord[] {
    const { rules, failed, logger } = this.#options
    const schemaOf = (id: string): Found | undefined => found.get(id)
    let failures = 0
    let first: { readonly offset: number; readonly reason: string } | undefined
    const decoded = records.map((record) => {
      const result = decodeRecord(rules, record, schemaOf)
      if ('reason' in result) {
        failures += 1
        first ??= { offset: record.offset, reason: result.reason }
      }
      return result.record
    })
    if (first !== undefined) {
      failed(failures)
      const [{ partition } = { partition: -1 }] = records
      logger.warn('records cannot be decoded', { partition, records: failures, ...first })
    }
    return decoded
  }

  #forget(partition: number): void {
    this.#held.delete(partition)
    if (this.#pausedByUs.delete(partition) && !this.#pausedByMapping.has(partition)) {
      this.#options.inner.resume([partition])
    }
  }
}

/** A piece has a record at least, and is cut where it is large. */
function pieceEnd(records: readonly SourceRecord[], from: number): number {
  let sizeBytes = 0
  let end = from
  while (end < records.length && end - from < decodedRecordsAtOnceMax) {
    const record = records[end]
    sizeBytes += (record?.key?.length ?? 0) + (record?.value?.length ?? 0)
    end += 1
    if (sizeBytes >= decodedBytesAtOnceMax) break
  }
  return end
}
