// The frame of an index file: its entries, then what of the log they cover, and a checksum of it all.
import { crc32c } from '../../protocol/record-batch.ts'

/*
 * entries | magic u32 | bytes of the log they cover u64 | crc u32 over all before it
 *
 * Kafka's index files end with the entries. Ours are never flushed, so a power cut leaves them in any shape,
 * and what a torn time index says would make retention drop a segment too early.
 */
const magic = 0x4d524931
const trailerBytes = 16

export function sealIndex(entries: Buffer, logBytes: number): Buffer {
  const file = Buffer.allocUnsafe(entries.length + trailerBytes)
  entries.copy(file)
  const at = entries.length
  file.writeUInt32BE(magic, at)
  file.writeBigUInt64BE(BigInt(logBytes), at + 4)
  file.writeUInt32BE(crc32c(file.subarray(0, at + 12)), at + 12)
  return file
}

/**
 * The entries, or undefined where the file is not whole, or covers more of the log than `logBytes`: then
 * it was written for a longer log, the end of which is lost.
 */
export function openIndex(file: Buffer, logBytes: number): Buffer | undefined {
  const at = file.length - trailerBytes
  if (at < 0 || file.readUInt32BE(at) !== magic) return undefined
  if (crc32c(file.subarray(0, at + 12)) !== file.readUInt32BE(at + 12)) return undefined
  return file.readBigUInt64BE(at + 4) <= logBytes ? file.subarray(0, at) : undefined
}
