// Checks the files of one partition against each other and against what is known to be flushed.
import { join } from 'node:path'
import type { RecoveryPoint } from './checkpoint-file.ts'
import { cleanedSuffix, progressFileName } from './compaction/progress-file.ts'
import { refuses, type CheckReport } from './check-report.ts'
import { lossBehind, type Hole, type Loss } from './damage.ts'
import type { FileSystem } from './file-system.ts'
import { parseSnapshot } from './producer-snapshot.ts'
import { segmentName } from './segment.ts'
import type { WalAdvice } from './wal-advice.ts'
import { checkIndexFiles, checkSegmentFile, type Flaw } from './segment-file-check.ts'

export interface PartitionFiles {
  readonly directory: string
  readonly point: RecoveryPoint | undefined
  readonly wal: WalAdvice
}

interface FoundSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
}

const removesUnflushed =
  'removes it and what follows: so close to the end it need not have been flushed'
const unreadable = 'does not look there; what is damaged is answered KAFKA_STORAGE_ERROR'

/** Resolves with the offset at which its segments end, for the write-ahead log to go on from. */
export async function checkPartitionFiles(
  files: FileSystem,
  partition: PartitionFiles,
  report: CheckReport,
  counted: (bytes: number) => void,
): Promise<number> {
  const check = new PartitionCheck(files, partition, report, counted)
  return check.run()
}

class PartitionCheck {
  readonly #files: FileSystem
  readonly #partition: PartitionFiles
  readonly #report: CheckReport
  readonly #counted: (bytes: number) => void
  /** Where the segments so far end; undefined before the first. */
  #end: number | undefined
  /** A start removes what lies behind: the write-ahead log has it. */
  #isEnded = false

  constructor(
    files: FileSystem,
    partition: PartitionFiles,
    report: CheckReport,
    counted: (bytes: number) => void,
  ) {
    this.#files = files
    this.#partition = partition
    this.#report = report
    this.#counted = counted
  }

  async run(): Promise<number> {
    const { directory, point } = this.#partition
    const names = await this.#files.list(directory)
    const bases = names.flatMap((name) =>
      /^\d{20}\.log$/.test(name) ? Number(name.slice(0, 20)) : [],
    )
    const segments: FoundSegment[] = []
    for (const baseOffset of bases) {
      segments.push({ baseOffset, sizeBytes: await this.#sizeOf(baseOffset) })
    }
    for (const [index, segment] of segments.entries()) {
      await this.#segment(segment, segments.slice(index + 1))
    }
    this.#strangers(names)
    await this.#snapshot(names)
    const end = this.#end ?? point?.offset ?? 0
    if (point !== undefined && end < point.offset && !(await this.#partition.wal.covers(end))) {
      const problem = `its segments end at offset ${end}, up to ${point.offset} had been flushed`
      this.#report.damage(directory, undefined, problem, `goes on at offset ${end}`)
    }
    return end
  }

  async #sizeOf(baseOffset: number): Promise<number> {
    const log = join(this.#partition.directory, `${segmentName(baseOffset)}.log`)
    return (await this.#files.facts(log))?.sizeBytes ?? 0
  }

  async #segment(found: FoundSegment, behind: readonly FoundSegment[]): Promise<void> {
    const { baseOffset } = found
    const path = join(this.#partition.directory, segmentName(baseOffset))
    const log = `${path}.log`
    const checked = await checkSegmentFile(this.#files, log, found, this.#counted)
    await this.#gapBefore(log, { ...found, endOffset: checked.endOffset }, behind)
    this.#report.counts.segments += 1
    this.#report.counts.batches += checked.batches.length
    for (const flaw of checked.flaws) await this.#flaw(log, found, flaw, behind)
    this.#end = checked.endOffset
    for (const { suffix, problem, isWhole } of await checkIndexFiles(this.#files, path, checked)) {
      const file = `${path}.${suffix}`
      const start = 'makes it again from the log when it is needed'
      if (isWhole) this.#report.damage(file, undefined, problem, 'believes it until a read fails')
      else this.#report.note(file, undefined, problem, start)
    }
  }

  async #gapBefore(
    log: string,
    { baseOffset, endOffset, sizeBytes }: FoundSegment & { readonly endOffset: number },
    behind: readonly FoundSegment[],
  ): Promise<void> {
    const { point, wal } = this.#partition
    const expected = this.#end ?? point?.offset ?? 0
    const isFirst = this.#end === undefined
    if (this.#isEnded || baseOffset === expected || (isFirst && baseOffset < expected)) return
    if (baseOffset < expected) {
      const problem = `its offsets are in the segment before it, which ends at ${expected}`
      this.#report.note(log, 0, problem, 'removes it: a compaction was cut short')
    } else if (isFirst ? (await wal.end(expected)) >= endOffset : await wal.covers(expected)) {
      const problem = `it begins at offset ${baseOffset}, ${expected} is due`
      this.#isEnded = true
      const start = 'removes it and takes its records from the write-ahead log'
      this.#report.note(log, 0, problem, start)
    } else if (!isFirst) {
      const problem = `it begins at offset ${baseOffset}, the segments before it end at ${expected}`
      const isTrusted = point !== undefined && baseOffset <= point.segment
      const bytes = behind.reduce((sum, segment) => sum + segment.sizeBytes, sizeBytes)
      this.#isEnded = !isTrusted && (await wal.mayLack(expected, bytes))
      if (this.#isEnded) this.#report.note(log, 0, problem, removesUnflushed)
      else this.#report.damage(log, 0, problem, isTrusted ? unreadable : refuses)
    }
  }

  async #flaw(
    log: string,
    { baseOffset, sizeBytes }: FoundSegment,
    flaw: Flaw,
    behind: readonly FoundSegment[],
  ): Promise<void> {
    const { point, wal } = this.#partition
    const { position, offset, reason, next } = flaw
    const until =
      next === undefined
        ? ''
        : `; sound batches go on at ${next.position}, offset ${next.baseOffset}`
    const problem = `offset ${offset} is due and no sound batch lies there: ${reason}${until}`
    if (this.#isEnded) return
    const isTrusted =
      point !== undefined &&
      (baseOffset < point.segment || (baseOffset === point.segment && position < point.position))
    if (isTrusted) return this.#report.damage(log, position, problem, unreadable)
    const loss = await this.#lossBehind(log, { offset, from: position, to: sizeBytes }, behind)
    this.#isEnded = loss === undefined || (await wal.mayLack(offset, loss.bytes))
    if (!this.#isEnded) return this.#report.damage(log, position, problem, refuses)
    if (await wal.covers(offset)) {
      const start = 'cuts it there and takes the rest from the write-ahead log'
      return this.#report.note(log, position, problem, start)
    }
    if (loss !== undefined) return this.#report.note(log, position, problem, removesUnflushed)
    const start = `cuts it there; the log goes on at offset ${offset}`
    this.#report.damage(log, position, problem, start)
  }

  async #lossBehind(
    log: string,
    hole: Hole,
    behind: readonly FoundSegment[],
  ): Promise<Loss | undefined> {
    const file = await this.#files.open(log, 'read')
    try {
      return await lossBehind(file, hole, behind, this.#partition.wal)
    } finally {
      await file.close()
    }
  }

  #strangers(names: readonly string[]): void {
    for (const name of names) {
      const [, digits, suffix] = /^(\d{20})\.(log|index|timeindex|txnindex)$/.exec(name) ?? []
      const path = join(this.#partition.directory, name)
      if (digits === undefined) {
        if (name === 'producers.snapshot' || name === progressFileName) continue
        if (name.endsWith(cleanedSuffix)) {
          this.#report.note(path, undefined, 'a compaction that was cut short', 'removes it')
          continue
        }
        this.#report.note(path, undefined, 'it is no file of a partition', 'leaves it')
      } else if (suffix !== 'log' && !names.includes(`${digits}.log`)) {
        this.#report.note(path, undefined, 'its segment is gone', 'removes it')
      }
    }
  }

  async #snapshot(names: readonly string[]): Promise<void> {
    if (!names.includes('producers.snapshot')) return
    const path = join(this.#partition.directory, 'producers.snapshot')
    if (parseSnapshot(await this.#files.readFile(path)) !== undefined) return
    this.#report.note(path, 0, 'it is not whole', 'reads the producers from the log')
  }
}
