// Tests which shards may be read: roots first, children after all their parents, nothing twice.
import { expect, test } from 'vitest'
import type { ShardDescription } from '../../../kinesis-client/answers.ts'
import type { ShardCheckpoint } from '../../../control/registry/registry.ts'
import { firstCheckpoints, readable } from './shard-lineage.ts'

function shard(shardId: string, isClosed: boolean, ...parents: string[]): ShardDescription {
  const [parentShardId, adjacentParentShardId] = parents
  return {
    shardId,
    isClosed,
    startingHashKey: 0n,
    endingHashKey: 1n,
    ...(parentShardId === undefined ? {} : { parentShardId }),
    ...(adjacentParentShardId === undefined ? {} : { adjacentParentShardId }),
  }
}

// a is split into b and c; b and d are merged into e; f is a child of a shard that has expired.
const shards = [
  shard('a', true),
  shard('b', true, 'a'),
  shard('c', false, 'a'),
  shard('d', true),
  shard('e', false, 'b', 'd'),
  shard('f', false, 'gone'),
]

const readableIds = (...ended: string[]): string[] => {
  const known = new Map<string, ShardCheckpoint>()
  for (const shardId of ended) known.set(shardId, { shardId, ended: true })
  return readable(shards, known).map(({ shardId }) => shardId)
}

test.each([
  [[], ['a', 'd', 'f']],
  [['a'], ['b', 'c', 'd', 'f']],
  [
    ['a', 'b'],
    ['c', 'd', 'f'],
  ],
  [
    ['a', 'd'],
    ['b', 'c', 'f'],
  ],
  [
    ['a', 'b', 'd'],
    ['c', 'e', 'f'],
  ],
  [['a', 'b', 'c', 'd', 'e', 'f'], []],
])('when %j are finished, %j may be read', (ended, ids) => {
  expect(readableIds(...ended)).toEqual(ids)
})

test('what is known of a shard is where it goes on, and a new one begins at its first record', () => {
  const known = new Map([
    ['a', { shardId: 'a', after: '49' }],
    ['d', { shardId: 'd', fromMs: 5 }],
  ])
  expect(readable(shards, known)).toEqual([
    { shardId: 'a', after: '49' },
    { shardId: 'd', fromMs: 5 },
    { shardId: 'f' },
  ])
})

test('a mapping begins with all, with what is open, or with what came from a moment on', () => {
  const first = (kind: 'TRIM_HORIZON' | 'LATEST') =>
    firstCheckpoints([shard('a', true), shard('c', false, 'a')], { kind }, 9)
  expect(first('TRIM_HORIZON')).toEqual([
    { checkpoint: { shardId: 'a' } },
    { checkpoint: { shardId: 'c' } },
  ])
  expect(first('LATEST')).toEqual([
    { checkpoint: { shardId: 'a', ended: true } },
    { checkpoint: { shardId: 'c', fromMs: 9 }, isLatest: true },
  ])
  expect(firstCheckpoints([shard('a', true)], { kind: 'AT_TIMESTAMP', timestampMs: 5 }, 9)).toEqual(
    [{ checkpoint: { shardId: 'a', fromMs: 5 } }],
  )
})
