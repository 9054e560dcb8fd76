// Tests that a Kinesis event has Lambda's members in their order, that a thread builds the same, and its size.
import { expect, test } from 'vitest'
import { buildKinesisEvent, KinesisEvent, type KinesisRecord } from './kinesis-event.ts'

const origin = {
  shardId: 'shardId-000000000006',
  eventSourceARN: 'arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream',
  awsRegion: 'us-east-2',
  invokeIdentityArn: 'arn:aws:iam::123456789012:role/lambda-role',
}

const bytes = Buffer.from(Array.from({ length: 4000 }, (_, i) => i % 251))

const record = (parts: Partial<KinesisRecord> = {}): KinesisRecord => ({
  partitionKey: '1',
  sequenceNumber: '49590338271490256608559692538361571095921575989136588898',
  approximateArrivalTimestamp: 1_545_084_650.987,
  bytes: Buffer.from('Hello, this is a test.'),
  dataStart: 0,
  dataBytes: 22,
  ...parts,
})

const window = {
  startMs: Date.UTC(2026, 10, 27, 7, 4),
  endMs: Date.UTC(2026, 10, 27, 7, 6),
  state: '{"ü€":[1,{"__proto__":2}]}',
  shardId: origin.shardId,
  eventSourceARN: origin.eventSourceARN,
  isFinal: true,
  isTerminatedEarly: false,
}

function built(event: KinesisEvent): unknown {
  const memory = new SharedArrayBuffer(Math.ceil(event.packedMaxBytes / 8) * 8)
  new Uint8Array(memory).fill(0xee)
  event.pack(memory)
  return buildKinesisEvent(memory)
}

test('an event has its members in the order of Lambda', () => {
  expect(new KinesisEvent(origin, [record()]).text()).toBe(
    '{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1",' +
      '"sequenceNumber":"49590338271490256608559692538361571095921575989136588898",' +
      '"data":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==","approximateArrivalTimestamp":1545084650.987},' +
      '"eventSource":"aws:kinesis","eventVersion":"1.0",' +
      '"eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898",' +
      '"eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role",' +
      '"awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}]}',
  )
})

test.each([
  ['no records', []],
  ['one', [record()]],
  ['no data', [record({ dataBytes: 0 })]],
  [
    'keys of any text',
    ['', '"', '\\', '\u0000', 'ü€😀', '\ud800'].map((partitionKey) => record({ partitionKey })),
  ],
  [
    'more records than have their names together, of which one is no text',
    Array.from({ length: 40 }, (_, i) =>
      record({ partitionKey: i === 20 ? `\ud800${i}` : `ü${i}`, sequenceNumber: String(3 ** i) }),
    ),
  ],
  [
    'data amid other data',
    [3, 500, 570, 1000].map((dataStart) => record({ bytes: bytes, dataStart, dataBytes: 60 })),
  ],
  [
    'data out of order',
    [1000, 570, 3].map((dataStart) => record({ bytes: bytes, dataStart, dataBytes: 61 })),
  ],
  [
    'times of any length',
    [0, -1, 7.5, 1e-3, 999_999_999.999, 1e10, 1_545_084_650, 1_545_084_650.9, 1_545_084_650.98].map(
      (approximateArrivalTimestamp) => record({ approximateArrivalTimestamp }),
    ),
  ],
])('an event of %s is in a thread what its text says, and as large as it says', (_, records) => {
  for (const of of [undefined, window]) {
    const event = new KinesisEvent(origin, records, of)
    const text = event.text()
    expect(event.sizeBytes).toBe(Buffer.byteLength(text))
    const parsed: unknown = JSON.parse(text)
    expect(built(event)).toEqual(parsed)
    expect(JSON.stringify(built(event))).toBe(JSON.stringify(parsed))
  }
})
