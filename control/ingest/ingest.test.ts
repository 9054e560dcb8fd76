// Proves that HTTP ingestion takes an object, an array or lines, tells each record's place or error, and is bounded.
import { request } from 'node:http'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  ingestBodyMaxBytes,
  ingestRecordsMax,
  partitionKeyMaxLength,
} from '../../common/kinesis-call-limits.ts'
import { startControlForTest } from '../../test/support/control-harness.ts'
import { TestBroker } from '../../test/support/test-broker.ts'
import { ingestRecords } from './ingest-records.ts'

let broker: TestBroker
let kinesis: string
beforeEach(async () => {
  broker = await TestBroker.start({ kinesisPort: 0 })
  onTestFinished(() => broker.remove())
  kinesis = broker.role.doors['kinesis'] ?? ''
})

async function call(operation: string, input: object): Promise<Record<string, unknown>> {
  const headers = {
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': `Kinesis_20131202.${operation}`,
  }
  const answer = await fetch(kinesis, { method: 'POST', headers, body: JSON.stringify(input) })
  const text = await answer.text()
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

async function start(options: { readonly ingestApiKey?: string } = {}): Promise<string> {
  await call('CreateStream', { StreamName: 'laps', ShardCount: 1 })
  const { url } = await startControlForTest({ kinesisUrl: kinesis, ...options })
  return url
}

interface Answered {
  readonly status: number
  readonly body: {
    readonly message?: string
    readonly ShardId?: string
    readonly FailedRecordCount?: number
    readonly Records?: readonly { readonly ErrorCode?: string; readonly ErrorMessage?: string }[]
  }
}

async function ingest(
  url: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const answer = await fetch(url, { method: 'POST', headers, body })
  return { status: answer.status, body: (await answer.json()) as Answered['body'] }
}

async function stored(): Promise<readonly (readonly [string, string])[]> {
  const start = { StreamName: 'laps', ShardId: 'shardId-000000000000' }
  const iterator = await call('GetShardIterator', { ...start, ShardIteratorType: 'TRIM_HORIZON' })
  const { Records } = await call('GetRecords', iterator)
  return (Records as { Data: string; PartitionKey: string }[]).map(
    ({ Data, PartitionKey }) => [PartitionKey, Buffer.from(Data, 'base64').toString()] as const,
  )
}

test('an object is one record, as it was sent, and its answer its place', async () => {
  const url = `${await start()}/ingest/laps`
  const { status, body } = await ingest(url, ' {"lap": 1,  "car":"16"}\n', {
    'x-partition-key': 'car-16',
  })
  expect([status, body]).toEqual([
    200,
    {
      ShardId: 'shardId-000000000000',
      SequenceNumber: expect.stringMatching(/^49\d{54}$/) as string,
    },
  ])
  expect(await stored()).toEqual([['car-16', '{"lap": 1,  "car":"16"}']])
})

test('elements of an array have keys of their own by a field, and one without it fails alone', async () => {
  const url = `${await start()}/ingest/laps`
  const records = [{ car: { id: 16 } }, { car: {} }, { car: { id: 'x' } }]
  const { status, body } = await ingest(url, JSON.stringify(records), {
    'x-partition-key-field': 'car.id',
  })
  expect(status).toBe(200)
  expect(body.FailedRecordCount).toBe(1)
  expect(body.Records?.map(({ ErrorMessage }) => ErrorMessage)).toEqual([
    undefined,
    'The record has no partition key at car.id.',
    undefined,
  ])
  expect(await stored()).toEqual([
    ['16', '{"car":{"id":16}}'],
    ['x', '{"car":{"id":"x"}}'],
  ])
})

test('lines are records, empty ones are not, and one that is no JSON fails alone', async () => {
  const url = `${await start()}/ingest/laps`
  const lines = Array.from({ length: 1200 }, (_, lap) => `{"lap":${lap}}`)
  const text = [...lines.slice(0, 700), '', '{"lap":', ...lines.slice(700)].join('\r\n')
  const { status, body } = await ingest(url, text, { 'content-type': 'application/x-ndjson' })
  expect([status, body.FailedRecordCount, body.Records?.length]).toEqual([200, 1, 1201])
  expect(body.Records?.[700]).toEqual({
    ErrorCode: 'SerializationException',
    ErrorMessage: 'The line is not JSON.',
  })
  const data = (await stored()).map(([, value]) => value)
  expect(data).toEqual(lines)
})

test.each([
  ['', 400, 'The body is empty.'],
  ['{"lap":', 400, 'The body is neither JSON nor lines of JSON.'],
  ['5', 400, 'The body is neither an object nor an array of records.'],
  ['[]', 400, 'The array has no records.'],
])('%j is answered with %i', async (text, status, message) => {
  const url = `${await start()}/ingest/laps`
  expect(await ingest(url, text)).toEqual({ status, body: { message } })
})

test('a stream that is not there is 404, a door that is shut 503, one that is gone 502', async () => {
  const url = await start()
  expect(await ingest(`${url}/ingest/none`, '{}')).toMatchObject({
    status: 404,
    body: {
      message: 'Stream none under account 000000000000 not found.',
      ErrorCode: 'ResourceNotFoundException',
    },
  })
  expect(await ingest(`${url}/ingest/none`, '[1,2]')).toMatchObject({
    status: 404,
    body: { FailedRecordCount: 2 },
  })
  const shut = await startControlForTest()
  expect((await ingest(`${shut.url}/ingest/laps`, '{}')).status).toBe(503)
  await broker.remove()
  expect((await ingest(`${url}/ingest/laps`, '{}')).status).toBe(502)
})

test('with an API key nobody is let in without it', async () => {
  const url = `${await start({ ingestApiKey: 'secret' })}/ingest/laps`
  expect(await ingest(url, '{}')).toEqual({ status: 403, body: { message: 'Forbidden' } })
  expect((await ingest(url, '{}', { 'x-api-key': 'secre' })).status).toBe(403)
  expect((await ingest(url, '{}', { 'x-api-key': 'secret' })).status).toBe(200)
})

test('a body that says that it is too large is refused before any of it is read', async () => {
  const url = `${await start()}/ingest/laps`
  const status = await new Promise((resolve, reject) => {
    const headers = { 'content-length': ingestBodyMaxBytes + 1 }
    const sent = request(url, { method: 'POST', headers }, (response) => {
      resolve(response.statusCode)
      sent.destroy()
    })
    sent.on('error', reject)
    sent.end(Buffer.alloc(ingestBodyMaxBytes + 1))
  })
  expect(status).toBe(413)
})

test('records and keys are bounded', () => {
  const keys = { random: () => 'k' }
  const lines = (count: number): Buffer => Buffer.from('1\n'.repeat(count))
  expect(ingestRecords(lines(ingestRecordsMax), true, keys)).toMatchObject({ isSingle: false })
  expect(ingestRecords(lines(ingestRecordsMax + 1), true, keys)).toMatch(/more than 10000 records/)
  expect(ingestRecords(Buffer.from([0xff]), true, keys)).toBe('The body is not UTF-8.')
  const key = 'k'.repeat(partitionKeyMaxLength + 1)
  expect(ingestRecords(Buffer.from('{}'), false, { ...keys, key })).toMatchObject({
    records: [{ ok: false, reason: expect.stringContaining('257 characters') as string }],
  })
})
