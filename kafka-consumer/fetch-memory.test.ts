// Tests that memory of a fetch is given back when all in it is finished, and never before.
import { expect, test } from 'vitest'
import { HeldMemory } from './fetch-memory.ts'

const memory = [1, 2, 3, 4].map((size) => Buffer.alloc(size))
const [one, two, three, four] = memory as [Buffer, Buffer, Buffer, Buffer]

test('what lies wholly below the offset is nobody’s any more, once', () => {
  const held = new HeldMemory()
  held.add(0, { memory: one, nextOffset: 10 })
  held.add(0, { memory: two, nextOffset: 20 })
  held.add(1, { memory: three, nextOffset: 5 })
  expect(held.finish(0, 9)).toEqual([])
  expect(held.finish(0, 19)).toEqual([one])
  expect(held.finish(0, 20)).toEqual([two])
  expect(held.finish(0, 99)).toEqual([])
  expect(held.finish(2, 99)).toEqual([])
  expect(held.finish(1, 5)).toEqual([three])
})

test('what was read before the reader went back is left to the collector', () => {
  const held = new HeldMemory()
  held.add(0, { memory: one, nextOffset: 10 })
  held.add(0, { memory: two, nextOffset: 10 })
  held.add(0, { memory: three, nextOffset: 12 })
  expect(held.finish(0, 12)).toEqual([two, three])
  held.add(0, { memory: four, nextOffset: 20 })
  held.forget(0)
  expect(held.finish(0, 99)).toEqual([])
})
