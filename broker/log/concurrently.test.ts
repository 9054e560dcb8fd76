// Tests that work done a few items at a time is over when its caller is told so, failures included.
import { expect, test } from 'vitest'
import { concurrently } from './concurrently.ts'

test('a failure is told when what had begun is over, and nothing begins after it', async () => {
  const begun: number[] = []
  const slow = Promise.withResolvers<void>()
  let isOver = false
  const done = concurrently([0, 1, 2, 3], 2, async (item) => {
    begun.push(item)
    if (item === 1) throw new Error('the disk failed')
    await slow.promise
  }).finally(() => {
    isOver = true
  })
  done.catch(() => {})
  await new Promise((resolve) => setImmediate(resolve))
  expect(isOver).toBe(false)
  slow.resolve()
  await expect(done).rejects.toThrow('the disk failed')
  expect(begun).toEqual([0, 1])
})

test('no more than its width is under way at once, and all is done', async () => {
  let now = 0
  let most = 0
  let count = 0
  await concurrently(Array(10).keys(), 3, async () => {
    most = Math.max(most, ++now)
    await new Promise((resolve) => setImmediate(resolve))
    now -= 1
    count += 1
  })
  expect([most, count]).toEqual([3, 10])
})
