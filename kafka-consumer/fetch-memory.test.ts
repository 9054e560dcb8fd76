// Tests that memory of a fetch is given back when all in it is finished, and never before, and that it is not kept.
import { beforeEach, expect, test } from 'vitest'
import { BufferPool, hold } from '../common/buffer-pool.ts'
import { collectGarbage } from '../common/collect-garbage.ts'
import { heldRunsMax } from '../common/consumer-limits.ts'
import { eventually } from '../test/support/eventually.ts'
import { HeldMemory } from './fetch-memory.ts'

const sizeBytes = 8192
let pool: BufferPool
let held: HeldMemory
beforeEach(() => {
  pool = new BufferPool({ spareMaxBytes: 1024 * sizeBytes, bufferMaxBytes: sizeBytes })
  held = new HeldMemory()
})
const given = (): number => pool.spareBytes / sizeBytes
const take = (): Buffer => pool.take(sizeBytes)

test('what lies wholly below the offset is given back, once', () => {
  held.add(0, { memory: take(), nextOffset: 10 })
  held.add(0, { memory: take(), nextOffset: 20 })
  held.add(1, { memory: take(), nextOffset: 5 })
  const back = ([partition, offset]: readonly [number, number]): number => {
    held.finish(partition, offset)
    return given()
  }
  const steps = [
    [0, 9],
    [0, 19],
    [0, 20],
    [0, 99],
    [2, 99],
    [1, 5],
  ] as const
  expect(steps.map(back)).toEqual([0, 1, 2, 2, 2, 3])
})

test('a fetch of two partitions is given back when both have finished with it', () => {
  const memory = take()
  hold(memory)
  held.add(0, { memory, nextOffset: 10 })
  held.add(1, { memory, nextOffset: 7 })
  held.finish(0, 10)
  expect(given()).toBe(0)
  held.finish(1, 7)
  expect(given()).toBe(1)
})

test('what was read before the reader went back is left to the collector', () => {
  held.add(0, { memory: take(), nextOffset: 10 })
  held.add(0, { memory: take(), nextOffset: 10 })
  held.add(0, { memory: take(), nextOffset: 12 })
  held.finish(0, 12)
  expect(given()).toBe(2)
  const memory = take()
  expect(given()).toBe(1)
  held.add(0, { memory, nextOffset: 20 })
  held.forget(0)
  held.finish(0, 99)
  expect(given()).toBe(1)
})

test('of very many fetches behind an unfinished record the first are forgotten', () => {
  for (let next = 1; next <= heldRunsMax + 5; next++)
    held.add(0, { memory: take(), nextOffset: next })
  held.finish(0, Infinity)
  expect(given()).toBe(heldRunsMax)
})

test('what nobody keeps is not kept here', async () => {
  let isGone = false
  const registry = new FinalizationRegistry(() => {
    isGone = true
  })
  const add = (): void => {
    const memory = Buffer.allocUnsafeSlow(sizeBytes)
    registry.register(memory.buffer, undefined)
    held.add(0, { memory, nextOffset: 10 })
  }
  add()
  await eventually(
    () => {
      collectGarbage()
      return isGone ? true : undefined
    },
    () => 'the memory is collected',
  )
  held.finish(0, 10)
})
