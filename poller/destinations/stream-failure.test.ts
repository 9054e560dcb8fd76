// Tests what a destination gets of a shard's records that were given up, member by member and in their order.
import { expect, test } from 'vitest'
import type { Discard } from '../batch.ts'
import { recordEventOf, recordSizer, streamFrame } from '../event.ts'
import { Lane, type LaneRecord } from '../lane.ts'
import { batchMessage } from './failure-record.ts'

const streamArn = 'arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream'
const frame = streamFrame(
  {
    eventSourceARN: `${streamArn}/consumer/fast:1`,
    awsRegion: 'us-east-2',
    invokeIdentityArn: 'arn:aws:iam::123456789012:role/lambda-role',
  },
  'lambda-stream',
)
const shardId = 'shardId-000000000001'
const context = {
  functionArn: 'arn:aws:lambda:us-east-2:123456789012:function:fn',
  origin: { bootstrapServers: [] },
  frame,
}
const occasion = { nowMs: Date.parse('2019-11-14T00:38:06.021Z'), requestId: 'made-up' }

function record(offset: number, oversizedBytes?: number): LaneRecord {
  const timestampMs = Date.parse('2019-11-14T00:38:04.835Z') + offset
  const bytes = Buffer.from(`data ${offset}`)
  const content = {
    offset,
    timestampMs,
    timestampType: 'LOG_APPEND_TIME' as const,
    bytes,
    keyStart: 0,
    keyBytes: -1,
    valueStart: 0,
    valueBytes: bytes.length,
    headerCount: 0,
    headers: [],
    stream: { shardId, sequenceNumber: `4959${offset}`, partitionKey: 'k' },
  }
  const sizeBytes = recordSizer(frame, 1)(content)
  return { offset, timestampMs, content, sizeBytes, ...(oversizedBytes && { oversizedBytes }) }
}

function discardOf(records: readonly LaneRecord[], change: Partial<Discard> = {}): Discard {
  return {
    groups: [{ lane: new Lane(1), partition: 1, records }],
    condition: 'RetryAttemptsExhausted',
    attempts: 2,
    report: { requestId: 'e4b46cbf', executedVersion: '$LATEST', functionError: 'Unhandled' },
    setbacks: 0,
    dueMs: 0,
    ...change,
  }
}

const info =
  `"KinesisBatchInfo":{"shardId":"${shardId}","startSequenceNumber":"49590","endSequenceNumber":"49591",` +
  '"approximateArrivalOfFirstRecord":"2019-11-14T00:38:04.835Z",' +
  '"approximateArrivalOfLastRecord":"2019-11-14T00:38:04.836Z",' +
  `"batchSize":2,"streamArn":"${streamArn}"}`

test('a batch is one message, as recorded of Lambda, and names its shard for the object that it becomes', () => {
  const discard = discardOf([record(0), record(1)])
  const { key, value, withoutPayload, shardId: named } = batchMessage(discard, context, occasion)
  expect([key, named]).toEqual([null, shardId])
  expect(withoutPayload).toBe(
    '{"requestContext":{"requestId":"e4b46cbf",' +
      '"functionArn":"arn:aws:lambda:us-east-2:123456789012:function:fn",' +
      '"condition":"RetryAttemptsExhausted","approximateInvokeCount":2},' +
      '"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},' +
      `"version":"1.0","timestamp":"2019-11-14T00:38:06.021Z",${info}}`,
  )
  const { payload, ...rest } = JSON.parse(value) as { payload: string }
  expect(rest).toEqual(JSON.parse(withoutPayload))
  expect(payload).toBe(recordEventOf(frame, discard.groups).text())
})

test('records that were too old have no response in their message', () => {
  const old = discardOf([record(0)], { condition: 'RecordAgeExceeded', attempts: 0 })
  const message = JSON.parse(batchMessage(old, context, occasion).value) as object
  expect(message).not.toHaveProperty('responseContext')
  expect(message).toMatchObject({ requestContext: { approximateInvokeCount: 1 } })
})

test('a record that no event can hold comes without an event', () => {
  const large = discardOf([record(0, 7_000_000)], { condition: 'MaximumPayloadSizeExceeded' })
  const { value, withoutPayload } = batchMessage(large, context, occasion)
  expect(value).toBe(withoutPayload)
  expect(JSON.parse(value)).toMatchObject({ responseContext: null })
})
