// Tests what a destination gets of records that were given up, member by member.
import { expect, test } from 'vitest'
import { laneRecord } from '../../test/support/lane-record.ts'
import type { Discard } from '../batch.ts'
import { eventFrame, type EventOrigin } from '../event.ts'
import { Lane } from '../lane.ts'
import { batchMessage, failureMessages } from './failure-record.ts'

const arn = 'arn:aws:kafka:us-east-1:123456789012:cluster/my-cluster/abc123'
const functionArn = 'arn:aws:lambda:us-east-1:123456789012:function:my-function'
const managed: EventOrigin = { eventSourceArn: arn, bootstrapServers: ['b-1:9098', 'b-2:9098'] }
const report = { requestId: 'e4b46cbf', executedVersion: '$LATEST', functionError: 'Unhandled' }
const occasion = { nowMs: Date.parse('2019-11-14T18:16:05.568Z'), requestId: 'made-up' }

function discardOf(change: Partial<Discard> = {}, key: Buffer | null = Buffer.from('test-key')) {
  const lane = new Lane(0)
  const timestampMs = Date.parse('2019-11-14T18:16:04.835Z')
  for (const offset of [100, 101]) {
    const value = Buffer.from(`test-value-${offset}`)
    lane.push(laneRecord(offset, { topic: 'my-topic', timestampMs, key, value }))
  }
  const discard: Discard = {
    groups: [{ lane, partition: 0, records: lane.take(2) }],
    condition: 'RetryAttemptsExhausted',
    attempts: 3,
    report,
    setbacks: 0,
    dueMs: 0,
    ...change,
  }
  return discard
}

function messages(discard: Discard, origin = managed) {
  const context = { functionArn, origin, frame: eventFrame(origin, 'my-topic') }
  return failureMessages(discard, context, occasion)
}

const parsed = (discard: Discard, origin = managed): Record<string, unknown>[] =>
  messages(discard, origin).map(({ value }) => JSON.parse(value) as Record<string, unknown>)

test('each record is a message of its own, with its key, its metadata and itself', () => {
  const [first, second] = messages(discardOf())
  expect([first?.key?.toString(), second?.key?.toString()]).toEqual(['test-key', 'test-key'])
  const payload = {
    eventSource: 'aws:kafka',
    eventSourceArn: arn,
    bootstrapServers: 'b-1:9098,b-2:9098',
    records: {
      'my-topic-0': [
        {
          topic: 'my-topic',
          partition: 0,
          offset: 100,
          timestamp: 1573755364835,
          timestampType: 'CREATE_TIME',
          key: 'dGVzdC1rZXk=',
          value: Buffer.from('test-value-100').toString('base64'),
          headers: [],
        },
      ],
    },
  }
  expect(JSON.parse(first?.value ?? '')).toEqual({
    requestContext: {
      requestId: 'e4b46cbf',
      functionArn,
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 3,
    },
    responseContext: {
      statusCode: 200,
      executedVersion: '$LATEST',
      functionError: 'Unhandled',
    },
    version: '1.0',
    timestamp: '2019-11-14T18:16:05.568Z',
    KafkaBatchInfo: {
      batchSize: 1,
      eventSourceArn: arn,
      bootstrapServers: 'b-1:9098,b-2:9098',
      payloadSize: JSON.stringify(payload).length,
      recordInfo: { offset: '100', timestamp: '2019-11-14T18:16:04.835Z' },
    },
    payload,
  })
  expect(JSON.parse(second?.value ?? '')).toMatchObject({
    KafkaBatchInfo: { recordInfo: { offset: '101' } },
    payload: { records: { 'my-topic-0': [{ offset: 101 }] } },
  })
})

test('the members come in the order that AWS shows', () => {
  const [record] = parsed(discardOf())
  expect(Object.keys(record ?? {})).toEqual([
    'requestContext',
    'responseContext',
    'version',
    'timestamp',
    'KafkaBatchInfo',
    'payload',
  ])
})

test('a self-managed cluster has no ARN, neither in the metadata nor in the payload', () => {
  const [record] = parsed(discardOf(), { bootstrapServers: ['b:9092'] })
  expect(record).toMatchObject({
    KafkaBatchInfo: { bootstrapServers: 'b:9092' },
    payload: { eventSource: 'SelfManagedKafka', bootstrapServers: 'b:9092' },
  })
  expect(JSON.stringify(record)).not.toContain('eventSourceArn')
})

test('records that an answer named have null for the error', () => {
  const [record] = parsed(discardOf({ report: { ...report, functionError: null } }))
  expect(record?.['responseContext']).toEqual({
    statusCode: 200,
    executedVersion: '$LATEST',
    functionError: null,
  })
})

test.each([
  [0, undefined, 'made-up', 1],
  [2, report, 'e4b46cbf', 3],
])('too old after %d invocations has no response context', (attempts, last, requestId, count) => {
  const [record] = parsed(discardOf({ condition: 'RecordAgeExceeded', attempts, report: last }))
  expect(Object.keys(record ?? {})).not.toContain('responseContext')
  expect(record?.['requestContext']).toEqual({
    requestId,
    functionArn,
    condition: 'RecordAgeExceeded',
    approximateInvokeCount: count,
  })
})

test('too large comes without the record, null for the response, and the size that was too much', () => {
  const lane = new Lane(0)
  lane.push({ ...laneRecord(7, { key: Buffer.from('k') }), oversizedBytes: 7_000_000 })
  const groups = [{ lane, partition: 0, records: lane.take(1) }]
  const condition = 'MaximumPayloadSizeExceeded'
  const [message] = messages(discardOf({ groups, condition, attempts: 0, report: undefined }))
  expect(message?.key?.toString()).toBe('k')
  const record = JSON.parse(message?.value ?? '') as Record<string, unknown>
  expect(record).toMatchObject({
    requestContext: { condition, approximateInvokeCount: 1 },
    responseContext: null,
    KafkaBatchInfo: { recordInfo: { offset: '7' } },
  })
  const { payloadSize } = record['KafkaBatchInfo'] as { payloadSize: number }
  expect(payloadSize).toBeGreaterThan(7_000_000)
  expect(payloadSize).toBeLessThan(7_001_000)
  expect(Object.keys(record)).not.toContain('payload')
})

test.each(['SCHEMA_NOT_FOUND', 'DESERIALIZATION_ERROR'] as const)(
  '%s comes with the record as it was read, and null for the response',
  (condition) => {
    const [told] = parsed(discardOf({ condition, attempts: 0, report: undefined }))
    expect(told).toMatchObject({
      requestContext: { condition, approximateInvokeCount: 1 },
      responseContext: null,
      payload: { records: { 'my-topic-0': [{ offset: 100 }] } },
    })
  },
)

test('a record without a key gives a message without one, and all can go without their payload', () => {
  const [message] = messages(discardOf({}, null))
  expect(message?.key).toBeNull()
  const { payload: _, ...rest } = JSON.parse(message?.value ?? '') as Record<string, unknown>
  expect(JSON.parse(message?.withoutPayload ?? '')).toEqual(rest)
})

function batchOf(discard: Discard, origin = managed) {
  const context = { functionArn, origin, frame: eventFrame(origin, 'my-topic') }
  return batchMessage(discard, context, occasion)
}

test('all that was given up is one message for services, with the range of each partition', () => {
  const [zero, seven] = [discardOf().groups[0], new Lane(7)]
  if (zero === undefined) throw new Error('no group')
  const timestampMs = Date.parse('2019-11-14T18:16:05.000Z')
  seven.push(laneRecord(3, { topic: 'my-topic', partition: 7, timestampMs }))
  const groups = [zero, { lane: seven, partition: 7, records: seven.take(1) }]
  const { value, withoutPayload, key } = batchOf(discardOf({ groups }))
  const { payload, ...rest } = JSON.parse(value) as { payload: string }
  expect(key).toBeNull()
  expect(JSON.parse(withoutPayload)).toEqual(rest)
  expect(rest).toEqual({
    requestContext: {
      requestId: 'e4b46cbf',
      functionArn,
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 3,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: '2019-11-14T18:16:05.568Z',
    KafkaBatchInfo: {
      batchSize: 3,
      eventSourceArn: arn,
      bootstrapServers: 'b-1:9098,b-2:9098',
      payloadSize: payload.length,
      recordsInfo: {
        'my-topic-0': {
          firstRecordOffset: '100',
          lastRecordOffset: '101',
          firstRecordTimestamp: '2019-11-14T18:16:04.835Z',
          lastRecordTimestamp: '2019-11-14T18:16:04.835Z',
        },
        'my-topic-7': {
          firstRecordOffset: '3',
          lastRecordOffset: '3',
          firstRecordTimestamp: '2019-11-14T18:16:05.000Z',
          lastRecordTimestamp: '2019-11-14T18:16:05.000Z',
        },
      },
    },
  })
  expect(JSON.parse(payload)).toMatchObject({
    eventSource: 'aws:kafka',
    records: { 'my-topic-0': [{ offset: 100 }, { offset: 101 }], 'my-topic-7': [{ offset: 3 }] },
  })
})

test('what no event can hold comes without its payload to a bucket, too', () => {
  const lane = new Lane(0)
  lane.push({ ...laneRecord(7), oversizedBytes: 7e6 })
  const groups = [{ lane, partition: 0, records: lane.take(1) }]
  const condition = 'MaximumPayloadSizeExceeded'
  const { value } = batchOf(discardOf({ groups, condition, attempts: 0, report: undefined }))
  const record = JSON.parse(value) as Record<string, { payloadSize: number }>
  expect(record['KafkaBatchInfo']?.payloadSize).toBeGreaterThan(7e6)
  expect(record).not.toHaveProperty('payload')
  expect(record['responseContext']).toBeNull()
})
