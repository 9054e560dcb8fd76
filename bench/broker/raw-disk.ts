// The raw limit beside the brokers: what one process gets written to one file in large pieces, and how.
import { constants } from 'node:fs'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

/** Megabytes a second, each to a new file, in memory that the file before it has just given back. */
export interface RawDisk {
  /** Through the page cache, not flushed: what an unflushed log could reach. */
  readonly cached: number
  /** The same with a flush always under way beside the writes: what a flushed log could reach. */
  readonly flushed: number
  /** Flushed as well, past the page cache; NaN where the file system has no O_DIRECT. */
  readonly directFlushed: number
}

const pieceBytes = 512 * 1024
const blockBytes = 4096

export async function rawDiskRow(directory: string, bytes: number): Promise<RawDisk> {
  const path = join(directory, 'raw-disk')
  const plain = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC
  const memory = Buffer.allocUnsafeSlow(pieceBytes + blockBytes).fill(7)
  const piece = memory.subarray(0, pieceBytes)
  try {
    const cached = await rate(path, plain, { piece, bytes, flushes: false })
    const flushed = await rate(path, plain, { piece, bytes, flushes: true })
    const aligned = await alignedPiece(path, plain | constants.O_DIRECT, memory)
    const directFlushed =
      aligned === undefined
        ? Number.NaN
        : await rate(path, plain | constants.O_DIRECT, { piece: aligned, bytes, flushes: true })
    return { cached, flushed, directFlushed }
  } finally {
    await rm(path, { force: true })
  }
}

interface Writing {
  readonly piece: Buffer
  readonly bytes: number
  readonly flushes: boolean
}

async function rate(path: string, how: number, writing: Writing): Promise<number> {
  await rm(path, { force: true })
  const file = await open(path, how)
  try {
    const startedMs = performance.now()
    await write(file, writing)
    return Math.round(writing.bytes / 1000 / (performance.now() - startedMs))
  } finally {
    await file.close()
  }
}

async function write(file: FileHandle, { piece, bytes, flushes }: Writing): Promise<void> {
  let flushing: Promise<void> | undefined
  for (let position = 0; position < bytes; position += piece.length) {
    await file.write(piece, 0, piece.length, position)
    if (flushes) flushing ??= file.datasync().finally(() => (flushing = undefined))
  }
  await flushing
  if (flushes) await file.datasync()
}

/** Direct writes want memory at a multiple of the device's block; JavaScript does not tell where a buffer lies. */
async function alignedPiece(
  path: string,
  how: number,
  memory: Buffer,
): Promise<Buffer | undefined> {
  let file: FileHandle
  try {
    file = await open(path, how)
  } catch (error) {
    if (isInvalid(error)) return undefined
    throw error
  }
  try {
    for (let start = 0; start < blockBytes; start += 16) {
      const piece = memory.subarray(start, start + pieceBytes)
      if (await takes(file, piece.subarray(0, blockBytes))) return piece
    }
    return undefined
  } finally {
    await file.close()
  }
}

async function takes(file: FileHandle, block: Buffer): Promise<boolean> {
  try {
    await file.write(block, 0, block.length, 0)
    return true
  } catch (error) {
    if (isInvalid(error)) return false
    throw error
  }
}

function isInvalid(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EINVAL'
}
