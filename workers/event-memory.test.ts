// Tests that what is put comes out again whatever its characters, and that memory is used again within its bound.
import { expect, test } from 'vitest'
import { EventMemory } from './event-memory.ts'
import { readSharedEvent } from './runtime/shared-event.ts'

test.each(['', {}, { a: 'é' }, '€ and 😀', 'x'.repeat(300_000), ['é'.repeat(300_000)]])(
  'a JSON text, as such or as its bytes, comes out as it was (%#)',
  (value) => {
    const memory = new EventMemory(0)
    const text = JSON.stringify(value)
    expect(readSharedEvent(memory.put(text))).toEqual(value)
    expect(readSharedEvent(memory.put(Buffer.from(text)))).toEqual(value)
  },
)

test('bytes that are no UTF-8 are refused by who reads them', () => {
  const put = new EventMemory(0).put(Buffer.from([0x22, 0xff, 0x22]))
  expect(() => readSharedEvent(put)).toThrow(TypeError)
})

test('memory given back is lent again to what fits, and only then', () => {
  const memory = new EventMemory(1024 * 1024)
  const first = memory.put('x'.repeat(100_000))
  memory.giveBack(first)
  expect(memory.spareBytes).toBe(first.memory.byteLength)
  expect(memory.put('1'.repeat(1_000_000)).memory).not.toBe(first.memory)
  const again = memory.put('7')
  expect(again.memory).toBe(first.memory)
  expect(readSharedEvent(again)).toBe(7)
  expect(memory.spareBytes).toBe(0)
})

test('no more is kept than the bound', () => {
  const memory = new EventMemory(100_000)
  const lent = [memory.put('a'), memory.put('b')]
  for (const each of lent) memory.giveBack(each)
  expect(memory.spareBytes).toBe(64 * 1024)
})
