// Tests that events have Lambda's exact text and the size that is accounted for them.
import { expect, test } from 'vitest'
import { buildEvent, encodeRecord, eventFrame, eventSizeBytes, recordSizeBytes } from './event.ts'
import type { SourceRecord } from './sources/source.ts'

const record = (more: Partial<SourceRecord> = {}): SourceRecord => ({
  topic: 'mytopic',
  partition: 0,
  offset: 15,
  timestampMs: 1_545_084_650_987,
  timestampType: 'CREATE_TIME',
  key: Buffer.from('abcDEFghiJKLmnoPQRstuVWXyz1234=='),
  value: Buffer.from('Hello, this is a test.'),
  headers: [{ name: 'headerKey', value: Buffer.from('headerValue') }],
  ...more,
})
const selfManaged = { bootstrapServers: ['b-1:9092', 'b-2:9092'] }
const arn = 'arn:aws:kafka:us-east-1:000000000000:cluster/c/1'

test('a self-managed event has its keys in the order of Lambda', () => {
  const frame = eventFrame(selfManaged, 'mytopic')
  const groups = [{ partition: 0, records: [{ json: encodeRecord(record()) }] }]
  expect(buildEvent(frame, groups)).toBe(
    '{"eventSource":"SelfManagedKafka","bootstrapServers":"b-1:9092,b-2:9092","records":{"mytopic-0":[' +
      '{"topic":"mytopic","partition":0,"offset":15,"timestamp":1545084650987,"timestampType":"CREATE_TIME",' +
      '"key":"YWJjREVGZ2hpSktMbW5vUFFSc3R1VldYeXoxMjM0PT0=","value":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",' +
      '"headers":[{"headerKey":[104,101,97,100,101,114,86,97,108,117,101]}]}]}}',
  )
})

test('a managed event names its ARN second', () => {
  const frame = eventFrame({ ...selfManaged, eventSourceArn: arn }, 'mytopic')
  const event = buildEvent(frame, [{ partition: 0, records: [{ json: encodeRecord(record()) }] }])
  expect(Object.keys(JSON.parse(event) as object)).toEqual([
    'eventSource',
    'eventSourceArn',
    'bootstrapServers',
    'records',
  ])
  expect(event.startsWith(`{"eventSource":"aws:kafka","eventSourceArn":"${arn}"`)).toBe(true)
})

test('a record without key, value or headers lacks the first two and has none of the third', () => {
  const json = encodeRecord(record({ key: null, value: null, headers: [] }))
  expect(JSON.parse(json)).toEqual({
    topic: 'mytopic',
    partition: 0,
    offset: 15,
    timestamp: 1_545_084_650_987,
    timestampType: 'CREATE_TIME',
    headers: [],
  })
  expect(JSON.parse(encodeRecord(record({ key: Buffer.alloc(0) })))).toMatchObject({ key: '' })
})

test('header values are signed bytes, header names any text, and repeated names stay', () => {
  const headers = [
    { name: 'ü"', value: Buffer.from([0, 127, 128, 255]) },
    { name: 'ü"', value: Buffer.alloc(0) },
  ]
  expect(JSON.parse(encodeRecord(record({ headers })))).toMatchObject({
    headers: [{ 'ü"': [0, 127, -128, -1] }, { 'ü"': [] }],
  })
})

test('the accounted size is the exact size of the text in bytes', () => {
  for (const origin of [selfManaged, { ...selfManaged, eventSourceArn: arn }]) {
    const frame = eventFrame(origin, 'mytopic')
    for (const counts of [[], [1], [2], [1, 1], [3, 1, 12]]) {
      const groups = counts.map((count, index) => ({
        partition: index * 9,
        records: Array.from({ length: count }, (_, offset) =>
          record({
            partition: index * 9,
            offset,
            headers: [{ name: 'ü', value: Buffer.from('x') }],
          }),
        ).map((r) => ({ json: encodeRecord(r), sizeBytes: recordSizeBytes(r, encodeRecord(r)) })),
      }))
      const records = groups.flatMap((group) => group.records)
      const sizeBytes = eventSizeBytes(
        frame,
        groups.map((group) => group.partition),
        { recordBytes: records.reduce((sum, r) => sum + r.sizeBytes, 0), records: records.length },
      )
      expect(sizeBytes).toBe(Buffer.byteLength(buildEvent(frame, groups)))
    }
  }
})
