// Wraps the native CRC-32C (Castagnoli), the checksum of record batches.
import { crc32c as nativeCrc32c } from '@node-rs/crc32'

/** An unsigned 32-bit checksum; `before` is that of what precedes the bytes. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  return nativeCrc32c(bytes, before)
}
