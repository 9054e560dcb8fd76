// Tests of lent buffers: used again when all have let go, and never before.
import { expect, test } from 'vitest'
import { ManualClock } from '../test/support/manual-clock.ts'
import { BufferPool, hold, keep, letGo } from './buffer-pool.ts'

const sizeBytes = 100_000
/** What the pool makes for that. */
const stepBytes = 114_688
const open = (spareMaxBytes = 1_000_000): BufferPool =>
  new BufferPool({ spareMaxBytes, bufferMaxBytes: 200_000 })

test('a buffer is used again once its last holder has let go, by whichever part they hold it', () => {
  const pool = open()
  const first = pool.take(sizeBytes)
  hold(first.subarray(10, 20))
  letGo(first)
  expect(pool.take(sizeBytes).buffer).not.toBe(first.buffer)
  letGo(first.subarray(30))
  const second = pool.take(sizeBytes - 1)
  expect(second.buffer).toBe(first.buffer)
  expect(second.length).toBe(sizeBytes - 1)
})

test('memory from elsewhere is lent, and used again, as what the pool makes', () => {
  const pool = open()
  expect(pool.takeSpare(sizeBytes)).toBeUndefined()
  const memory = Buffer.alloc(stepBytes)
  const lent = pool.lend(memory, sizeBytes)
  expect(lent.length).toBe(sizeBytes)
  expect(pool.takeSpare(sizeBytes)).toBeUndefined()
  letGo(lent)
  expect(pool.spareBytes).toBe(stepBytes)
  expect(pool.takeSpare(sizeBytes)?.buffer).toBe(memory.buffer)
})

test('a buffer that someone keeps is never used again', () => {
  const pool = open()
  const kept = pool.take(sizeBytes)
  keep(kept.subarray(5))
  letGo(kept)
  expect(pool.spareBytes).toBe(0)
})

test('spare buffers are bounded, and those that no pool lent are left alone', () => {
  const pool = open(150_000)
  const buffers = [pool.take(sizeBytes), pool.take(sizeBytes)]
  for (const buffer of buffers) letGo(buffer)
  expect(pool.spareBytes).toBe(stepBytes)
  const large = pool.take(300_000)
  const other = Buffer.from('other')
  for (const buffer of [large, other]) {
    hold(buffer)
    letGo(buffer)
    letGo(buffer)
  }
  expect(pool.spareBytes).toBe(stepBytes)
})

test('where there is none of its size, the next larger one serves, up to twice of that', () => {
  const pool = open()
  const [large, larger] = [pool.take(150_000), pool.take(190_000)]
  letGo(larger)
  letGo(large)
  const first = pool.take(sizeBytes)
  expect([first.buffer, first.length]).toEqual([large.buffer, sizeBytes])
  expect(pool.take(80_000).buffer).not.toBe(larger.buffer)
  expect(pool.take(120_000).buffer).toBe(larger.buffer)
  expect(pool.spareBytes).toBe(0)
})

test('what nobody has used for a while is freed, and what was used in it stays', () => {
  const clock = new ManualClock()
  const pool = new BufferPool({
    spareMaxBytes: 1_000_000,
    bufferMaxBytes: 200_000,
    idle: { clock, maxMs: 1000 },
  })
  const buffers = [pool.take(sizeBytes), pool.take(sizeBytes), pool.take(sizeBytes)]
  for (const buffer of buffers) letGo(buffer)
  // At the time the timer was set one lay here.
  clock.advance(1000)
  expect(pool.spareBytes).toBe(2 * stepBytes)
  letGo(pool.take(sizeBytes))
  clock.advance(1000)
  expect(pool.spareBytes).toBe(stepBytes)
  expect(buffers.filter(({ length }) => length === 0)).toHaveLength(2)
  clock.advance(1000)
  expect([pool.spareBytes, clock.timers]).toEqual([0, 0])
})

test('after a close nothing lies here, and what comes back is freed', () => {
  const clock = new ManualClock()
  const idle = { clock, maxMs: 1000 }
  const pool = new BufferPool({ spareMaxBytes: 1_000_000, bufferMaxBytes: 200_000, idle })
  const [spare, used] = [pool.take(sizeBytes), pool.take(sizeBytes)]
  letGo(spare)
  pool.close()
  letGo(used)
  expect([spare.length, used.length, pool.spareBytes, clock.timers]).toEqual([0, 0, 0, 0])
})

test('spare buffers of a size that is not asked for any more make room for others', () => {
  const pool = open(200_000)
  letGo(pool.take(100_000))
  letGo(pool.take(50_000))
  const wanted = [pool.take(70_000), pool.take(70_000)]
  for (const buffer of wanted) letGo(buffer)
  expect(pool.take(70_000).buffer).toBe(wanted[1]?.buffer)
  expect(pool.take(70_000).buffer).toBe(wanted[0]?.buffer)
})
