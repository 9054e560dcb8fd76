// Sequence numbers of Kinesis: they order the records of a shard, and say which shard and offset they are of.
import { SequenceDigits } from './sequence-digits.ts'

/** Offsets, indexes and seconds since the epoch. */
export interface SequenceNumberParts {
  readonly shardIndex: number
  /** -1 stands for what is before all records. */
  readonly offset: number
  /** When the shard came to be. */
  readonly shardCreatedSecs: number
  /** When the record arrived. */
  readonly recordSecs: number
}

/*
 * Kinesis, version 2, in hexadecimal: 2 | shardCreatedSecs, 9 digits | the shard index's last digit | offset + 1, 16 |
 * 00 | recordSecs, 9 | shard index, 8 | 2; written as a decimal number, of 56 digits.
 */
const layout = /^2([0-9a-f]{9})([0-9a-f])([0-9a-f]{16})00([0-9a-f]{9})([0-9a-f]{8})2$/
const hexDigits = 47
const offsetPlace = 16n ** 20n
const recordSecsBits = 36n
/** Of no record: so a number lies behind the record of its offset and before the next. */
const betweenSecs = 16 ** 9 - 1
const secsMax = betweenSecs - 1
/** All of them have as many, as the first digit and the layout say. */
export const sequenceNumberDigits = 56
/** Kinesis: what the sequence number at a shard's end has in place of an offset. */
const endOffset = 2n ** 63n - 1n

/** AWS: 0, or up to 129 digits of which the first is none. */
export const sequenceNumberPattern = '0|([1-9]\\d{0,128})'

type BaseParts = Omit<SequenceNumberParts, 'offset'>

export function encodeSequenceNumber(parts: SequenceNumberParts): string {
  return digitsOf(parts).toString('latin1')
}

/** Writes its 56 digits at `at`. */
export function writeSequenceNumber(parts: SequenceNumberParts, target: Buffer, at: number): void {
  target.set(digitsOf(parts), at)
}

/**
 * Of no record: whoever reads on from it, at it or after it, begins with the record at `offset`, and misses none and gets
 * none twice.
 */
export function encodePosition(parts: Omit<SequenceNumberParts, 'recordSecs'>): string {
  const before = { ...parts, offset: parts.offset - 1, recordSecs: 0 }
  const between = BigInt(encodeSequenceNumber(before)) + (BigInt(betweenSecs) << recordSecsBits)
  return between.toString()
}

/** Where reading begins that is to begin at the number, or after it. */
export function offsetFrom(
  { offset, recordSecs }: SequenceNumberParts,
  type: 'AT_SEQUENCE_NUMBER' | 'AFTER_SEQUENCE_NUMBER',
): number {
  const isBehind = type === 'AFTER_SEQUENCE_NUMBER' || recordSecs === betweenSecs
  return Math.max(0, isBehind ? offset + 1 : offset)
}

/** Of `count` records that follow each other from the one at `offset` on, and arrived at once. */
export function encodeSequenceNumbers(first: SequenceNumberParts, count: number): string[] {
  const texts: string[] = []
  const parts = { ...first }
  for (let left = count; left > 0; left--) {
    texts.push(encodeSequenceNumber(parts))
    parts.offset += 1
  }
  return texts
}

/** Behind all records of a shard. */
export function shardEndSequenceNumber(parts: BaseParts): string {
  return (base(parts) + endOffset * offsetPlace).toString()
}

/** Undefined where the text is not laid out so. The offset of a shard's end is Infinity. */
export function decodeSequenceNumber(text: string): SequenceNumberParts | undefined {
  // 2^188 has 57 digits: what is longer is none, and is not to be made a number of.
  if (!/^[1-9]\d{0,56}$/.test(text)) return undefined
  const hex = BigInt(text).toString(16)
  const [, created = '', digit, offset = '', record = '', shard = ''] = layout.exec(hex) ?? []
  const shardIndex = Number.parseInt(shard, 16)
  if (hex.length !== hexDigits || (shardIndex % 16).toString(16) !== digit) return undefined
  const number = BigInt(`0x${offset}`) - 1n
  const isEnd = number === endOffset - 1n
  const isSafe = number <= BigInt(Number.MAX_SAFE_INTEGER)
  if (!isSafe && !isEnd) return undefined
  return {
    shardIndex,
    offset: isSafe ? Number(number) : Infinity,
    shardCreatedSecs: Number.parseInt(created, 16),
    recordSecs: Number.parseInt(record, 16),
  }
}

/** The last one that was made: what is read or put together mostly follows it, in all but the offset the same. */
const last = new SequenceDigits(sequenceNumberDigits, offsetPlace)
let lastParts: SequenceNumberParts | undefined

/** Until the next one is asked for. */
function digitsOf(parts: SequenceNumberParts): Buffer {
  const { shardIndex, offset, shardCreatedSecs, recordSecs } = parts
  const isNext =
    lastParts !== undefined &&
    offset === lastParts.offset + 1 &&
    recordSecs === lastParts.recordSecs &&
    shardIndex === lastParts.shardIndex &&
    shardCreatedSecs === lastParts.shardCreatedSecs
  if (isNext) last.next()
  else last.set(base(parts) + (BigInt(offset) + 1n) * offsetPlace)
  lastParts = { shardIndex, offset, shardCreatedSecs, recordSecs }
  return last.digits
}

/** With 0 in place of the offset. */
function base({ shardIndex, shardCreatedSecs, recordSecs }: BaseParts): bigint {
  const digit = (shardIndex % 16).toString(16)
  const start = `2${secs(shardCreatedSecs)}${digit}${'0'.repeat(16)}`
  return BigInt(`0x${start}00${secs(recordSecs)}${shardIndex.toString(16).padStart(8, '0')}2`)
}

/** Times that no clock shows become those nearest to them: producers of Kafka may say anything. */
function secs(value: number): string {
  const within = Math.min(Math.max(0, Math.floor(value)), secsMax)
  return within.toString(16).padStart(9, '0')
}
