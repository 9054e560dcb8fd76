// Opens a partition's segments after a stop or a crash: finds where each ends and cuts what is torn.
import { join } from 'node:path'
import { AppError } from '../../common/errors.ts'
import { validateBatch } from '../../protocol/record-batch.ts'
import { scanBatches } from './batch-scan.ts'
import { settleCompaction } from './compaction/progress-file.ts'
import { noRecoveryPoint, type RecoveryPoint } from './checkpoint-file.ts'
import { lossBehind } from './damage.ts'
import type { SegmentFiles } from './segment-facts.ts'
import { Segment, segmentName } from './segment.ts'
import { ProducerFile } from './producer-file.ts'
import type { ProducerBudget } from './producer-budget.ts'
import { SegmentList } from './segment-list.ts'
import type { WalAdvice } from './wal-advice.ts'

export interface RecoveredPartition {
  readonly segments: SegmentList
  readonly producers: ProducerFile
  /** What was cut or removed, in words. */
  readonly repairs: readonly string[]
}

type Shared = SegmentFiles & {
  readonly clock: { now(): number }
  readonly producers: ProducerBudget
}

interface FoundSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly modifiedMs: number
}

/** Where the batch with base offset `offset` begins, or would. */
interface Place {
  readonly offset: number
  readonly position: number
}

/** The end of what is sound in a segment's file. */
interface End extends Place {
  /** Nothing had to be read to know it. */
  readonly isTrusted: boolean
}

/** What recovery has to know besides the files of the partition itself. */
export interface RecoveryAdvice {
  readonly point: RecoveryPoint | undefined
  /**
   * Whether nothing counted that was not flushed, so that a hole before sound batches is not what a
   * crash leaves, but damage.
   */
  readonly isStrict: boolean
  readonly wal: WalAdvice
}

/**
 * Trusts what lies before the recovery point and validates everything behind it: headers, checksums and
 * that offsets leave no gap. Without a point everything is validated. The first byte that is not part of a
 * sound batch ends the log; what follows is removed, where the write-ahead log has it, nothing of it is
 * sound, or it need not have been flushed. Rejects with AppError LOG_CORRUPT where that would remove what is sound, and changes nothing then.
 */
export async function recoverPartition(
  shared: Shared,
  directory: string,
  advice: RecoveryAdvice,
): Promise<RecoveredPartition> {
  const { segments: found, indexed } = await findSegments(shared, directory)
  const recovery = new Recovery(shared, directory, advice)
  for (const [index, segment] of found.entries()) {
    await recovery.take(segment, found.slice(index + 1))
  }
  const segments = await recovery.finish()
  const { point } = advice
  const producers = await ProducerFile.open(shared, directory, { segments, indexed, point })
  return { segments, producers, repairs: recovery.repairs }
}

class Recovery {
  readonly repairs: string[] = []
  readonly #shared: Shared
  readonly #directory: string
  readonly #advice: RecoveryAdvice
  readonly #point: RecoveryPoint | undefined
  readonly #segments: Segment[] = []
  #isEnded = false
  #hasRemoved = false

  constructor(shared: Shared, directory: string, advice: RecoveryAdvice) {
    this.#shared = shared
    this.#directory = directory
    this.#advice = advice
    this.#point = advice.point
  }

  async take(found: FoundSegment, behind: readonly FoundSegment[]): Promise<void> {
    const { baseOffset, sizeBytes, modifiedMs } = found
    // A compaction that was cut short leaves segments whose offsets the one before has taken over.
    const isMerged = baseOffset < (this.#segments.at(-1)?.endOffset ?? 0)
    if (!this.#isEnded && isMerged) return this.#remove(baseOffset, 'was merged')
    if (this.#isEnded || (await this.#liesBehindGap(found, behind))) {
      this.#isEnded = true
      return this.#remove(baseOffset, 'lies behind a gap')
    }
    const end = await this.#findEnd(found, behind[0]?.baseOffset)
    if (end.position < sizeBytes) await this.#cut(found, end, behind)
    const { offset: endOffset, position, isTrusted } = end
    // After a mere kill the bytes are there, but perhaps in memory alone, where a flush that failed has left them.
    const isDirty = !isTrusted
    const isForgotten = isDirty
    const facts = { directory: this.#directory, modifiedMs, exists: true, isDirty, isForgotten }
    const segment = { ...facts, baseOffset, endOffset, sizeBytes: position }
    this.#segments.push(new Segment(this.#shared, segment))
  }

  async finish(): Promise<SegmentList> {
    // A name that came back after the next power cut would bring what was never acknowledged in place of what was.
    if (this.#hasRemoved) await this.#shared.files.syncDirectory(this.#directory)
    if (this.#segments.length === 0) {
      // Where no file is left, all below the recovery point was dropped, and the rest comes from the
      // write-ahead log.
      const baseOffset = this.#point?.offset ?? 0
      const modifiedMs = this.#shared.clock.now()
      const facts = { directory: this.#directory, baseOffset, endOffset: baseOffset, modifiedMs }
      const empty = { ...facts, sizeBytes: 0, exists: false, isDirty: false }
      this.#segments.push(new Segment(this.#shared, empty))
    }
    return new SegmentList(this.#shared, {
      directory: this.#directory,
      segments: this.#segments,
      startOffset: this.#point?.start ?? 0,
      flushed: this.#point ?? noRecoveryPoint,
    })
  }

  /**
   * Names reach the disk in any order: a segment may be there and the one before it, made earlier, not.
   * Retention leaves no gap, so where the write-ahead log does not fill one it is damage; before the first
   * segment it is what retention dropped.
   */
  async #liesBehindGap(found: FoundSegment, behind: readonly FoundSegment[]): Promise<boolean> {
    const { baseOffset } = found
    const { isStrict, wal } = this.#advice
    const before = this.#segments.at(-1)
    const expected = before?.endOffset ?? this.#point?.offset ?? 0
    if (before === undefined && baseOffset <= expected) return false
    if (baseOffset === expected) return false
    // What was written straight to segments is in them alone.
    if (before === undefined)
      return (await wal.end(expected)) >= (await this.#endOf([found, ...behind]))
    if (!isStrict || (await wal.covers(expected))) return true
    const bytes = behind.reduce((sum, { sizeBytes }) => sum + sizeBytes, found.sizeBytes)
    if (await wal.mayLack(expected, bytes)) return true
    const reason = `it begins at offset ${baseOffset}, and the log before it ends at ${expected}`
    throw new AppError('LOG_CORRUPT', { file: this.#path(baseOffset, 'log'), position: 0, reason })
  }

  /** The offset at which segments end that follow each other, as far as they are sound. */
  async #endOf(segments: readonly FoundSegment[]): Promise<number> {
    let end = segments[0]?.baseOffset ?? 0
    for (const segment of segments) {
      if (segment.baseOffset !== end) break
      end = (await this.#scan(segment, { offset: end, position: 0 })).offset
    }
    return end
  }

  async #findEnd(found: FoundSegment, nextBase: number | undefined): Promise<End> {
    const { baseOffset, sizeBytes } = found
    const point = this.#point
    if (point !== undefined && baseOffset < point.segment && nextBase !== undefined) {
      return { offset: nextBase, position: sizeBytes, isTrusted: true }
    }
    const fromBase = { offset: baseOffset, position: 0 }
    if (point?.segment !== baseOffset) return this.#scan(found, fromBase)
    if (sizeBytes >= point.position) return this.#scan(found, point)
    this.repairs.push(
      `${segmentName(baseOffset)}.log has ${sizeBytes} bytes where ${point.position} had been flushed`,
    )
    return this.#scan(found, fromBase)
  }

  async #scan({ baseOffset, sizeBytes }: FoundSegment, from: Place): Promise<End> {
    if (from.position === sizeBytes) {
      // The name of an empty file may be as little flushed as what was to be written to it.
      return { ...from, isTrusted: sizeBytes > 0 && this.#point?.segment === baseOffset }
    }
    let { offset } = from
    const range = { from: from.position, to: sizeBytes }
    const position = await this.#shared.pool.use(this.#path(baseOffset, 'log'), 'update', (file) =>
      scanBatches(file, range, ({ chunk, at, baseOffset: base, lastOffset }) => {
        if (base !== offset || !validateBatch(chunk, at, { isStored: true }).ok) return false
        offset = lastOffset + 1
        return true
      }),
    )
    return { offset, position, isTrusted: false }
  }

  async #cut(found: FoundSegment, end: End, behind: readonly FoundSegment[]): Promise<void> {
    const { baseOffset, sizeBytes } = found
    await this.#mayCut(found, end, behind)
    this.#isEnded = true
    await this.#removeIndex(baseOffset)
    const cut = sizeBytes - end.position
    this.repairs.push(`${segmentName(baseOffset)}.log lost ${cut} bytes at offset ${end.offset}`)
    await this.#shared.pool.use(this.#path(baseOffset, 'log'), 'update', async (file) => {
      await file.truncate(end.position)
      await file.sync()
    })
  }

  async #mayCut(found: FoundSegment, end: End, behind: readonly FoundSegment[]): Promise<void> {
    const { isStrict, wal } = this.#advice
    if (!isStrict) return
    const file = this.#path(found.baseOffset, 'log')
    const hole = { offset: end.offset, from: end.position, to: found.sizeBytes }
    const loss = await this.#shared.pool.use(file, 'update', (open) =>
      lossBehind(open, hole, behind, wal),
    )
    if (loss === undefined || (await wal.mayLack(end.offset, loss.bytes))) return
    const reason = `offset ${end.offset} should lie there, and the log goes on at ${loss.baseOffset} behind it`
    throw new AppError('LOG_CORRUPT', { file, position: end.position, reason })
  }

  async #remove(baseOffset: number, why: string): Promise<void> {
    this.repairs.push(`${segmentName(baseOffset)}.log ${why} and was removed`)
    this.#hasRemoved = true
    // It may have been scanned: a new file of that name is another one.
    this.#shared.pool.forget(this.#path(baseOffset, 'log'))
    await this.#shared.files.remove(this.#path(baseOffset, 'log'))
    await this.#shared.files.remove(this.#path(baseOffset, 'txnindex'))
    await this.#removeIndex(baseOffset)
  }

  async #removeIndex(baseOffset: number): Promise<void> {
    await this.#shared.files.remove(this.#path(baseOffset, 'index'))
    await this.#shared.files.remove(this.#path(baseOffset, 'timeindex'))
  }

  #path(baseOffset: number, suffix: string): string {
    return join(this.#directory, `${segmentName(baseOffset)}.${suffix}`)
  }
}

/** Files of a partition that are of segments. */
interface FoundFiles {
  readonly segments: readonly FoundSegment[]
  /** Base offsets of those with an index of aborted transactions. */
  readonly indexed: readonly number[]
}

/** The segments that have a log file; an index without one is what a removal left. */
async function findSegments(shared: Shared, directory: string): Promise<FoundFiles> {
  const segments: FoundSegment[] = []
  const indexed: number[] = []
  const listed = await shared.files.list(directory)
  const names = await settleCompaction(shared.files, directory, listed)
  for (const name of names) {
    const [, digits, suffix] = /^(\d{20})\.(log|index|timeindex|txnindex)$/.exec(name) ?? []
    if (digits === undefined) continue
    if (suffix === 'log') {
      const facts = await shared.files.facts(join(directory, name))
      if (facts !== undefined) segments.push({ baseOffset: Number(digits), ...facts })
    } else if (!names.includes(`${digits}.log`)) {
      await shared.files.remove(join(directory, name))
    } else if (suffix === 'txnindex') {
      indexed.push(Number(digits))
    }
  }
  return { segments, indexed }
}
