// The LZ4 frame of a Kafka record batch: unpacked block by block and up to a limit, and packed.
import { createRequire } from 'node:module'
import type * as Lz4 from 'lz4-napi'
import { DecodeError } from './decode-error.ts'

/*
 * LZ4 frame format 1.6, little-endian: magic u32, flags u8, block descriptor u8, [content size u64],
 * [dictionary id u32], header checksum u8, blocks of (size u32, bytes, [checksum u32]), end mark 0 u32,
 * [content checksum u32]. Checksums are left alone: the batch's CRC-32C covers all of it.
 */
const magic = 0x184d2204
const versionMask = 0xc0
const version = 0x40
const independentBlocks = 0x20
const blockChecksum = 0x10
const contentSize = 0x08
const dictionaryId = 0x01
/** The high bit of a block's size: its bytes are not compressed. */
const rawBlock = 0x8000_0000
/** Blocks that are not independent refer as far back as this. */
const historyMaxBytes = 64 * 1024

export function packLz4(bytes: Buffer): Buffer {
  return load().compressFrameSync(bytes)
}

/** Throws DecodeError for bytes that do not unpack, or unpack to more than `maxBytes`. */
export function unpackLz4(bytes: Buffer, maxBytes: number): Buffer {
  const { flags, blockMaxBytes, blocksStart } = readFrameHeader(bytes)
  const trailerBytes = (flags & blockChecksum) === 0 ? 0 : 4
  const isLinked = (flags & independentBlocks) === 0
  const blocks: Buffer[] = []
  let history: Buffer = Buffer.alloc(0)
  let left = maxBytes
  for (let position = blocksStart; ;) {
    const start = position + 4
    if (start > bytes.length) throw new DecodeError('an lz4 frame has no end', position)
    const size = bytes.readUInt32LE(position)
    if (size === 0) return Buffer.concat(blocks)
    const end = start + (size & ~rawBlock)
    if (end > bytes.length) throw new DecodeError('an lz4 block is cut short', position)
    const packed = bytes.subarray(start, end)
    const block = (size & rawBlock) === 0 ? unpackBlock(packed, blockMaxBytes, history) : packed
    left -= block.length
    if (left < 0) throw new DecodeError(`records unpack to more than ${maxBytes} bytes`, 0)
    if (isLinked) history = Buffer.concat([history, block]).subarray(-historyMaxBytes)
    blocks.push(block)
    position = end + trailerBytes
  }
}

interface FrameHeader {
  readonly flags: number
  readonly blockMaxBytes: number
  readonly blocksStart: number
}

function readFrameHeader(bytes: Buffer): FrameHeader {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== magic) {
    throw new DecodeError('records are no lz4 frame', 0)
  }
  const flags = bytes.readUInt8(4)
  if ((flags & versionMask) !== version) throw new DecodeError('unknown version of lz4 frame', 4)
  if ((flags & dictionaryId) !== 0) throw new DecodeError('an lz4 frame wants a dictionary', 4)
  // 4 stands for 64 KiB, each further one for four times as much, up to 7 for 4 MiB.
  const blockSize = (bytes.readUInt8(5) >> 4) & 7
  if (blockSize < 4) throw new DecodeError('unknown block size of an lz4 frame', 5)
  return {
    flags,
    blockMaxBytes: 4 ** (blockSize + 4),
    blocksStart: (flags & contentSize) === 0 ? 7 : 15,
  }
}

function unpackBlock(packed: Buffer, blockMaxBytes: number, history: Buffer): Buffer {
  // The library's block is opened by its unpacked size; a size that is too large is only the bound.
  const sized = Buffer.allocUnsafe(4 + packed.length)
  sized.writeUInt32LE(blockMaxBytes, 0)
  packed.copy(sized, 4)
  try {
    return load().uncompressSync(sized, history)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw new DecodeError(`records do not unpack with lz4 (${error.message})`, 0)
  }
}

let loaded: typeof Lz4 | undefined

/** A native module, loaded at the first compressed batch: most processes never see one. */
function load(): typeof Lz4 {
  return (loaded ??= createRequire(import.meta.url)('lz4-napi') as typeof Lz4)
}
