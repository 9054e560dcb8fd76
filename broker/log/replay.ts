// Reads the write-ahead files after a crash: which of them count, and the entries they hold.
import { join } from 'node:path'
import type { FileSystem } from './file-system.ts'
import { isSpareName } from './spare-files.ts'
import { entryHeaderBytes, parseEntry, parseWalHeader, type WalEntry } from './wal-format.ts'
import { walPath, walSequence } from './write-ahead-log.ts'

/** A file to replay: its entries lie before position `to`, or as far as they are whole. */
export interface ReplayFile {
  readonly sequence: number
  /** Absent for the newest file, whose end nobody has written down. */
  readonly to?: number
}

export interface ReplayPlan {
  /** All files there are, to be removed when their entries are safe in segments. */
  readonly present: readonly number[]
  /** Those that count, the oldest first. */
  readonly files: readonly ReplayFile[]
  /** Paths of files that were waiting to be written over. */
  readonly spare: readonly string[]
}

/**
 * The newest file with a whole header decides which older ones count and how far; a file without one never
 * took an entry that was acknowledged.
 */
export async function planReplay(files: FileSystem, directory: string): Promise<ReplayPlan> {
  const names = await files.list(directory)
  const present = names.map(walSequence).filter((sequence) => sequence !== undefined)
  const spare = names.filter(isSpareName).map((name) => join(directory, name))
  for (const sequence of present.toReversed()) {
    const header = parseWalHeader(await files.readFile(walPath(directory, sequence)))
    if (header === undefined || header.sequence !== sequence) continue
    const older = header.older.map((file) => ({ sequence: file.sequence, to: file.validBytes }))
    const counted = older.filter((file) => present.includes(file.sequence))
    return { present, files: [...counted, { sequence }], spare }
  }
  return { present, files: [], spare }
}

/**
 * Calls `visit` for each entry of a file in order, until one is not whole or `visit` says false because
 * its batches are not sound. Resolves with the bytes that were replayed: none where the file is in another life.
 */
export async function replayFile(
  files: FileSystem,
  directory: string,
  file: ReplayFile,
  visit: (entry: WalEntry) => boolean,
): Promise<number> {
  const whole = await files.readFile(walPath(directory, file.sequence))
  const bytes = whole.subarray(0, Math.min(file.to ?? whole.length, whole.length))
  const header = parseWalHeader(bytes)
  if (header?.sequence !== file.sequence) return 0
  const { sizeBytes, entrySeed } = header
  const next = (position: number): WalEntry | undefined => parseEntry(bytes, position, entrySeed)
  let position = sizeBytes
  for (let entry = next(position); entry; entry = next(position)) {
    if (!visit(entry)) break
    position += entryHeaderBytes + entry.batches.length
  }
  return position
}
