// What a partition's compaction remembers on disk, and how a start finishes a merge that a crash cut short.
import { join } from 'node:path'
import { scanBatches } from '../batch-scan.ts'
import { isMissing, replaceFile, type FileSystem } from '../file-system.ts'
import { segmentName } from '../segment.ts'
import type { CompactionProgress } from './plan.ts'

/** Offsets that one segment takes over from several: `from` is its base, `to` where it ends. */
export interface Merge {
  readonly from: number
  readonly to: number
}

export interface StoredProgress extends CompactionProgress {
  readonly merge: Merge | undefined
}

export const noProgress: StoredProgress = {
  compactedTo: 0,
  deleteHorizonMs: undefined,
  merge: undefined,
}

export const progressFileName = 'compaction.json'
/** A cleaned segment until it takes the place of the old one. */
export const cleanedSuffix = '.cleaned'

/** Nothing where there is no such file, or none that can be understood: then all is to be compacted again. */
export async function readProgress(files: FileSystem, directory: string): Promise<StoredProgress> {
  try {
    return parse((await files.readFile(join(directory, progressFileName))).toString())
  } catch (error) {
    if (isMissing(error)) return noProgress
    throw error
  }
}

/** Durable when it resolves. */
export function writeProgress(
  files: FileSystem,
  directory: string,
  { compactedTo, deleteHorizonMs, merge }: StoredProgress,
): Promise<void> {
  const value = { version: 1, compactedTo, deleteHorizonMs, merge }
  return replaceFile(files, join(directory, progressFileName), Buffer.from(JSON.stringify(value)))
}

/**
 * Removes what an interrupted compaction left: unfinished files, and segments whose offsets are in the merged
 * one already. Whether they are is read from that segment itself: it takes its place in one step, whole or not at
 * all. `names` are those of the directory; resolves with the ones that are left.
 */
export async function settleCompaction(
  files: FileSystem,
  directory: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const needless = names.filter((name) => name.endsWith(cleanedSuffix))
  const { merge } = names.includes(progressFileName)
    ? await readProgress(files, directory)
    : noProgress
  const merged = merge === undefined ? [] : names.filter((name) => isBetween(name, merge))
  if (merge !== undefined && merged.length > 0) {
    const end = await endOffset(files, join(directory, `${segmentName(merge.from)}.log`))
    if (end >= merge.to) needless.push(...merged)
  }
  for (const name of needless) await files.remove(join(directory, name))
  return names.filter((name) => !needless.includes(name))
}

function isBetween(name: string, { from, to }: Merge): boolean {
  const [, digits] = /^(\d{20})\.(?:log|index|timeindex|txnindex)$/.exec(name) ?? []
  return digits !== undefined && Number(digits) > from && Number(digits) < to
}

async function endOffset(files: FileSystem, path: string): Promise<number> {
  const facts = await files.facts(path)
  if (facts === undefined) return -1
  const file = await files.open(path, 'update')
  try {
    let end = -1
    await scanBatches(file, { from: 0, to: facts.sizeBytes }, ({ lastOffset }) => {
      end = lastOffset + 1
      return true
    })
    return end
  } finally {
    await file.close()
  }
}

function parse(text: string): StoredProgress {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return noProgress
    throw error
  }
  if (!isObject(value) || value['version'] !== 1 || !isOffset(value['compactedTo']))
    return noProgress
  const { compactedTo, deleteHorizonMs, merge } = value
  return {
    compactedTo,
    deleteHorizonMs: isOffset(deleteHorizonMs) ? deleteHorizonMs : undefined,
    merge: parseMerge(merge),
  }
}

function parseMerge(value: unknown): Merge | undefined {
  if (!isObject(value)) return undefined
  const { from, to } = value
  return isOffset(from) && isOffset(to) ? { from, to } : undefined
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
