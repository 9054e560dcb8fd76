// Snappy as Kafka's clients write it: one raw block, or blocks in the framing of snappy-java.
import { createRequire } from 'node:module'
import type * as Snappy from 'snappy'
import { DecodeError } from './decode-error.ts'
import { readUnsignedVarint } from './varint.ts'

/*
 * Java and librdkafka, "xerial framing": magic, version i32, oldest compatible version i32, then blocks of
 * length i32 and a raw block. Others send one raw block. A raw block opens with its unpacked length.
 */
const magic = Buffer.from('\x82SNAPPY\0', 'latin1')
const framingHeaderBytes = magic.length + 8

/** Throws DecodeError for bytes that do not unpack, or unpack to more than `maxBytes`. */
export function unpackSnappy(bytes: Buffer, maxBytes: number): Buffer {
  if (!isFramed(bytes)) return unpackBlock(bytes, maxBytes)
  const blocks: Buffer[] = []
  let left = maxBytes
  for (let position = framingHeaderBytes; position < bytes.length;) {
    const start = position + 4
    if (start > bytes.length) throw new DecodeError('a snappy block has no length', position)
    const end = start + bytes.readUInt32BE(position)
    if (end > bytes.length) throw new DecodeError('a snappy block is cut short', position)
    const block = unpackBlock(bytes.subarray(start, end), left)
    left -= block.length
    blocks.push(block)
    position = end
  }
  return Buffer.concat(blocks)
}

/** snappy-java's block size before compression. */
const blockBytes = 32 * 1024

export function packSnappy(bytes: Buffer): Buffer {
  const header = Buffer.alloc(framingHeaderBytes)
  magic.copy(header)
  header.writeInt32BE(1, magic.length)
  header.writeInt32BE(1, magic.length + 4)
  const parts: Buffer[] = [header]
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const block = load().compressSync(bytes.subarray(start, start + blockBytes))
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

function isFramed(bytes: Buffer): boolean {
  return bytes.length >= framingHeaderBytes && bytes.subarray(0, magic.length).equals(magic)
}

function unpackBlock(block: Buffer, maxBytes: number): Buffer {
  const sizeBytes = readUnsignedVarint({ buffer: block, position: 0, end: block.length })
  if (sizeBytes > maxBytes) throw new DecodeError('records unpack to more than is allowed', 0)
  try {
    const unpacked = load().uncompressSync(block)
    // Texts are returned only to those who ask for them.
    return Buffer.isBuffer(unpacked) ? unpacked : Buffer.from(unpacked)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw new DecodeError(`records do not unpack with snappy (${error.message})`, 0)
  }
}

let loaded: typeof Snappy | undefined

/** A native module, loaded at the first compressed batch: most processes never see one. */
function load(): typeof Snappy {
  return (loaded ??= createRequire(import.meta.url)('snappy') as typeof Snappy)
}
