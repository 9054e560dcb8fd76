// Reads integers as Avro and protobuf's signed types write them: seven bits a byte, the sign in the lowest.
import { DecodeError } from './decode-error.ts'

/** Seven bytes have 49 bits, which a number holds exactly. */
const plainBytes = 7
const bytesMax = 10

/** A number where it is exact, a bigint beyond; throws DecodeError where the bytes end or are too many for 64 bits. */
export function zigzag(
  bytes: Buffer,
  start: number,
): { readonly value: number | bigint; readonly end: number } {
  let plain = 0
  let factor = 1
  let at = start
  for (; at < start + plainBytes; at++) {
    const byte = byteAt(bytes, at)
    plain += (byte & 0x7f) * factor
    if (byte < 0x80) {
      return { value: plain % 2 === 0 ? plain / 2 : -(plain + 1) / 2, end: at + 1 }
    }
    factor *= 0x80
  }
  let big = BigInt(plain)
  for (; at < start + bytesMax; at++) {
    const byte = byteAt(bytes, at)
    big |= BigInt(byte & 0x7f) << BigInt(7 * (at - start))
    if (byte < 0x80) {
      if (big >= 1n << 64n) break
      const value = (big >> 1n) ^ -(big & 1n)
      const isExact = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
      return { value: isExact ? Number(value) : value, end: at + 1 }
    }
  }
  throw new DecodeError('an integer has more than 64 bits')
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new DecodeError('it ends too early')
  return byte
}
