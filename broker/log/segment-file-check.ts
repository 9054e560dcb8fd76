// Checks one segment's files as they lie on the disk: every batch, and that the indexes say what the log says.
import { frameMaxBytes } from '../../common/limits.ts'
import {
  recordBatchHeaderBytes,
  totalBytesAt,
  validateBatch,
  type BatchInfo,
} from '../../protocol/record-batch.ts'
import { readAt } from './batch-scan.ts'
import { soundBatchBehind } from './damage.ts'
import { isMissing, type FileSystem, type OpenFile } from './file-system.ts'
import { openIndex } from './index-file.ts'
import { SparseIndex } from './sparse-index.ts'

const pieceBytes = 1024 * 1024

/** Bytes that are no sound batch where one is due. */
export interface Flaw {
  readonly position: number
  /** The offset that is due there. */
  readonly offset: number
  readonly reason: string
  /** Where sound batches go on, with a higher offset; absent where they do not. */
  readonly next?: { readonly position: number; readonly baseOffset: number }
}

export interface CheckedSegment {
  readonly flaws: readonly Flaw[]
  /** Behind its last sound batch. */
  readonly endOffset: number
  readonly endPosition: number
  readonly batches: readonly CheckedBatch[]
  readonly maxTimestamp: number
}

interface CheckedBatch {
  readonly baseOffset: number
  readonly position: number
  readonly maxTimestamp: number
}

/** Reads and validates the whole log file; goes on behind a flaw where sound batches do. */
export async function checkSegmentFile(
  files: FileSystem,
  path: string,
  facts: { readonly baseOffset: number; readonly sizeBytes: number },
  progress: (bytes: number) => void,
): Promise<CheckedSegment> {
  const file = await files.open(path, 'read')
  try {
    return await new SegmentWalk(file, facts, progress).walk()
  } finally {
    await file.close()
  }
}

class SegmentWalk {
  readonly #file: OpenFile
  readonly #sizeBytes: number
  readonly #progress: (bytes: number) => void
  readonly #flaws: Flaw[] = []
  readonly #batches: CheckedBatch[] = []
  #position = 0
  #due: number
  #maxTimestamp = -1

  constructor(
    file: OpenFile,
    { baseOffset, sizeBytes }: { readonly baseOffset: number; readonly sizeBytes: number },
    progress: (bytes: number) => void,
  ) {
    this.#file = file
    this.#sizeBytes = sizeBytes
    this.#progress = progress
    this.#due = baseOffset
  }

  async walk(): Promise<CheckedSegment> {
    while (this.#position < this.#sizeBytes) {
      const before = this.#position
      const piece = await this.#readPiece()
      const reason = this.#take(piece)
      if (reason !== undefined && !(await this.#skip(reason))) break
      this.#progress(this.#position - before)
    }
    return {
      flaws: this.#flaws,
      endOffset: this.#due,
      endPosition: this.#position,
      batches: this.#batches,
      maxTimestamp: this.#maxTimestamp,
    }
  }

  /** A megabyte, or one batch where that is larger. */
  async #readPiece(): Promise<Buffer> {
    const left = this.#sizeBytes - this.#position
    const piece = await readAt(this.#file, this.#position, Math.min(pieceBytes, left))
    if (piece.length < recordBatchHeaderBytes) return piece
    const whole = totalBytesAt(piece, 0)
    if (whole <= piece.length || whole > Math.min(left, frameMaxBytes)) return piece
    return readAt(this.#file, this.#position, whole)
  }

  /** Takes all batches that are whole in `piece`; returns why the first is none, where it is none. */
  #take(piece: Buffer): string | undefined {
    let at = 0
    while (at < piece.length) {
      const validation = validateBatch(piece, at, { isStored: true })
      const reason = validation.ok ? this.#misplaced(validation.batch) : validation.reason
      if (!validation.ok || reason !== undefined) {
        this.#position += at
        return at > 0 ? undefined : reason
      }
      this.#add(validation.batch, this.#position + at)
      at += validation.batch.sizeBytes
    }
    this.#position += at
    return undefined
  }

  #misplaced({ baseOffset }: BatchInfo): string | undefined {
    return baseOffset === this.#due
      ? undefined
      : `base offset ${baseOffset} where ${this.#due} is due`
  }

  #add({ baseOffset, lastOffsetDelta, maxTimestamp }: BatchInfo, position: number): void {
    this.#batches.push({ baseOffset, position, maxTimestamp })
    this.#due = baseOffset + lastOffsetDelta + 1
    this.#maxTimestamp = Math.max(this.#maxTimestamp, maxTimestamp)
  }

  /** Notes a flaw; false where nothing sound lies behind it. */
  async #skip(reason: string): Promise<boolean> {
    const position = this.#position
    const range = { from: position + 1, to: this.#sizeBytes }
    const next = await soundBatchBehind(this.#file, range, this.#due + 1)
    this.#flaws.push({
      position,
      offset: this.#due,
      reason,
      ...(next === undefined ? {} : { next }),
    })
    if (next === undefined) return false
    this.#position = next.position
    this.#due = next.baseOffset
    return true
  }
}

/** What is wrong with a segment's index files, by suffix; files that are not there are fine. */
export async function checkIndexFiles(
  files: FileSystem,
  path: string,
  { batches, endPosition, maxTimestamp }: CheckedSegment,
): Promise<
  readonly { readonly suffix: string; readonly problem: string; readonly isWhole: boolean }[]
> {
  const offsets = await readIfThere(files, `${path}.index`)
  const times = await readIfThere(files, `${path}.timeindex`)
  if (offsets === undefined && times === undefined) return []
  const torn = [
    { suffix: 'index', file: offsets },
    { suffix: 'timeindex', file: times },
  ].filter(({ file }) => file === undefined || openIndex(file, endPosition) === undefined)
  if (torn.length > 0 || offsets === undefined || times === undefined) {
    const problem = 'it is not whole, or covers more than the log has'
    return torn.map(({ suffix }) => ({ suffix, problem, isWhole: false }))
  }
  const index = SparseIndex.decode(
    openIndex(offsets, endPosition) ?? offsets,
    openIndex(times, endPosition) ?? times,
    endPosition,
  )
  if (index === undefined) {
    return [{ suffix: 'index', problem: 'its entries are not in order', isWhole: true }]
  }
  const base = batches[0]?.baseOffset ?? 0
  const starts = new Set(batches.map(({ position }) => position))
  const wrong = batches.find(({ baseOffset, position }) => {
    const before = index.positionBefore(baseOffset - base)
    return before > position || !starts.has(before)
  })
  const found = []
  if (wrong !== undefined) {
    const problem = `it does not lead to offset ${wrong.baseOffset}, which lies at ${wrong.position}`
    found.push({ suffix: 'index', problem, isWhole: true })
  }
  if (index.maxTimestamp > maxTimestamp) {
    const problem = `it has timestamp ${index.maxTimestamp}, the log's largest is ${maxTimestamp}`
    found.push({ suffix: 'timeindex', problem, isWhole: true })
  }
  return found
}

async function readIfThere(files: FileSystem, path: string): Promise<Buffer | undefined> {
  try {
    return await files.readFile(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
