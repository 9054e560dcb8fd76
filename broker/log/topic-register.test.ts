// Tests that topics are found by name, id and merged name, and counted, as they come and go.
import { expect, test } from 'vitest'
import { openStore } from '../../test/support/log-store.ts'

test('a name collides with that of another topic where dots and underscores are the same', async () => {
  const { store } = await openStore()
  for (const name of ['a.b', 'a_b', 'other']) await store.createTopic(name, { partitions: 2 })
  expect(store.collidingTopic('a.b')).toBe('a_b')
  expect(store.collidingTopic('a_b')).toBe('a.b')
  expect(store.collidingTopic('other')).toBe(undefined)
  await store.deleteTopic('a_b')
  expect(store.collidingTopic('a.b')).toBe(undefined)
  await store.deleteTopic('a.b')
  expect(store.collidingTopic('a_b')).toBe(undefined)
})

test('partitions are counted as topics come, grow and go', async () => {
  const { store } = await openStore()
  await store.createTopic('a', { partitions: 2 })
  const { id } = await store.createTopic('b', { partitions: 3 })
  expect(store.partitions).toBe(5)
  await store.createPartitions('a', 4)
  expect(store.partitions).toBe(7)
  await store.deleteTopic('b')
  expect([store.partitions, store.topicById(id), store.topic('b')]).toEqual([
    4,
    undefined,
    undefined,
  ])
})
