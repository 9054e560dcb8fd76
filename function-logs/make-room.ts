// Drops a group's oldest chunks until what is to come has room.
import { rm } from 'node:fs/promises'
import { logFileMinBytes, logForeignRestMs } from '../common/log-limits.ts'
import { listChunks, type Chunk } from './group-folder.ts'

export interface Room {
  readonly root: string
  /** What all chunks of the group may take, and what of it is wanted. */
  readonly groupMaxBytes: number
  readonly wantedBytes: number
  /** Who asks: nobody else's newest chunk is dropped while it may still be written to. */
  readonly writer: number
  readonly nowMs: number
}

export async function makeRoom(group: string, room: Room): Promise<void> {
  const chunks = await listChunks(room.root, group)
  let total = chunks.reduce((sum, chunk) => sum + sizeOnDisk(chunk), room.wantedBytes)
  const newest = newestOfWriters(chunks)
  for (const chunk of chunks) {
    if (total <= room.groupMaxBytes) return
    const isAnothers = chunk.writer !== room.writer && newest.has(chunk.file)
    if (isAnothers && room.nowMs - chunk.modifiedMs < logForeignRestMs) continue
    await rm(chunk.path, { force: true })
    total -= sizeOnDisk(chunk)
  }
}

/** Small files would be without end if they counted for their bytes alone. */
export function sizeOnDisk({ sizeBytes }: Chunk): number {
  return Math.max(logFileMinBytes, sizeBytes)
}

/** The last chunk of each process that writes: it may go on in it. */
export function newestOfWriters(chunks: readonly Chunk[]): ReadonlySet<string> {
  const newest = new Map<number, string>()
  for (const { writer, file } of chunks) newest.set(writer, file)
  return new Set(newest.values())
}
