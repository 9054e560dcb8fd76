// Tests that batches written straight into memory are those that the general encoder makes.
import { expect, test } from 'vitest'
import { base64Bytes, encodeKeyedBatch } from './keyed-batch.ts'
import { encodeBatch } from './record-batch.ts'

const timestamp = 1_764_000_000_000
const key = 'Reifen-ä'
const keyBytes = Buffer.byteLength(key)

test.each([0, 1, 63, 64, 1000])('a value of %i bytes lies as in a batch of the encoder', (size) => {
  const value = Buffer.alloc(size, 'telemetry')
  const encoded = encodeKeyedBatch(
    [
      { key, keyBytes, value, valueBytes: size },
      { key: null, keyBytes: 0, value: value.toString('base64'), valueBytes: size },
    ],
    timestamp,
  )
  const records = [
    { key: Buffer.from(key), value, timestamp },
    { key: null, value, timestamp },
  ]
  expect(encoded).toEqual(encodeBatch({ records }))
})

test('positions beyond 63 and a batch of many are as well', () => {
  const records = Array.from({ length: 200 }, (_, i) => ({
    key: Buffer.from(`${i}`),
    value: Buffer.from('v'),
    timestamp,
  }))
  const keyed = records.map(({ key: { length }, value }, i) => {
    return { key: `${i}`, keyBytes: length, value, valueBytes: 1 }
  })
  expect(encodeKeyedBatch(keyed, timestamp)).toEqual(encodeBatch({ records }))
})

test.each([
  ['', 0],
  ['YQ==', 1],
  ['YWI=', 2],
  ['YWJj', 3],
  ['YWJ', undefined],
  ['YW-_', undefined],
])('%j stands for %j bytes', (text, bytes) => {
  expect(base64Bytes(text)).toBe(bytes)
})

test.each(['Y!==', 'YQ==YWJj', '====', 'YWJ\u00e4', 'a\nbc'])(
  '%j is found to be no Base64',
  (text) => {
    const valueBytes = base64Bytes(text) ?? 0
    expect(
      encodeKeyedBatch([{ key, keyBytes, value: text, valueBytes }], timestamp),
    ).toBeUndefined()
  },
)
