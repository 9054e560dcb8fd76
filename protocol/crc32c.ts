// Wraps the native CRC-32C (Castagnoli), the checksum of record batches.
import { crc32c as nativeCrc32c } from '@node-rs/crc32'

/** An unsigned 32-bit checksum. */
export function crc32c(bytes: Uint8Array): number {
  return nativeCrc32c(bytes)
}
