// Checks the write-ahead files: which of them count, how far they are whole, and that they go on where segments end.
import { join } from 'node:path'
import { refuses, type CheckReport } from './check-report.ts'
import type { FileSystem } from './file-system.ts'
import type { WalRemains } from './store-recovery.ts'
import { walPath } from './write-ahead-log.ts'

export interface WalToCheck {
  readonly files: FileSystem
  readonly dir: string
  readonly remains: WalRemains
  /** Where the segments of each partition end, by topic id as entries have it. */
  readonly ends: ReadonlyMap<string, readonly number[]>
}

export async function checkWal(
  { files, dir, remains, ends }: WalToCheck,
  report: CheckReport,
  counted: (bytes: number) => void,
): Promise<void> {
  const directory = join(dir, 'wal')
  const next = new Map([...ends].map(([id, offsets]) => [id, [...offsets]]))
  const strangers = new Set<string>()
  let isWhole = true
  for (const file of remains.plan.files) {
    const path = walPath(directory, file.sequence)
    const sizeBytes = (await files.facts(path))?.sizeBytes ?? 0
    if (!isWhole) {
      const problem = 'it comes after a file that is damaged'
      report.damage(path, 0, problem, 'does not get to it')
      continue
    }
    const replayed = await remains.walk(file, ({ topicId, partition, baseOffset }, batches) => {
      const offsets = next.get(topicId)
      const end = offsets?.[partition]
      if (offsets === undefined || end === undefined) {
        strangers.add(topicId)
        return
      }
      const last = batches.at(-1)
      const behind = last === undefined ? baseOffset : last.baseOffset + last.lastOffsetDelta + 1
      if (baseOffset > end) {
        const problem = `it goes on at offset ${baseOffset} of ${topicId}-${partition}, the log ends at ${end}`
        report.damage(path, undefined, problem, refuses)
      }
      offsets[partition] = Math.max(end, behind)
      report.counts.batches += batches.length
    })
    counted(sizeBytes)
    isWhole = file.to === undefined || replayed >= file.to
    if (!isWhole) {
      const problem = `entries up to position ${file.to} had been committed, and none is whole there`
      report.damage(path, replayed, problem, refuses)
    } else if (file.to === undefined && replayed < sizeBytes) {
      const problem = `${sizeBytes - replayed} bytes that are no whole entry: never acknowledged, or of the file's earlier life`
      report.note(path, replayed, problem, 'passes over them')
    }
  }
  const planned = new Set(remains.plan.files.map(({ sequence }) => sequence))
  for (const sequence of remains.plan.present.filter((number) => !planned.has(number))) {
    const problem =
      'no newer file vouches for it: nothing of it was acknowledged, or all is in segments'
    report.note(walPath(directory, sequence), undefined, problem, 'removes it')
  }
  for (const path of remains.plan.spare) {
    report.note(path, undefined, 'it was kept to be written over', 'removes it')
  }
  for (const id of strangers) {
    report.note(
      directory,
      undefined,
      `it has records of topic ${id}, which is gone`,
      'forgets them',
    )
  }
}
