// Opens a partition's segments after a stop or a crash: finds where each ends and cuts what is torn.
import { join } from 'node:path'
import { validateBatch } from '../../protocol/record-batch.ts'
import { scanBatches } from './batch-scan.ts'
import { noRecoveryPoint, type RecoveryPoint } from './checkpoint-file.ts'
import { Segment, segmentName, type SegmentFiles } from './segment.ts'
import { ProducerFile } from './producer-file.ts'
import type { ProducerBudget } from './producer-budget.ts'
import { SegmentList } from './segment-list.ts'

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

/**
 * Trusts what lies before `point` and validates everything behind it: headers, checksums and that offsets
 * leave no gap. The first byte that is not part of a sound batch ends the log; what follows is removed.
 * Without a point everything is validated.
 */
export async function recoverPartition(
  shared: Shared,
  directory: string,
  point: RecoveryPoint | undefined,
): Promise<RecoveredPartition> {
  const found = await findSegments(shared, directory)
  const recovery = new Recovery(shared, directory, point)
  for (const [index, segment] of found.entries()) {
    await recovery.take(segment, found[index + 1]?.baseOffset)
  }
  const segments = recovery.finish()
  const producers = await ProducerFile.open(shared, directory, { segments, point })
  return { segments, producers, repairs: recovery.repairs }
}

class Recovery {
  readonly repairs: string[] = []
  readonly #shared: Shared
  readonly #directory: string
  readonly #point: RecoveryPoint | undefined
  readonly #segments: Segment[] = []
  #isEnded = false

  constructor(shared: Shared, directory: string, point: RecoveryPoint | undefined) {
    this.#shared = shared
    this.#directory = directory
    this.#point = point
  }

  async take(found: FoundSegment, nextBase: number | undefined): Promise<void> {
    const { baseOffset, sizeBytes, modifiedMs } = found
    const expected = this.#segments.at(-1)?.endOffset ?? baseOffset
    if (this.#isEnded || baseOffset !== expected) {
      this.#isEnded = true
      return this.#remove(baseOffset)
    }
    const end = await this.#findEnd(found, nextBase)
    if (end.position < sizeBytes) await this.#cut(found, end)
    const { offset: endOffset, position, isTrusted } = end
    // After a mere kill the bytes are there, but perhaps in the system's memory alone.
    const facts = { directory: this.#directory, modifiedMs, exists: true, isDirty: !isTrusted }
    const segment = { ...facts, baseOffset, endOffset, sizeBytes: position }
    this.#segments.push(new Segment(this.#shared, segment))
  }

  finish(): SegmentList {
    const startOffset = this.#point?.start ?? 0
    // Where no file is left, all that was below the recovery point had been dropped by retention.
    const end = this.#segments.at(-1)?.endOffset ?? this.#point?.offset ?? 0
    const baseOffset = Math.max(end, startOffset)
    if (this.#segments.length === 0 || end < startOffset) {
      const modifiedMs = this.#shared.clock.now()
      const facts = { directory: this.#directory, baseOffset, endOffset: baseOffset, modifiedMs }
      const fresh = new Segment(this.#shared, {
        ...facts,
        sizeBytes: 0,
        exists: false,
        isDirty: false,
      })
      this.#segments.splice(0, end < startOffset ? this.#segments.length : 0, fresh)
    }
    const flushed = this.#point ?? noRecoveryPoint
    const directory = this.#directory
    return new SegmentList(this.#shared, {
      directory,
      segments: this.#segments,
      startOffset,
      flushed,
    })
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
    // The index may say more than the log that survives; it is made again when it is needed.
    await this.#removeIndex(baseOffset)
    let { offset } = from
    const range = { from: from.position, to: sizeBytes }
    const position = await this.#shared.pool.use(this.#path(baseOffset, 'log'), 'update', (file) =>
      scanBatches(file, range, ({ chunk, at, baseOffset: base, lastOffset }) => {
        if (base !== offset || !validateBatch(chunk, at, { allowControl: true }).ok) return false
        offset = lastOffset + 1
        return true
      }),
    )
    return { offset, position, isTrusted: false }
  }

  async #cut({ baseOffset, sizeBytes }: FoundSegment, end: End): Promise<void> {
    this.#isEnded = true
    const cut = sizeBytes - end.position
    this.repairs.push(`${segmentName(baseOffset)}.log lost ${cut} bytes at offset ${end.offset}`)
    await this.#shared.pool.use(this.#path(baseOffset, 'log'), 'update', async (file) => {
      await file.truncate(end.position)
      await file.sync()
    })
  }

  async #remove(baseOffset: number): Promise<void> {
    this.repairs.push(`${segmentName(baseOffset)}.log lies behind a gap and was removed`)
    await this.#shared.files.remove(this.#path(baseOffset, 'log'))
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

/** The segments that have a log file; an index without one is what a removal left. */
async function findSegments(shared: Shared, directory: string): Promise<readonly FoundSegment[]> {
  const found: FoundSegment[] = []
  const names = await shared.files.list(directory)
  for (const name of names) {
    const [, digits, suffix] = /^(\d{20})\.(log|index|timeindex)$/.exec(name) ?? []
    if (digits === undefined) continue
    if (suffix === 'log') {
      const facts = await shared.files.facts(join(directory, name))
      if (facts !== undefined) found.push({ baseOffset: Number(digits), ...facts })
    } else if (!names.includes(`${digits}.log`)) {
      await shared.files.remove(join(directory, name))
    }
  }
  return found
}
