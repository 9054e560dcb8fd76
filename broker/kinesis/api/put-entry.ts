// A record to put as requests have it: read in one go where it is sound, and judged by AWS's rules.
import { ApiError, type Reading } from '../../../common/aws/api-error.ts'
import { blob, structure, text, type Member } from '../../../common/aws/members.ts'
import type { Violations } from '../../../common/aws/validation.ts'
import {
  kinesisPartitionKeyMaxLength,
  kinesisRecordMaxBytes,
} from '../../../common/kinesis-limits.ts'
import { hashKeyMax, hashKeyOf } from '../../../kinesis-wire/hash-key.ts'
import { Base64Place } from '../../../protocol/base64-place.ts'
import { base64Bytes } from '../../../protocol/keyed-batch.ts'
import { invalidArgument, type Outcome } from './kinesis-errors.ts'

/** Data stays the Base64 that came: it is decoded where it is written. */
export interface PutEntry {
  readonly data: Uint8Array | string | Base64Place | undefined
  readonly dataBytes: number
  readonly partitionKey: string | undefined
  readonly keyBytes: number
  readonly explicitHashKey: string | undefined
}

const members = { Data: blob, PartitionKey: text, ExplicitHashKey: text } as const
const slowly = structure(members)

type Given = { readonly [Name in keyof typeof members]?: unknown }

export const putEntry: Member<PutEntry> = (value, at) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refusal(value, at)
  }
  const {
    Data: data = null,
    PartitionKey: key = null,
    ExplicitHashKey: hash = null,
  } = value as Given
  const isSound =
    (key === null || typeof key === 'string') && (hash === null || typeof hash === 'string')
  const dataBytes = bytesOf(data)
  if (!isSound || dataBytes === undefined) return refusal(value, at)
  return {
    data: data === null ? undefined : (data as Exclude<PutEntry['data'], undefined>),
    dataBytes,
    partitionKey: key ?? undefined,
    keyBytes: key === null ? 0 : Buffer.byteLength(key),
    explicitHashKey: hash ?? undefined,
  }
}

/** For data whose Base64 turns out to be none. */
export function notBase64(at: string): ApiError<'SerializationException'> {
  const message = `A Blob is not valid Base64 (at '${at}')`
  return new ApiError('SerializationException', message)
}

function bytesOf(data: unknown): number | undefined {
  if (data === null) return 0
  if (data instanceof Uint8Array) return data.length
  return typeof data === 'string' || data instanceof Base64Place ? base64Bytes(data) : undefined
}

/** In the words of the reader of members, which finds something, if only the Base64. */
function refusal(value: unknown, at = ''): Reading<never> {
  const read = slowly(inText(value), at)
  return read instanceof ApiError ? read : notBase64(at)
}

function inText(value: unknown): unknown {
  const { Data: data } = (value ?? {}) as Given
  return data instanceof Base64Place ? { ...(value as Given), Data: data.toString() } : value
}

export function checkEntry(violations: Violations, entry: PutEntry, prefix: string): void {
  const { data, dataBytes, partitionKey, explicitHashKey } = entry
  violations.required(`${prefix}data`, data)
  if (dataBytes > kinesisRecordMaxBytes) dataTooLong(violations, prefix, kinesisRecordMaxBytes)
  violations.length(`${prefix}partitionKey`, partitionKey, [1, kinesisPartitionKeyMaxLength])
  violations.pattern(`${prefix}explicitHashKey`, explicitHashKey, '0|([1-9]\\d{0,38})')
}

/** AWS does not tell data back. */
export function dataTooLong(violations: Violations, prefix: string, mostBytes: number): void {
  const constraint = `Member must have length less than or equal to ${mostBytes}`
  violations.violated(`${prefix}data`, constraint)
}

/** Whether an entry needs no second look: all but a few do not. */
export function isPlain({ data, dataBytes, partitionKey, explicitHashKey }: PutEntry): boolean {
  return (
    data !== undefined &&
    dataBytes <= kinesisRecordMaxBytes &&
    partitionKey !== undefined &&
    partitionKey.length > 0 &&
    partitionKey.length <= kinesisPartitionKeyMaxLength &&
    explicitHashKey === undefined
  )
}

export function hashKeyOfEntry({ partitionKey = '', explicitHashKey }: PutEntry): Outcome<bigint> {
  if (explicitHashKey === undefined) return hashKeyOf(partitionKey)
  const hashKey = BigInt(explicitHashKey)
  if (hashKey <= hashKeyMax) return hashKey
  return invalidArgument(
    'Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. ' +
      `Specified value was ${explicitHashKey}`,
  )
}
