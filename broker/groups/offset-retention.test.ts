// Tests which offsets outlive their retention: by group, by topic, and by when they were committed.
import { expect, test } from 'vitest'
import type { OffsetRecord } from './offset-record.ts'
import { expiredOffsets } from './offset-retention.ts'

const offset = (topic: string, commitTimestampMs: number): OffsetRecord => ({
  key: { group: 'g', topic, partition: 0 },
  committed: { offset: 1, leaderEpoch: -1, metadata: '', commitTimestampMs },
})
const records = [offset('read', 10), offset('left', 10), offset('young', 90)]
const stable = { state: 'Stable', emptySinceMs: 100 } as const
const topics = (expired: readonly OffsetRecord[]): string[] => expired.map(({ key }) => key.topic)

test('while members are there, old offsets of topics that nobody reads go', () => {
  const subscribedTopics = new Set(['read'])
  expect(topics(expiredOffsets(records, { ...stable, subscribedTopics }, 50))).toEqual(['left'])
})

test('members whose subscription is not known, or is changing, keep everything', () => {
  expect(expiredOffsets(records, { ...stable, subscribedTopics: undefined }, 1_000)).toEqual([])
  const changing = {
    ...stable,
    state: 'PreparingRebalance',
    subscribedTopics: new Set('x'),
  } as const
  expect(expiredOffsets(records, changing, 1_000)).toEqual([])
})

test('without members all go together, after the last member and the last commit are old', () => {
  const empty = { state: 'Empty', subscribedTopics: new Set<string>(), emptySinceMs: 60 } as const
  expect(expiredOffsets(records, empty, 59)).toEqual([])
  expect(expiredOffsets(records, empty, 89)).toEqual([])
  expect(topics(expiredOffsets(records, empty, 90))).toEqual(['read', 'left', 'young'])
})
