// Tests which records of an aggregate a mapping gets.
import { expect, test } from 'vitest'
import { putTogether } from '../../../kinesis-wire/aggregate.ts'
import { hashKeyOf } from '../../../kinesis-wire/hash-key.ts'
import { placeOf, StreamRecord } from '../../../kinesis-client/stream-record.ts'
import { userRecords } from './user-records.ts'

const record = (data: Buffer) =>
  new StreamRecord({ partitionKey: 'outer', sequenceNumber: '49', arrivalMs: 7 }, placeOf(data))
const part = (partitionKey: string, data: string, explicitHashKey?: string) => ({
  partitionKey,
  data: Buffer.from(data),
  ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
})
const texts = (records: ReturnType<typeof userRecords>): string[] =>
  records.map(({ partitionKey, data }) => `${partitionKey}:${data.toString()}`)

test('a record that is no aggregate is itself, and so is a damaged one', () => {
  const plain = record(Buffer.from('plain'))
  expect(userRecords(plain, undefined)).toEqual([plain])
  const bytes = putTogether([part('a', '1')])
  bytes.writeUInt8(bytes.readUInt8(6) ^ 1, 6)
  expect(userRecords(record(bytes), undefined)).toHaveLength(1)
})

test('the records of an aggregate have its number and time, and their own keys', () => {
  const taken = userRecords(record(putTogether([part('a', '1'), part('b', '2')])), undefined)
  expect(texts(taken)).toEqual(['a:1', 'b:2'])
  expect(taken.map(({ sequenceNumber, arrivalMs }) => [sequenceNumber, arrivalMs])).toEqual([
    ['49', 7],
    ['49', 7],
  ])
})

test('those whose hash is not of the shard are dropped, an explicit one goes before the key’s', () => {
  const range = { start: 0n, end: hashKeyOf('a') }
  const parts = [part('a', '1'), part('b', '2'), part('b', '3', '5'), part('a', '4', 'no number')]
  expect(texts(userRecords(record(putTogether(parts)), range))).toEqual(['a:1', 'b:3', 'a:4'])
})
