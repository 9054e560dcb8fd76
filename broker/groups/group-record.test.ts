// Tests that a group's record has Kafka's bytes, comes back whole, and that others are passed over.
import { expect, test } from 'vitest'
import { decodeGroupRecord, encodeGroupRecord, type GroupSnapshot } from './group-record.ts'

const snapshot: GroupSnapshot = {
  protocolType: 'consumer',
  generationId: 7,
  protocolName: 'range',
  leaderId: 'm-1',
  stateSinceMs: 1_700_000_000_000,
  members: [
    {
      memberId: 'm-1',
      groupInstanceId: null,
      clientId: 'c',
      clientHost: '/h',
      rebalanceTimeoutMs: 5,
      sessionTimeoutMs: 6,
      metadata: Buffer.from([1]),
      assignment: Buffer.from([2, 3]),
    },
  ],
}

test('a group is written as Kafka writes it', () => {
  const { key, value } = encodeGroupRecord({ group: 'g', snapshot }, 1)
  expect(key?.toString('hex')).toBe('0002000167')
  // GroupMetadataValue 3: type, generation, strategy, leader, time, then one member.
  expect(value?.toString('latin1')).toBe(
    '\0\x03\0\x08consumer\0\0\0\x07\0\x05range\0\x03m-1\0\0\x01\x8b\xcf\xe5h\0\0\0\0\x01' +
      '\0\x03m-1\xff\xff\0\x01c\0\x02/h\0\0\0\x05\0\0\0\x06\0\0\0\x01\x01\0\0\0\x02\x02\x03',
  )
})

test('a group and its removal come back; offsets and later versions are passed over', () => {
  const back = (value: Parameters<typeof encodeGroupRecord>[0]) =>
    decodeGroupRecord({ ...encodeGroupRecord(value, 1), offset: 0, headers: [] })
  expect(back({ group: 'g', snapshot })).toEqual({ group: 'g', snapshot })
  expect(back({ group: 'g', snapshot: null })).toEqual({ group: 'g', snapshot: null })
  const { key, value } = encodeGroupRecord({ group: 'g', snapshot }, 1)
  const other = { offset: 0, headers: [], timestamp: 1 }
  expect(decodeGroupRecord({ ...other, key: Buffer.from([0, 1]), value })).toBe(undefined)
  expect(decodeGroupRecord({ ...other, key, value: Buffer.from([0, 4]) })).toBe(undefined)
  expect(decodeGroupRecord({ ...other, key: null, value })).toBe(undefined)
})
