// Tests that no removal begins before the disk has heard of the one before it.
import { expect, test } from 'vitest'
import { Removals } from './removals.ts'

function watched() {
  const disk = { flushes: 0, isFailing: false, flushing: Promise.resolve() }
  const removals = new Removals(async () => {
    await disk.flushing
    if (disk.isFailing) throw new Error('the disk')
    disk.flushes += 1
  })
  return { disk, removals }
}

test('what a life before may have removed is flushed before the first removal, and for nothing else', async () => {
  const { disk, removals } = watched()
  await removals.flush()
  expect(disk.flushes).toBe(0)
  await removals.begin()
  await removals.begin()
  expect(disk.flushes).toBe(1)
})

test('each removal is flushed before the next', async () => {
  const { disk, removals } = watched()
  for (let n = 1; n <= 3; n++) {
    await removals.begin()
    expect(disk.flushes).toBe(n)
    removals.made()
  }
  await removals.flush()
  expect(disk.flushes).toBe(4)
})

test('neither a flush that fails nor one that began before a removal was over counts for it', async () => {
  const { disk, removals } = watched()
  await removals.begin()
  const { promise, resolve } = Promise.withResolvers<void>()
  removals.made()
  disk.flushing = promise
  const beside = removals.flush()
  removals.made()
  resolve()
  await beside
  disk.isFailing = true
  await expect(removals.begin()).rejects.toThrow('the disk')
  disk.isFailing = false
  await removals.begin()
  expect(disk.flushes).toBe(3)
})
