// One pass of compaction over a partition: finds each key's last record, and rewrites segments without the others.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import {
  attributesAt,
  controlBit,
  DecodeError,
  keyedRecords,
  recordCountAt,
  type KeyedRecord,
} from '../../../protocol/record-batch.ts'
import type { ScannedBatch } from '../batch-scan.ts'
import type { FileSystem } from '../file-system.ts'
import { segmentName, type Segment } from '../segment.ts'
import type { SegmentList } from '../segment-list.ts'
import { cleanedSuffix, writeProgress, type Merge, type StoredProgress } from './progress-file.ts'
import { writeCleaned, type BatchRules, type CleanedFile } from './cleaned-file.ts'
import type { OffsetMap } from './offset-map.ts'
import { walk } from './walk.ts'
import type { CompactionConfig } from './plan.ts'

/** What transactions and idempotent producers ask of compaction. */
export interface ProducerRules {
  /** Whether the batch belongs to a transaction that was aborted. */
  isAborted(batch: ScannedBatch): boolean
  /** Whether a producer's state rests on this batch. */
  isNeeded(batch: ScannedBatch): boolean
}

export interface CompactorOptions {
  readonly files: FileSystem
  readonly directory: string
  readonly segments: SegmentList
  readonly producers: ProducerRules
  readonly config: CompactionConfig
  readonly nowMs: number
  readonly signal: AbortSignal
}

/** Bytes of what was looked at, and of what is left of it. */
export interface CompactionResult {
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/**
 * Segments are read and written beside the log's work; only the exchange of a file is exclusive. A pass that
 * fails, or that a crash ends, has changed nothing or whole groups of segments.
 */
export class Compactor {
  readonly #options: CompactorOptions
  #progress: StoredProgress
  #bytesBefore = 0
  #bytesAfter = 0

  constructor(options: CompactorOptions, progress: StoredProgress) {
    this.#options = options
    this.#progress = progress
  }

  /**
   * `cleanable` is the head of the closed segments, flushed. Rejects with AppError STORAGE_FAILED or
   * LOG_CORRUPT, or with the signal's reason.
   */
  async run(cleanable: readonly Segment[], map: OffsetMap): Promise<CompactionResult> {
    map.clear()
    const compactedTo = await this.#fill(map, cleanable)
    const heads = cleanable.filter(({ baseOffset }) => baseOffset < compactedTo)
    const rules = this.#rules(map)
    let deleteHorizonMs: number | undefined
    for (let left = heads; isSome(left);) {
      const { from, deleteHorizonMs: horizonMs = Infinity } = await this.#clean(left, rules)
      if (horizonMs < (deleteHorizonMs ?? Infinity)) deleteHorizonMs = horizonMs
      left = left.slice(from.length)
    }
    await this.#remember({ compactedTo, deleteHorizonMs, merge: undefined })
    return { bytesBefore: this.#bytesBefore, bytesAfter: this.#bytesAfter }
  }

  /** Notes the last offset of each key since the last pass; resolves with how far the memory reached. */
  async #fill(map: OffsetMap, segments: readonly Segment[]): Promise<number> {
    let reached = this.#progress.compactedTo
    for (const segment of segments) {
      if (segment.endOffset <= reached) continue
      let isFull = false
      await walk(
        segment,
        (batch) => {
          if (isFull || batch.lastOffset < reached) return
          const isFirst = map.size === 0
          isFull = !this.#note(map, batch)
          // A batch that alone has more keys than there is room for is passed over: it stays whole.
          if (!isFull || isFirst) reached = batch.lastOffset + 1
        },
        async () => this.#options.signal.throwIfAborted(),
      )
      if (isFull) break
    }
    return reached
  }

  /** Whether the whole batch found room. */
  #note(map: OffsetMap, batch: ScannedBatch): boolean {
    if (isControl(batch) || this.#options.producers.isAborted(batch)) return true
    for (const { key, offset } of recordsOf(batch)) {
      if (key === null) continue
      if (map.isFull) return false
      map.put(key, offset)
    }
    return true
  }

  #rules(map: OffsetMap): BatchRules {
    const { producers, nowMs, config } = this.#options
    return {
      nowMs,
      deleteRetentionMs: config.deleteRetentionMs,
      keeps: ({ key, offset }) => key === null || offset >= (map.get(key) ?? 0),
      verdict: (batch) => {
        if (isControl(batch)) return 'keep'
        return producers.isAborted(batch) ? 'drop' : 'compact'
      },
      keepsHeader: (batch) => producers.isNeeded(batch),
    }
  }

  async #clean(group: readonly [Segment, ...Segment[]], rules: BatchRules): Promise<CleanedFile> {
    const { files, directory, segments, config, signal } = this.#options
    const [first] = group
    const path = join(directory, `${segmentName(first.baseOffset)}.log${cleanedSuffix}`)
    const cleaned = await writeCleaned(files, path, {
      segments: group,
      rules,
      config,
      signal,
    })
    const { from, sizeBytes, isChanged } = cleaned
    assert(sizeBytes > 0, 'a header is left at least')
    this.#bytesBefore += from.reduce((sum, segment) => sum + segment.sizeBytes, 0)
    this.#bytesAfter += sizeBytes
    if (!isChanged && from.length === 1) {
      await files.remove(path)
      return cleaned
    }
    const last = from.at(-1)
    if (last !== undefined && last !== first) {
      const merge: Merge = { from: first.baseOffset, to: last.endOffset }
      await this.#remember({ ...this.#progress, merge })
    }
    if (!(await segments.replace(from, { path, sizeBytes }))) await files.remove(path)
    return cleaned
  }

  async #remember(progress: StoredProgress): Promise<void> {
    await writeProgress(this.#options.files, this.#options.directory, progress)
    this.#progress = progress
  }
}

function isSome(segments: readonly Segment[]): segments is readonly [Segment, ...Segment[]] {
  return segments.length > 0
}

function isControl({ chunk, at }: ScannedBatch): boolean {
  return (attributesAt(chunk, at) & controlBit) !== 0
}

/** None of a batch that cannot be looked into: it stays, and stands for no key. */
function recordsOf({ chunk, at, sizeBytes }: ScannedBatch): readonly KeyedRecord[] {
  if (recordCountAt(chunk, at) === 0) return []
  try {
    return [...keyedRecords(chunk.subarray(at, at + sizeBytes))]
  } catch (error) {
    if (error instanceof DecodeError) return []
    throw error
  }
}
