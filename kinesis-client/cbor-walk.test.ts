// Tests that the records found in place are those that a reader of CBOR in general finds, and that it is left whatever is unusual.
import { expect, test } from 'vitest'
import { decodeCbor, encodeCbor } from '../kinesis-wire/cbor.ts'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { recordsAnswer, recordsOf, type RecordsAnswer } from './answers.ts'
import { walkAnswer } from './cbor-walk.ts'

const record = (of: object = {}) => ({
  SequenceNumber: '49590338271490256608559692538361571095921575989136588898',
  ApproximateArrivalTimestamp: new Date(1_700_000_001_234),
  Data: new Uint8Array([0, 0xff, 7]),
  PartitionKey: 'ü"',
  ...of,
})
const answer = (records: readonly object[], rest: object = {}): Buffer =>
  Buffer.concat(
    encodeCbor({ Records: records, NextShardIterator: 'next', MillisBehindLatest: 7, ...rest }),
  )
const told = ({ records }: Pick<RecordsAnswer, 'records'>) =>
  records.map(({ partitionKey, sequenceNumber, arrivalMs, data }) => [
    partitionKey,
    sequenceNumber,
    arrivalMs,
    data.toString('hex'),
  ])

function outcome(read: () => RecordsAnswer): unknown {
  try {
    const found = read()
    return { ...found, records: told(found) }
  } catch (error) {
    return String(error)
  }
}

test('an answer is its records and the rest, the data a view of it', () => {
  const bytes = answer([
    record(),
    record({ Data: new Uint8Array(70_000), EncryptionType: 'KMS' }),
    record({ Data: new Uint8Array() }),
    record({ PartitionKey: undefined }),
  ])
  const walked = walkAnswer(bytes)
  if (walked === undefined) throw new Error('it is usual')
  expect(told(walked)).toEqual(told(recordsOf(decodeCbor(bytes))))
  expect(walked.records[0]?.bytes).toBe(bytes)
  expect(walked.records.map(({ partitionKey }) => partitionKey)).toEqual(['ü"', 'ü"', 'ü"', ''])
  expect(walked.rest).toEqual({ NextShardIterator: 'next', MillisBehindLatest: 7 })
})

/** Its time is 2^53 - 1, which is more milliseconds than a Date has. */
const timeless = ((): Buffer => {
  const bytes = answer([record()])
  const at = bytes.indexOf(Buffer.of(0xc1, 0x1b)) + 2
  bytes.writeBigUInt64BE(BigInt(Number.MAX_SAFE_INTEGER), at)
  return bytes
})()

test.each([
  ['a member that is new', answer([record({ Colour: 'red' })])],
  ['a record without a number', answer([record({ SequenceNumber: undefined })])],
  ['a time with a fraction', answer([record({ ApproximateArrivalTimestamp: 1.5 })])],
  ['a time that is none', timeless],
  ['records that are null', Buffer.concat(encodeCbor({ Records: null }))],
  ['a name that objects have', Buffer.concat(encodeCbor(JSON.parse('{"__proto__":1}')))],
  ['something behind it', Buffer.concat([answer([]), Buffer.of(0)])],
  ['no map', Buffer.of(0x01)],
  ['nothing', Buffer.alloc(0)],
])('%s is left to the reader of CBOR in general', (_, bytes) => {
  expect(walkAnswer(bytes)).toBeUndefined()
})

test('what is cut off anywhere is no answer', () => {
  const bytes = answer([record(), record()])
  for (let end = 0; end < bytes.length; end++) {
    expect(walkAnswer(bytes.subarray(0, end))).toBeUndefined()
  }
})

test(`with bits flipped anywhere it finds what the other finds, or nothing (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  const sound = answer([record(), record({ PartitionKey: 'k'.repeat(200) })], {
    ChildShards: [{ ShardId: 'shardId-000000000001' }],
  })
  for (let bit = 0; bit < sound.length * 8; bit++) {
    const bytes = Buffer.from(sound)
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    if (random() < 0.2)
      bytes.writeUInt8(Math.floor(random() * 256), Math.floor(random() * bytes.length))
    const walked = walkAnswer(bytes)
    if (walked === undefined) continue
    const value = decodeCbor(bytes)
    expect(value).not.toHaveProperty('reason')
    expect(outcome(() => recordsAnswer(walked.records, walked.rest))).toEqual(
      outcome(() => recordsOf(value)),
    )
  }
})
