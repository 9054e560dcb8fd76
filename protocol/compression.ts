// Unpacks the compressed records of a batch, up to a limit, whichever of Kafka's codecs packed them, and packs them.
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { systemCode } from '../common/errors.ts'
import { unpackedBatchMaxBytes } from '../common/limits.ts'
import type { Codec } from './batch-header.ts'
import { DecodeError } from './decode-error.ts'
import { packLz4, unpackLz4 } from './lz4-frame.ts'
import { packSnappy, unpackSnappy } from './snappy-framing.ts'

const unpackers: Record<Codec, (bytes: Buffer, maxBytes: number) => Buffer> = {
  none: (bytes) => bytes,
  gzip: (bytes, maxBytes) => unpackWithZlib(gunzipSync, bytes, maxBytes),
  snappy: unpackSnappy,
  lz4: unpackLz4,
  zstd: (bytes, maxBytes) => unpackWithZlib(zstdDecompressSync, bytes, maxBytes),
}

/** Throws DecodeError for bytes that do not unpack, or unpack to more than the limit. */
export function decompress(codec: Codec, bytes: Buffer, maxBytes = unpackedBatchMaxBytes): Buffer {
  return unpackers[codec](bytes, maxBytes)
}

const packers: Record<Codec, (bytes: Buffer) => Buffer> = {
  none: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  snappy: packSnappy,
  lz4: packLz4,
  zstd: (bytes) => zstdCompressSync(bytes),
}

/** In the framing that Java clients write. */
export function compress(codec: Codec, bytes: Buffer): Buffer {
  return packers[codec](bytes)
}

type Unpack = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer

function unpackWithZlib(unpack: Unpack, bytes: Buffer, maxBytes: number): Buffer {
  try {
    return unpack(bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw new DecodeError(`records unpack to more than ${maxBytes} bytes`, 0)
    }
    // zlib's own codes are Z_DATA_ERROR, ZSTD_error_prefix_unknown and the like.
    if (code?.startsWith('Z') === true) {
      throw new DecodeError(`records do not unpack (${code})`, 0)
    }
    throw error
  }
}
