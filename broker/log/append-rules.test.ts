// Tests which batches a topic's configuration does not take.
import { expect, test } from 'vitest'
import { batchOf } from '../../test/support/log-store.ts'
import { validateBatches } from '../../protocol/record-batch.ts'
import { refusalByConfig } from './append-rules.ts'
import { defaultConfigs, parseTopicConfig } from './topic-config.ts'

const defaults = defaultConfigs({ retentionMs: -1, retentionBytes: -1, segmentBytes: 1_000_000 })
const nowMs = 10_000_000

function refusal(configs: Record<string, string>, ...batches: Buffer[]) {
  const validation = validateBatches(Buffer.concat(batches))
  if (!validation.ok) throw new Error(validation.reason)
  return refusalByConfig(validation.batches, parseTopicConfig(configs, defaults), nowMs)
}

test('a batch above max.message.bytes is refused, at it taken', () => {
  const batch = batchOf(['x'.repeat(500)])
  const bound = (bytes: number) => ({ 'max.message.bytes': String(bytes) })
  expect(refusal(bound(batch.length), batch)).toBeUndefined()
  expect(refusal(bound(batch.length - 1), batch)?.error).toBe('MESSAGE_TOO_LARGE')
  expect(refusal(bound(200), batchOf(['x']), batch)?.error).toBe('MESSAGE_TOO_LARGE')
})

test('a record an hour ahead of the clock is refused, unless the topic says otherwise', () => {
  expect(refusal({}, batchOf(['x'], nowMs + 3_600_000))).toBeUndefined()
  const ahead = batchOf(['x', 'y'], nowMs, 3_600_001)
  expect(refusal({}, ahead)).toEqual({
    error: 'INVALID_TIMESTAMP',
    reason: expect.stringContaining('timestamp 13600001 is out of range'),
  })
  expect(refusal({ 'message.timestamp.after.max.ms': '3600001' }, ahead)).toBeUndefined()
  expect(refusal({ 'message.timestamp.type': 'LogAppendTime' }, ahead)).toBeUndefined()
})

test('a record too far behind the clock is refused where the topic says so', () => {
  const behind = batchOf(['x', 'y'], nowMs - 1_001, 1_001)
  expect(refusal({}, behind)).toBeUndefined()
  expect(refusal({ 'message.timestamp.before.max.ms': '1001' }, behind)).toBeUndefined()
  expect(refusal({ 'message.timestamp.before.max.ms': '1000' }, behind)?.error).toBe(
    'INVALID_TIMESTAMP',
  )
  expect(refusal({ 'message.timestamp.before.max.ms': '1000' }, batchOf(['x'], -1))).toBeUndefined()
})
