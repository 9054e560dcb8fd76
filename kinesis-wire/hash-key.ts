// Hash keys of Kinesis: a partition key's MD5 as a number of 128 bits, and ranges that part all of them evenly.
import { hash } from 'node:crypto'

export const hashKeyMax = 2n ** 128n - 1n

/** Both ends belong to it. */
export interface HashKeyRange {
  readonly start: bigint
  readonly end: bigint
}

/** MD5 of the key's UTF-8, big-endian. */
export function hashKeyOf(partitionKey: string): bigint {
  return BigInt(`0x${hash('md5', partitionKey, 'hex')}`)
}

/** Range `index` of `count` that part all hash keys; the last one takes what is left. */
export function uniformRange(index: number, count: number): HashKeyRange {
  const width = (hashKeyMax + 1n) / BigInt(count)
  const start = width * BigInt(index)
  return { start, end: index === count - 1 ? hashKeyMax : start + width - 1n }
}
