// Unpacks the compressed records of a batch, up to a limit.
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { systemCode } from '../common/errors.ts'
import { unpackedBatchMaxBytes } from '../common/limits.ts'
import type { Codec } from './batch-header.ts'
import { DecodeError } from './decode-error.ts'

/** The batch is sound, but its codec is one that is only passed on, not unpacked. */
export class UnsupportedCodecError extends Error {
  readonly codec: Codec

  constructor(codec: Codec) {
    super(`records compressed with ${codec} cannot be unpacked`)
    this.name = 'UnsupportedCodecError'
    this.codec = codec
  }
}

/**
 * Throws UnsupportedCodecError for snappy and lz4, and DecodeError for bytes that do not unpack or
 * unpack to more than the limit.
 */
export function decompress(codec: Codec, bytes: Buffer, maxBytes = unpackedBatchMaxBytes): Buffer {
  if (codec === 'none') return bytes
  const unpack = unpackers[codec]
  if (unpack === undefined) throw new UnsupportedCodecError(codec)
  try {
    return unpack(bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw new DecodeError(`records unpack to more than ${maxBytes} bytes`, 0)
    }
    // zlib's own codes are Z_DATA_ERROR, ZSTD_error_prefix_unknown and the like.
    if (code?.startsWith('Z') === true) {
      throw new DecodeError(`records do not unpack with ${codec} (${code})`, 0)
    }
    throw error
  }
}

type Unpacker = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer

const unpackers: Partial<Record<Codec, Unpacker>> = { gzip: gunzipSync, zstd: zstdDecompressSync }
