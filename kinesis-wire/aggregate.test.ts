// Proves that aggregates come apart into what was put together, and that what is wrong in any way is a plain record.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { isAggregate, putTogether, takeApart, type UserRecord } from './aggregate.ts'

/** An aggregate around a message written by hand. */
const aggregateOf = (message: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('f3899ac2', 'hex'),
    message,
    createHash('md5').update(message).digest(),
  ])
const fromHex = (hex: string): Buffer => aggregateOf(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const partsOf = (records: readonly UserRecord[] | undefined): unknown =>
  records?.map(({ partitionKey, explicitHashKey, data }) => [
    partitionKey,
    explicitHashKey,
    Buffer.from(data).toString(),
  ])

test('an aggregate written by hand comes apart: keys by their index, hash keys where there are some', () => {
  const keys = '0a0161 0a0162 12023432'
  const records = '1a07 0801 1a0378797a 1a07 0800 1000 1a0171'
  expect(partsOf(takeApart(fromHex(keys + records)))).toEqual([
    ['b', undefined, 'xyz'],
    ['a', '42', 'q'],
  ])
})

test('tags and fields that are not known yet are passed over', () => {
  const tag = '2203 0a0174'
  const unknown = '2801 31 0000000000000000 3d 00000000 42 01ff'
  const record = `1a${(2 + 3 + 5 + 16).toString(16)} 0800 1a0171 ${tag} ${unknown}`
  expect(partsOf(takeApart(fromHex(`0a0161 ${record} ${unknown}`)))).toEqual([
    ['a', undefined, 'q'],
  ])
})

test('order in the message does not matter, the last of a repeated value counts', () => {
  expect(partsOf(takeApart(fromHex('1a0a 0800 1a0171 0801 1a0172 0a0161 0a0162')))).toEqual([
    ['b', undefined, 'r'],
  ])
})

test.each([
  ['an index behind the table', '0a0161 1a05 0801 1a0171'],
  ['an index of 64 bits', '0a0161 1a0e 08ffffffffffffffffff01 1a0171'],
  ['a hash key behind the table', '0a0161 1a07 0800 1000 1a0171'],
  ['no key', '0a0161 1a03 1a0171'],
  ['no data', '0a0161 1a02 0800'],
  ['no record', '0a0161'],
  ['a key that is not UTF-8', '0a01ff 1a05 0800 1a0171'],
  ['a length behind its end', '0a0161 1a06 0800 1a0171'],
  ['an inner length behind its end', '0a0161 1a05 0800 1a0271'],
  ['a length that is cut off', '0a0161 1a05 0800 1a0171 0a80'],
  ['a number that does not end', '0a0161 1a05 0800 1a0171 28ffffffffffffffffffff01'],
  ['a group', '0a0161 1a05 0800 1a0171 2b2c'],
  ['field zero', '0a0161 1a05 0800 1a0171 0001'],
])('an aggregate with %s is a plain record', (_, hex) => {
  const bytes = fromHex(hex)
  expect(isAggregate(bytes)).toBe(true)
  expect(takeApart(bytes)).toBeUndefined()
})

test('records are slices of the aggregate', () => {
  const aggregate = putTogether([{ partitionKey: 'a', data: Buffer.from('payload') }])
  expect(takeApart(aggregate)?.[0]?.data.buffer).toBe(aggregate.buffer)
})

test('a key is in an aggregate once', () => {
  const record = { partitionKey: 'a-long-partition-key', data: Buffer.from('x') }
  const one = putTogether([record]).length
  expect(putTogether([record, record]).length).toBe(one + 2 + 2 + 3)
})

test(`what was put together comes apart (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  for (let round = 0; round < 100; round += 1) {
    const records = randomRecords(random)
    expect(partsOf(takeApart(putTogether(records)))).toEqual(partsOf(records))
  }
})

test(`an aggregate that is cut off or has a flipped bit anywhere is a plain record (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  const whole = putTogether(randomRecords(random).slice(0, 5))
  for (let length = 0; length < whole.length; length += 1) {
    expect(takeApart(whole.subarray(0, length))).toBeUndefined()
    const bytes = Buffer.from(whole)
    bytes[length] = (bytes[length] ?? 0) ^ (1 << Math.floor(random() * 8))
    expect(takeApart(bytes)).toBeUndefined()
  }
})

test(`a message with a good checksum may hold anything: it comes apart or does not (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  const message = putTogether(randomRecords(random).slice(0, 4)).subarray(4, -16)
  for (let round = 0; round < 3000; round += 1) {
    const bytes = Buffer.from(message)
    for (let flips = 0; flips < 3; flips += 1) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    }
    const cut = bytes.subarray(0, Math.floor(random() * (bytes.length + 1)))
    for (const records of [takeApart(aggregateOf(bytes)), takeApart(aggregateOf(cut))]) {
      for (const { data } of records ?? []) expect(data.length).toBeLessThan(bytes.length)
    }
  }
})

function randomRecords(random: () => number): readonly UserRecord[] {
  const below = (count: number): number => Math.floor(random() * count)
  return Array.from({ length: 1 + below(200) }, () => ({
    partitionKey: `größe-${below(20)}`,
    explicitHashKey: random() < 0.3 ? String(below(2 ** 40)) : undefined,
    data: Buffer.from(Array.from({ length: below(300) }, () => below(256))),
  }))
}
