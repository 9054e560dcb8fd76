// Tests what a finished number of a shard's records means for its checkpoint.
import { expect, test } from 'vitest'
import { partitionOf, ShardProgress } from './shard-progress.ts'

const shardId = 'shardId-000000000007'

test('a checkpoint is at the last record before which all are finished', () => {
  const shard = new ShardProgress({ shardId })
  expect(shard.partition).toBe(7)
  expect(['a', 'b', 'c'].map((sequence) => shard.take(sequence))).toEqual([0, 1, 2])
  expect(shard.checkpoint).toEqual({ shardId })
  shard.finish(2)
  expect(shard.checkpoint).toEqual({ shardId, after: 'b' })
  shard.finish(1)
  expect(shard.checkpoint).toEqual({ shardId, after: 'b' })
  shard.finish(3)
  shard.check()
  expect(shard.checkpoint).toEqual({ shardId, after: 'c' })
  expect(shard.take('d')).toBe(3)
})

test('amid an aggregate the checkpoint stays before all of it', () => {
  const shard = new ShardProgress({ shardId, after: 'old' })
  shard.take('one', false)
  shard.take('one', false)
  shard.take('one')
  shard.take('two')
  shard.finish(2)
  expect(shard.checkpoint).toEqual({ shardId, after: 'old' })
  shard.finish(3)
  expect(shard.checkpoint).toEqual({ shardId, after: 'one' })
  shard.check()
})

test('a shard is over when its end is finished, and not when its last record is', () => {
  const shard = new ShardProgress({ shardId })
  shard.take('a')
  shard.end()
  expect([shard.isRead, shard.next]).toEqual([true, 2])
  shard.finish(1)
  expect(shard.isEnded).toBe(false)
  expect(shard.checkpoint).toEqual({ shardId, after: 'a' })
  shard.finish(2)
  expect(shard.isEnded).toBe(true)
  expect(shard.checkpoint).toEqual({ shardId, ended: true })
  shard.check()
})

test.each([
  [
    { shardId, after: 'a', fromMs: 5 },
    { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: 'a' },
  ],
  [
    { shardId, fromMs: 5 },
    { type: 'AT_TIMESTAMP', timestampMs: 5 },
  ],
  [{ shardId }, { type: 'TRIM_HORIZON' }],
])('of %j reading begins at %j', (checkpoint, from) => {
  expect(new ShardProgress(checkpoint).readFrom).toEqual(from)
})

test('reading that began at the end goes on from that moment, or after what was read', () => {
  const shard = new ShardProgress({ shardId, fromMs: 5 }, true)
  expect(shard.readFrom).toEqual({ type: 'LATEST' })
  shard.hasBegun()
  expect(shard.readFrom).toEqual({ type: 'AT_TIMESTAMP', timestampMs: 5 })
  shard.hasRead('a')
  expect(shard.readFrom).toEqual({ type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: 'a' })
  expect(shard.checkpoint).toEqual({ shardId, fromMs: 5 })
})

test('an id of another kind is no shard', () => {
  expect(partitionOf('shardId-000000012345')).toBe(12_345)
  expect(() => partitionOf('shard-1')).toThrow('is a shard')
})
