// Compresses as Kafka's clients do: the four codecs, their numbers, and how each frames its bytes.
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { crc32c, recordBatchHeaderBytes } from '../../protocol/record-batch.ts'

export interface TestCodec {
  readonly name: 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** The codec's number in a batch's attributes. */
  readonly number: number
  compress(bytes: Buffer): Buffer
}

export const codecs: readonly TestCodec[] = [
  { name: 'gzip', number: 1, compress: (bytes) => gzipSync(bytes) },
  { name: 'snappy', number: 2, compress: (bytes) => xerial(bytes) },
  { name: 'lz4', number: 3, compress: (bytes) => compressFrameSync(bytes) },
  { name: 'zstd', number: 4, compress: (bytes) => zstdCompressSync(bytes) },
]

/** snappy-java's framing, which Java clients write: raw blocks of at most `blockBytes` before compression. */
export function xerial(bytes: Buffer, blockBytes = 32 * 1024): Buffer {
  const parts: Buffer[] = [Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01', 'latin1')]
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const block = compressSync(bytes.subarray(start, start + blockBytes))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

/** The same batch with its records compressed, its attributes telling so, and a good checksum. */
export function compressed(
  batch: Buffer,
  { number, compress }: Pick<TestCodec, 'number' | 'compress'>,
): Buffer {
  const body = compress(batch.subarray(recordBatchHeaderBytes))
  const packed = Buffer.concat([batch.subarray(0, recordBatchHeaderBytes), body])
  packed.writeInt32BE(packed.length - 12, 8)
  packed.writeInt16BE(number, 21)
  packed.writeUInt32BE(crc32c(packed.subarray(21)), 17)
  return packed
}
