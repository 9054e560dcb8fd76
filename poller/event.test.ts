// Tests that events have Lambda's exact text, that a thread builds the same, and the size that is accounted for them.
import { expect, test } from 'vitest'
import { buildKafkaEvent } from '../events/kafka-packing.ts'
import { laneRecord, type RecordParts } from '../test/support/lane-record.ts'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import {
  eventFrame,
  recordEventOf,
  eventSizeBytes,
  KafkaEvent,
  recordSizer,
  streamFrame,
  type EventGroup,
} from './event.ts'

const sample = {
  topic: 'mytopic',
  timestampMs: 1_545_084_650_987,
  key: Buffer.from('abcDEFghiJKLmnoPQRstuVWXyz1234=='),
  value: Buffer.from('Hello, this is a test.'),
  headers: [{ name: 'headerKey', value: Buffer.from('headerValue') }],
}
const selfManaged = { bootstrapServers: ['b-1:9092', 'b-2:9092'] }
const arn = 'arn:aws:kafka:us-east-1:000000000000:cluster/c/1'
const managed = { ...selfManaged, eventSourceArn: arn }

const eventOf = (groups: readonly EventGroup[], origin: object = selfManaged): KafkaEvent =>
  new KafkaEvent(eventFrame({ ...selfManaged, ...origin }, 'mytopic'), groups)

const only = (parts: RecordParts, offset = 15): KafkaEvent =>
  eventOf([{ partition: 0, records: [laneRecord(offset, { ...sample, ...parts })] }])

interface BuiltEvent {
  readonly records: Record<string, Record<string, unknown>[]>
}

const recordOf = (event: KafkaEvent): Record<string, unknown> | undefined =>
  (JSON.parse(event.text()) as BuiltEvent).records['mytopic-0']?.[0]

/** As a thread does, in memory that held something else, and no more of it than was asked for. */
function built(event: KafkaEvent): unknown {
  const memory = new SharedArrayBuffer(Math.ceil(event.packedMaxBytes / 8) * 8)
  new Uint8Array(memory).fill(0xee)
  event.pack(memory)
  return buildKafkaEvent(memory)
}

/** `toEqual` does not see the order of members; the text does. */
function expectSame(event: KafkaEvent): void {
  const text = event.text()
  expect(event.sizeBytes).toBe(Buffer.byteLength(text))
  const parsed: unknown = JSON.parse(text)
  expect(built(event)).toEqual(parsed)
  expect(JSON.stringify(built(event))).toBe(JSON.stringify(parsed))
}

test('a self-managed event has its keys in the order of Lambda', () => {
  expect(only({}).text()).toBe(
    '{"eventSource":"SelfManagedKafka","bootstrapServers":"b-1:9092,b-2:9092","records":{"mytopic-0":[' +
      '{"topic":"mytopic","partition":0,"offset":15,"timestamp":1545084650987,"timestampType":"CREATE_TIME",' +
      '"key":"YWJjREVGZ2hpSktMbW5vUFFSc3R1VldYeXoxMjM0PT0=","value":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",' +
      '"headers":[{"headerKey":[104,101,97,100,101,114,86,97,108,117,101]}]}]}}',
  )
})

test('a managed event names its ARN second', () => {
  const event = eventOf([{ partition: 0, records: [laneRecord(15, sample)] }], managed)
  expect(Object.keys(JSON.parse(event.text()) as object)).toEqual([
    'eventSource',
    'eventSourceArn',
    'bootstrapServers',
    'records',
  ])
  expect(JSON.parse(event.text())).toMatchObject({ eventSource: 'aws:kafka', eventSourceArn: arn })
  expectSame(event)
})

test('a record without key, value or headers lacks the first two and has none of the third', () => {
  expect(recordOf(only({ key: null, value: null, headers: [] }))).toEqual({
    topic: 'mytopic',
    partition: 0,
    offset: 15,
    timestamp: 1_545_084_650_987,
    timestampType: 'CREATE_TIME',
    headers: [],
  })
  expect(recordOf(only({ key: Buffer.alloc(0) }))).toMatchObject({ key: '' })
})

test('header values are signed bytes, header names any text, and repeated names stay', () => {
  const headers = [
    { name: 'ü"', value: Buffer.from([0, 127, 128, 255]) },
    { name: 'ü"', value: Buffer.alloc(0) },
  ]
  expect(recordOf(only({ headers }))).toMatchObject({
    headers: [{ 'ü"': [0, 127, -128, -1] }, { 'ü"': [] }],
  })
})

const avro = { dataFormat: 'AVRO', schemaId: '1' } as const
const json = { dataFormat: 'JSON', schemaId: '4294967295' } as const

test('the schemas that a record was read by are its last members', () => {
  const record = recordOf(only({ schemas: { key: json, value: avro } }))
  expect(Object.keys(record ?? {}).slice(-3)).toEqual([
    'headers',
    'keySchemaMetadata',
    'valueSchemaMetadata',
  ])
  expect(record).toMatchObject({
    keySchemaMetadata: { dataFormat: 'JSON', schemaId: '4294967295' },
    valueSchemaMetadata: { dataFormat: 'AVRO', schemaId: '1' },
  })
})

const odd: readonly (readonly [name: string, parts: RecordParts, offset?: number])[] = [
  ['nothing but its place', { key: null, value: null, headers: [] }],
  ['a tombstone', { value: null }],
  ['no key', { key: null }],
  ['an empty key and an empty value', { key: Buffer.alloc(0), value: Buffer.alloc(0) }],
  ['one byte', { key: Buffer.from([0]), value: Buffer.from([255]) }],
  ['bytes that are no UTF-8', { key: Buffer.from([0xff, 0xfe]), value: Buffer.from([0xc3, 0x28]) }],
  ['the largest offset', {}, Number.MAX_SAFE_INTEGER],
  ['an offset beyond 32 bits', {}, 2 ** 32 + 1],
  ['the first offset', {}, 0],
  ['a time of 1970', { timestampMs: 0 }],
  ['no time', { timestampMs: -1 }],
  ['a time beyond 13 digits', { timestampMs: 10_000_000_000_000 }],
  ['the time of the append', { timestampType: 'LOG_APPEND_TIME' }],
  [
    'a name that is a property of all',
    { headers: [{ name: '__proto__', value: Buffer.from('x') }] },
  ],
  ['schemas of key and value', { schemas: { key: json, value: avro } }],
  ['the schema of its value, and no headers', { schemas: { value: avro }, headers: [] }],
  ['the schema of its key, and no value', { schemas: { key: avro }, value: null }],
  ['neither of both to have a schema', { schemas: {}, key: null, value: null, headers: [] }],
  ['half a pair of UTF-16', { headers: [{ name: '\ud800', value: Buffer.from('x') }] }],
  [
    'key and value in buffers of their own',
    { key: Buffer.alloc(5000, 1), value: Buffer.alloc(9000, 2) },
  ],
]

test.each(odd.map(([name, parts, offset = 15]) => ({ name, parts, offset })))(
  'a record with $name is in a thread what its text says',
  ({ parts, offset }) => expectSame(only(parts, offset)),
)

test('a record that lies amid others in one buffer is copied with them, and is as it was', () => {
  const bytes = Buffer.from(Array.from({ length: 3000 }, (_, i) => i % 251))
  for (const gap of [0, 1, 63, 64, 65, 500]) {
    const records = Array.from({ length: 5 }, (_, i) => {
      const start = 3 + i * (90 + gap)
      return laneRecord(i, {
        ...sample,
        key: bytes.subarray(start, start + 7),
        value: bytes.subarray(start + 9, start + 90),
      })
    })
    expectSame(eventOf([{ partition: 0, records }]))
    expectSame(eventOf([{ partition: 0, records: records.toReversed() }]))
  }
})

test(`any event is in a thread what its text says, and as large as is accounted (SEED=${seed})`, () => {
  for (let run = 0; run < 200; run++) expectSame(anyEvent(randomFrom(seed + run * 104_729)))
})

/** Any number of groups: what a group adds is its partition's digits, and commas between. */
function anyEvent(random: () => number): KafkaEvent {
  const below = (limit: number): number => Math.floor(random() * limit)
  const shared = Buffer.from(Array.from({ length: 4000 }, () => below(256)))
  const bytes = (): Buffer | null => {
    const kind = below(4)
    if (kind === 0) return null
    if (kind === 1) return Buffer.alloc(below(200), below(256))
    const start = below(3900)
    return shared.subarray(start, start + below(100))
  }
  const partitions = [0, 7, 12, 345].slice(0, below(5))
  const groups = partitions.map((partition) => ({
    partition,
    records: Array.from({ length: 1 + below(6) }, (_, i) =>
      laneRecord(10 ** below(15) + i, {
        topic: 'mytopic',
        partition,
        timestampMs: 10 ** below(15),
        timestampType: below(2) === 0 ? 'CREATE_TIME' : 'LOG_APPEND_TIME',
        key: bytes(),
        value: bytes(),
        ...[{}, { schemas: { key: json } }, { schemas: { key: json, value: avro } }][below(3)],
        headers: Array.from({ length: below(3) }, () => ({
          name: ['a', 'ü', '"', '€'][below(4)] ?? '',
          value: bytes() ?? Buffer.alloc(0),
        })),
      }),
    ),
  }))
  return eventOf(groups, below(2) === 0 ? selfManaged : managed)
}

test('the accounted size is the exact size of the text in bytes', () => {
  for (const origin of [selfManaged, managed]) {
    const frame = eventFrame(origin, 'mytopic')
    for (const partitions of [[], [0], [7, 12], [0, 3, 456]]) {
      const groups = partitions.map((partition) => ({
        partition,
        records: [9, 10, 100].map((offset) => laneRecord(offset, { ...sample, partition })),
      }))
      const records = groups.flatMap((group) => group.records)
      const recordBytes = records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      const content = { recordBytes, records: records.length }
      const text = new KafkaEvent(frame, groups).text()
      expect(eventSizeBytes(frame, partitions, content)).toBe(Buffer.byteLength(text))
    }
  }
})

test('an event of a stream is as large as its frame, its records and their commas say', () => {
  const frame = streamFrame(
    {
      eventSourceARN: 'arn:aws:kinesis:us-east-2:123456789012:stream/laps',
      awsRegion: 'us-east-2',
      invokeIdentityArn: 'arn:aws:iam::123456789012:role/lambda-role',
    },
    'laps',
  )
  const sizeOf = recordSizer(frame, 6)
  for (const keys of [['a'], ['a', '"', 'ü€'], ['', 'b']]) {
    const records = keys.map((partitionKey, offset) => {
      const stream = {
        shardId: 'shardId-000000000006',
        sequenceNumber: `49${offset}`,
        partitionKey,
      }
      const bytes = Buffer.from(`value ${offset}`)
      const content = {
        offset,
        timestampMs: 1_545_084_650_987,
        timestampType: 'LOG_APPEND_TIME' as const,
        bytes,
        keyStart: 0,
        keyBytes: -1,
        valueStart: 0,
        valueBytes: bytes.length,
        headerCount: 0,
        headers: [],
        stream,
      }
      return { content, sizeBytes: sizeOf(content) }
    })
    const event = recordEventOf(frame, [{ partition: 6, records }])
    expect(event.kind).toBe('kinesis')
    const recordBytes = records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const content = { recordBytes, records: records.length }
    expect(eventSizeBytes(frame, [6], content)).toBe(Buffer.byteLength(event.text()))
    expect(event.sizeBytes).toBe(Buffer.byteLength(event.text()))
  }
})
