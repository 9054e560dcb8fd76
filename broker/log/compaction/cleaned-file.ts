// Writes what compaction leaves of some segments to one new file.
import {
  compactBatch,
  DecodeError,
  emptiedBatch,
  emptyBatch,
  type CompactedBatch,
  type CompactionRules,
} from '../../../protocol/record-batch.ts'
import type { ScannedBatch } from '../batch-scan.ts'
import type { FileSystem, OpenFile } from '../file-system.ts'
import type { Segment } from '../segment.ts'
import { walk } from './walk.ts'
import { fitsBehind, type CompactionConfig } from './plan.ts'

export interface BatchRules extends CompactionRules {
  /** `keep`: left as it is; `drop`: none of its records counts; `compact`: record by record. */
  verdict(batch: ScannedBatch): 'keep' | 'drop' | 'compact'
  /** Whether its header has to stay although no record is left of it. */
  keepsHeader(batch: ScannedBatch): boolean
}

export interface CleanedFile {
  /** Those whose records are in the file. */
  readonly from: readonly [Segment, ...Segment[]]
  readonly sizeBytes: number
  /** When the first tombstone in it may go; undefined where it has none. */
  readonly deleteHorizonMs: number | undefined
  /** Whether anything is other than it was. */
  readonly isChanged: boolean
}

/**
 * Takes the first of `segments`, and as many behind it as make one segment together. Flushed when it resolves.
 * Rejects with AppError STORAGE_FAILED; the file is then of no use.
 */
export async function writeCleaned(
  files: FileSystem,
  path: string,
  { segments, rules, config, signal }: WorkToDo,
): Promise<CleanedFile> {
  const [first, ...others] = segments
  const from: [Segment, ...Segment[]] = [first]
  const file = await files.open(path, 'create')
  try {
    const writer = new CleanedWriter(file, rules, signal)
    await writer.copy(first)
    for (const other of others) {
      const before = { baseOffset: first.baseOffset, sizeBytes: writer.sizeBytes }
      if (!fitsBehind(before, other, config)) break
      await writer.copy(other)
      from.push(other)
    }
    return { from, ...(await writer.finish()) }
  } finally {
    await file.close()
  }
}

interface WorkToDo {
  readonly segments: readonly [Segment, ...Segment[]]
  readonly rules: BatchRules
  readonly config: CompactionConfig
  readonly signal: AbortSignal
}

/**
 * Invariant: what was taken is written without a gap between offsets. Where batches lost all of their
 * records, one header stands for a run of them.
 */
class CleanedWriter {
  readonly #file: OpenFile
  readonly #rules: BatchRules
  readonly #signal: AbortSignal
  #gathered: Buffer[] = []
  #sizeBytes = 0
  #isChanged = false
  #deleteHorizonMs: number | undefined
  /** Offsets that nothing is left of, and that no header stands for yet. */
  #empty: { readonly from: number; to: number; batches: number } | undefined

  constructor(file: OpenFile, rules: BatchRules, signal: AbortSignal) {
    this.#file = file
    this.#rules = rules
    this.#signal = signal
  }

  /** Of what is written or about to be. */
  get sizeBytes(): number {
    return this.#sizeBytes + (this.#empty === undefined ? 0 : emptyBatchBytes)
  }

  /** Others get their turn in between. */
  copy(segment: Segment): Promise<void> {
    return walk(
      segment,
      (batch) => this.#take(batch),
      () => this.#write(),
    )
  }

  #take(batch: ScannedBatch): void {
    const bytes = batch.chunk.subarray(batch.at, batch.at + batch.sizeBytes)
    const verdict = this.#rules.verdict(batch)
    const left = verdict === 'keep' ? undefined : this.#compact(bytes, verdict)
    if (left?.records === 0 && !this.#rules.keepsHeader(batch)) {
      this.#skip(batch)
      return
    }
    this.#endSkipping()
    if (left !== undefined && left.bytes !== bytes) this.#isChanged = true
    const horizonMs = left?.deleteHorizonMs
    if (horizonMs !== undefined) {
      this.#deleteHorizonMs = Math.min(horizonMs, this.#deleteHorizonMs ?? Infinity)
    }
    // The chunk is the scan's own for this step alone, but it is not written to again.
    this.#gathered.push(left?.bytes ?? bytes)
  }

  async #write(): Promise<void> {
    this.#signal.throwIfAborted()
    const buffers = this.#gathered
    if (buffers.length === 0) return
    this.#gathered = []
    await this.#file.write(buffers, this.#sizeBytes)
    for (const { length } of buffers) this.#sizeBytes += length
  }

  async finish(): Promise<Omit<CleanedFile, 'from'>> {
    this.#endSkipping()
    await this.#write()
    await this.#file.sync()
    return {
      sizeBytes: this.#sizeBytes,
      deleteHorizonMs: this.#deleteHorizonMs,
      isChanged: this.#isChanged,
    }
  }

  /** Undefined where the records cannot be looked into: then they stay. */
  #compact(bytes: Buffer, verdict: 'drop' | 'compact'): CompactedBatch | undefined {
    if (verdict === 'drop') return emptiedBatch(bytes)
    try {
      return compactBatch(bytes, this.#rules)
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }

  #skip({ baseOffset, lastOffset, sizeBytes }: ScannedBatch): void {
    if (this.#empty !== undefined && lastOffset - this.#empty.from >= 2 ** 31) this.#endSkipping()
    const isHeader = sizeBytes === emptyBatchBytes
    this.#empty ??= { from: baseOffset, to: lastOffset, batches: 0 }
    this.#empty.to = lastOffset
    this.#empty.batches += 1
    // A lone header that was there before is no change; everything else is.
    if (!isHeader || this.#empty.batches > 1) this.#isChanged = true
  }

  #endSkipping(): void {
    if (this.#empty === undefined) return
    this.#gathered.push(emptyBatch(this.#empty.from, this.#empty.to))
    this.#empty = undefined
  }
}

const emptyBatchBytes = emptyBatch(0, 0).length
