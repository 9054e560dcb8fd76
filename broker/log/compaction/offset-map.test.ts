// Tests that the last offset of every key is remembered, in bounds.
import { expect, test } from 'vitest'
import { OffsetMap, offsetMapBytesPerKey } from './offset-map.ts'

test('the last offset of each key is remembered, however many share a slot', () => {
  const map = new OffsetMap(400 * offsetMapBytesPerKey)
  const expected = new Map<string, number>()
  for (let offset = 0; offset < 3000; offset++) {
    const key = `key ${(offset * 7919) % 290}`
    map.put(Buffer.from(key), offset)
    expected.set(key, offset)
  }
  expect(map.size).toBe(290)
  for (const [key, offset] of expected) expect(map.get(Buffer.from(key))).toBe(offset)
  expect(map.get(Buffer.from('another'))).toBeUndefined()
})

test('the empty key is a key', () => {
  const map = new OffsetMap(1000)
  map.put(Buffer.alloc(0), 3)
  expect(map.get(Buffer.alloc(0))).toBe(3)
})

test('it says when it is full, and takes what it has already even then', () => {
  const map = new OffsetMap(8 * offsetMapBytesPerKey)
  let taken = 0
  for (; !map.isFull; taken++) map.put(Buffer.from(`k${taken}`), taken)
  expect(taken).toBe(6)
  map.put(Buffer.from('k0'), 99)
  expect(map.get(Buffer.from('k0'))).toBe(99)
  expect(() => map.put(Buffer.from('new'), 100)).toThrow('a full map takes no further key')
  map.clear()
  expect([map.size, map.get(Buffer.from('k0'))]).toEqual([0, undefined])
})
