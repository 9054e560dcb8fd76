// Tests that records are decoded in their order, that who waits holds up nobody else, and that nothing is handed on too early.
import { beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../common/logger.ts'
import { decodedRecordsAtOnceMax } from '../../common/schema-limits.ts'
import type { RecordRun, Source, SourceListener, SourceRecord } from '../sources/source.ts'
import { DecodingSource } from './decoding-source.ts'
import { deserializerOf } from './deserializer.ts'
import type { DecodeRules } from './record-decoder.ts'
import type { Found } from './schema-store.ts'
import { wireFormats } from './wire-format.ts'

/** What the decoding source has before it; runs come when a test says so. */
class PlayedSource implements Source {
  readonly paused = new Set<number>()
  committed: ReadonlyMap<number, number> | undefined
  isStopped = false
  listener: SourceListener | undefined

  start(listener: SourceListener): void {
    this.listener = listener
  }
  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.paused.add(partition)
  }
  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.paused.delete(partition)
  }
  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    this.committed = offsets
  }
  async stop(): Promise<void> {
    this.isStopped = true
  }
}

let inner: PlayedSource
let runs: RecordRun[]
let known: Map<string, Found>
let asked: Map<string, PromiseWithResolvers<void>>
let failures: number
let turns: (() => void)[]
let source: DecodingSource

const listener: SourceListener = {
  assigned: () => new Map([[0, 5]]),
  checkpoints: () => new Map([[0, 1]]),
  rewound: () => {},
  records: (run) => runs.push(run),
  problem: () => {},
}

beforeEach(() => {
  inner = new PlayedSource()
  runs = []
  known = new Map()
  asked = new Map()
  failures = 0
  turns = []
})

function start(rules: Partial<DecodeRules> = {}): void {
  source = new DecodingSource({
    inner,
    rules: { format: 'JSON', wire: wireFormats.confluent, ofKeys: false, ofValues: true, ...rules },
    schemas: {
      known: (id) => known.get(id),
      find: async (id) => {
        const waiting = Promise.withResolvers<void>()
        asked.set(id, waiting)
        await waiting.promise
        return known.get(id)
      },
      stop: () => {},
    },
    logger: silentLogger,
    failed: (records) => {
      failures += records
    },
    yield: () => new Promise((resolve) => turns.push(resolve)),
  })
  source.start(listener)
}

const int = await deserializerOf({ wire: 'confluent', type: 'AVRO', text: '"int"', references: [] })
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The prefix of a schema's id, and a number as Avro has it. */
const of = (id: number, value: number): Buffer => Buffer.from([0, 0, 0, 0, id, value * 2])

function run(partition: number, from: number, ...values: (Buffer | null)[]): RecordRun {
  const records = values.map((value, index): SourceRecord => {
    const place = { topic: 't', partition, offset: from + index, timestampMs: 1 }
    return { ...place, timestampType: 'CREATE_TIME', key: Buffer.from('k'), value, headers: [] }
  })
  return { partition, records, nextOffset: from + values.length, endOffset: 100 }
}

const bring = (...args: Parameters<typeof run>): void => inner.listener?.records(run(...args))
const values = (partition = 0): string[] =>
  runs
    .filter((each) => each.partition === partition)
    .flatMap(({ records }) => records.map(({ value }) => String(value)))

async function answer(id: string, found: Found = int): Promise<void> {
  known.set(id, found)
  asked.get(id)?.resolve()
  await settle()
}

test('what is known is decoded at once, with what it was read by', () => {
  start()
  known.set('7', int)
  bring(0, 3, of(7, 1), null, of(7, 2))
  expect(runs).toHaveLength(1)
  expect(runs[0]).toMatchObject({ partition: 0, nextOffset: 6, endOffset: 100 })
  expect(values()).toEqual(['1', 'null', '2'])
  const [first, second] = runs[0]?.records ?? []
  expect(first).toMatchObject({
    offset: 3,
    key: Buffer.from('k'),
    schemas: { value: { dataFormat: 'AVRO', schemaId: '7' } },
    // The key, and the six bytes that were read.
    polledBytes: 7,
  })
  // A null has nothing to be read, and no schema.
  expect(second?.schemas).toEqual({})
})

test('keys are decoded where they are checked, and then by a schema of their own', () => {
  start({ ofKeys: true, ofValues: false })
  known.set('7', int)
  inner.listener?.records({
    ...run(0, 0, Buffer.from('as it is')),
    records: [{ ...run(0, 0, Buffer.from('as it is')).records[0], key: of(7, 5) } as SourceRecord],
  })
  expect(runs[0]?.records[0]).toMatchObject({
    key: Buffer.from('5'),
    value: Buffer.from('as it is'),
    schemas: { key: { dataFormat: 'AVRO', schemaId: '7' } },
  })
})

test('in its source format a record loses its prefix alone, and filters see its JSON', () => {
  start({ format: 'SOURCE' })
  known.set('7', int)
  bring(0, 0, of(7, 5))
  expect(runs[0]?.records[0]).toMatchObject({
    value: Buffer.from([10]),
    filtered: { key: Buffer.from('k'), value: Buffer.from('5') },
    schemas: { value: { dataFormat: 'AVRO', schemaId: '7' } },
  })
})

test('a schema that a header names is used, for key and value apart, and the bytes stay whole', async () => {
  const guid = '4423247b-9149-4d26-99ef-e45eee189a60'
  const id = Buffer.from(`01${guid.replaceAll('-', '')}`, 'hex')
  const only: SourceRecord[] = [
    {
      ...(run(0, 0, Buffer.from([10])).records[0] as SourceRecord),
      key: of(7, 3),
      headers: [
        { name: '__value_schema_id', value: Buffer.from('an older one') },
        { name: '__value_schema_id', value: id },
      ],
    },
  ]
  for (const format of ['JSON', 'SOURCE'] as const) {
    start({ format, ofKeys: true })
    known.set('7', int)
    inner.listener?.records({ partition: 0, records: only, nextOffset: 1, endOffset: 1 })
    await answer(guid)
    expect(runs.at(-1)?.records[0]).toMatchObject({
      key: format === 'JSON' ? Buffer.from('3') : Buffer.from([6]),
      value: format === 'JSON' ? Buffer.from('5') : Buffer.from([10]),
      schemas: { key: { schemaId: '7' }, value: { dataFormat: 'AVRO', schemaId: guid } },
      headers: only[0]?.headers,
    })
  }
  start()
  const headers = [{ name: '__value_schema_id', value: Buffer.from([9]) }]
  const broken = { ...run(0, 0, of(7, 1)).records[0], headers } as SourceRecord
  inner.listener?.records({ partition: 0, records: [broken], nextOffset: 1, endOffset: 1 })
  expect(runs.at(-1)?.records[0]?.failure).toBe('DESERIALIZATION_ERROR')
})

test('a partition waits for its schema, tells how far it goes, and keeps its order; others go on', async () => {
  start()
  known.set('7', int)
  bring(0, 3, of(8, 1), of(7, 2))
  bring(0, 5, of(7, 3))
  bring(1, 0, of(7, 4))
  expect(values(1)).toEqual(['4'])
  expect(runs[0]).toMatchObject({ partition: 0, records: [], nextOffset: 3, endOffset: 100 })
  expect(values()).toEqual([])
  await answer('8')
  turns.shift()?.()
  await settle()
  expect(values()).toEqual(['1', '2', '3'])
})

test.each<[string, Buffer, Found | undefined, string]>([
  ['without a prefix', Buffer.from('text'), undefined, 'DESERIALIZATION_ERROR'],
  ['of no bytes', Buffer.alloc(0), undefined, 'DESERIALIZATION_ERROR'],
  ['of a schema that is not there', of(9, 1), 'missing', 'SCHEMA_NOT_FOUND'],
  ['that its schema does not fit', of(7, 1).subarray(0, 5), int, 'DESERIALIZATION_ERROR'],
])('a record %s fails as it was read, and the next one does not', (_, bytes, found, failure) => {
  start()
  known.set('7', int)
  if (found !== undefined) known.set('9', found)
  bring(0, 0, bytes, of(7, 2))
  expect(runs[0]?.records).toMatchObject([
    { offset: 0, value: bytes, failure },
    { offset: 1, value: Buffer.from('2') },
  ])
  expect(runs[0]?.records[0]).not.toHaveProperty('schemas')
  expect(failures).toBe(1)
})

test('a large run is handed on in pieces, and others have their turn between', async () => {
  start()
  known.set('7', int)
  const many = Array.from({ length: decodedRecordsAtOnceMax + 1 }, () => of(7, 1))
  bring(0, 0, ...many)
  expect(runs.map(({ records }) => records.length)).toEqual([decodedRecordsAtOnceMax])
  expect(runs[0]?.nextOffset).toBe(decodedRecordsAtOnceMax)
  turns.shift()?.()
  await settle()
  expect(runs.map(({ records }) => records.length)).toEqual([decodedRecordsAtOnceMax, 1])
  expect(runs[1]?.nextOffset).toBe(decodedRecordsAtOnceMax + 1)
})

test('what waits is not read further, and both who paused have to agree before it is', async () => {
  start()
  bring(0, 0, of(8, 1))
  expect(inner.paused).toEqual(new Set())
  bring(0, 1, of(8, 2))
  expect(inner.paused).toEqual(new Set([0]))
  source.pause([0, 1])
  source.resume([0, 1])
  expect(inner.paused).toEqual(new Set([0]))
  source.pause([0])
  await answer('8')
  turns.shift()?.()
  await settle()
  expect(values()).toEqual(['1', '2'])
  expect(inner.paused).toEqual(new Set([0]))
  source.resume([0])
  expect(inner.paused).toEqual(new Set())
})

test.each<[string, () => void]>([
  ['the group deals its partitions out anew', () => inner.listener?.assigned([0], true)],
  ['its log begins anew', () => inner.listener?.rewound(0)],
  ['the mapping stops', () => void source.stop()],
])('what waits is let go of when %s', async (_, happens) => {
  start()
  bring(0, 0, of(8, 1))
  bring(0, 1, of(8, 2))
  happens()
  await answer('8')
  expect(values()).toEqual([])
  bring(0, 0, of(8, 5))
  await settle()
  expect(values()).toEqual(['5'])
})

test('everything else passes', async () => {
  start()
  expect(inner.listener?.assigned([0], false)).toEqual(new Map([[0, 5]]))
  expect(inner.listener?.checkpoints()).toEqual(new Map([[0, 1]]))
  await source.commit(new Map([[0, 2]]))
  expect(inner.committed).toEqual(new Map([[0, 2]]))
  bring(0, 7)
  expect(runs).toMatchObject([{ records: [], nextOffset: 7 }])
  await source.stop()
  expect(inner.isStopped).toBe(true)
})
