// The two ways to hand records to a mapping: each made and handed over, or only how many there are.
import { compileCriteria, type Criteria } from '../filter/criteria.ts'
import { awsIdlePollMs, getRecordsMax } from '../common/kinesis-client-limits.ts'
import { shardBytesOutPerSecond } from '../common/stream-limits.ts'
import type { RawRecord, StreamPlace } from '../events/raw-record.ts'
import type { CountedRecords } from '../poller/batch.ts'
import { recordSizer } from '../poller/event.ts'
import type { Mapping } from '../poller/mapping.ts'
import type { SourceRecord } from '../poller/sources/source.ts'
import { isStream, type Scenario } from './scenario.ts'
import { frameOf } from './rules.ts'
import { startMs, type Topic } from './topic.ts'

/** Part of a partition, from one offset to before another. */
export interface Stretch {
  readonly partition: number
  readonly from: number
  readonly to: number
  readonly endOffset: number
}

export interface Depth {
  readonly name: 'exact' | 'counted'
  /** Everything happens at a multiple of it. */
  readonly quantumMs: number
  /** How often each partition is read. */
  readonly fetchIntervalMs: number
  /** Of one read of a partition. */
  readonly readMaxRecords: number
  readonly commitIntervalMs: number
  readonly criteria: Criteria
  read(mapping: Mapping, stretch: Stretch, nowMs: number): void
}

/** Above so many, making records takes more than some seconds. */
const exactRecordsMax = 500_000
/** Fetches of a partition in one run: each costs about a microsecond. */
const countedReadsMax = 20_000_000
const exactFetchMs = 10
const countedFetchMs = 50
/** Kafka's max.partition.fetch.bytes, and what GetRecords answers at most. */
const fetchMaxBytes = 1024 * 1024
const getRecordsMaxBytes = 10 * 1024 * 1024

const topicName = 'simulated'
/** Keys of a partition: more than it has lanes, few enough that each has records that wait. */
const keysEach = 12

export function depthOf(scenario: Scenario, topic: Topic): Depth {
  const records = topic.curve.sentBy(scenario.seconds * 1000)
  const wanted = scenario.depth
  const isExact = wanted === 'exact' || (wanted === 'auto' && records <= exactRecordsMax)
  return isExact ? exactDepth(scenario, topic) : countedDepth(scenario, topic)
}

/** At AWS's pace a shard is asked once a second, for what it may give in one; at ours as often as a topic. */
function fetchesOf(
  { traffic, pace }: Scenario,
  ownMs: number,
): Pick<Depth, 'fetchIntervalMs' | 'readMaxRecords'> {
  const isShard = traffic.source === 'kinesis'
  const isAws = isShard && pace === 'aws'
  const maxBytes = isAws ? shardBytesOutPerSecond : isShard ? getRecordsMaxBytes : fetchMaxBytes
  const fitting = Math.max(1, Math.floor(maxBytes / traffic.recordBytes))
  return {
    fetchIntervalMs: isAws ? awsIdlePollMs : ownMs,
    readMaxRecords: isShard ? Math.min(getRecordsMax, fitting) : fitting,
  }
}

function exactDepth(scenario: Scenario, topic: Topic): Depth {
  const { traffic } = scenario
  const payload = isStream(scenario) ? 'data' : 'value'
  const filters = traffic.matching < 1 ? [`{"${payload}":{"keep":[true]}}`] : []
  const compiled = compileCriteria(filters, payload)
  if (!compiled.ok) throw new Error(compiled.reason)
  const kept = valueOf('{"keep":true,"pad":"', traffic.recordBytes)
  const dropped = valueOf('{"keep":false,"pad":"', traffic.recordBytes)
  const keys = keysOf(scenario)
  return {
    name: 'exact',
    quantumMs: 1,
    ...fetchesOf(scenario, exactFetchMs),
    commitIntervalMs: 100,
    criteria: compiled.criteria,
    read: (mapping, { partition, from, to, endOffset }, nowMs) => {
      const records: SourceRecord[] = []
      for (let offset = from; offset < to; offset++) {
        const value = topic.isKept(offset) ? kept : dropped
        const timestampMs = topic.timestampMs(partition, offset)
        const key = keys[offset % keys.length] ?? null
        const of = { partition, offset, timestampMs, value }
        records.push(isStream(scenario) ? streamRecordOf(of, key) : recordOf({ ...of, key }))
      }
      mapping.recordsArrived({ partition, records, nextOffset: to, endOffset }, nowMs)
    },
  }
}

function countedDepth(scenario: Scenario, topic: Topic): Depth {
  const { mapping: model, seconds } = scenario
  const compiled = compileCriteria([], 'value')
  if (!compiled.ok) throw new Error(compiled.reason)
  const quantumMs = quantumOf(scenario)
  const { fetchIntervalMs: ownMs, ...fetches } = fetchesOf(scenario, countedFetchMs)
  const leastMs = Math.ceil((topic.partitions * seconds * 1000) / countedReadsMax)
  const fetchIntervalMs = Math.ceil(Math.max(ownMs, leastMs) / quantumMs) * quantumMs
  const content = sampleOf(scenario)
  const { parallelizationFactor: factor = 1 } = model
  const turn = Math.ceil(model.batchSize / factor)
  const alike = { content, sizeBytes: recordSizer(frameOf(scenario), 0)(content) }
  return {
    name: 'counted',
    quantumMs,
    fetchIntervalMs,
    ...fetches,
    commitIntervalMs: topic.partitions > 1000 ? 1000 : 100,
    criteria: compiled.criteria,
    read: (mapping, { partition, from, to, endOffset }, nowMs) => {
      // Those that the filters let through are taken to come before the others of the same read.
      const kept = topic.keptBefore(to) - topic.keptBefore(from)
      const entries: CountedRecords[] = []
      let count = 0
      for (let offset = from; offset < from + kept; offset += count) {
        // The lanes of a partition take turns; an entry that is read again is in the lane it was in.
        const slot = Math.floor(offset / turn) % factor
        const most = factor === 1 ? model.batchSize : turn - (offset % turn)
        count = Math.min(most, from + kept - offset)
        const timestampMs = topic.timestampMs(partition, offset + (count >> 1))
        entries.push({ offset, timestampMs, ...alike, count, slot })
      }
      const run = { partition, firstOffset: from, entries, nextOffset: to, endOffset }
      mapping.recordsCounted(run, nowMs)
    },
  }
}

/** Which key a record of a partition has where keys have lanes of their own; undefined for none. */
export function keyIndexOf(offset: number): number | undefined {
  const index = offset % (keysEach + 1)
  return index === keysEach ? undefined : index
}

/** Of the records of each partition, one after the other; none where nothing depends on them. */
function keysOf(scenario: Scenario): readonly (Buffer | null)[] {
  const { parallelizationFactor = 1 } = scenario.mapping
  if (parallelizationFactor === 1) return [null]
  return Array.from({ length: keysEach + 1 }, (_, offset) => keyAt(scenario, offset))
}

/** The key of a record of any partition where keys have lanes of their own; every record of a stream has one. */
export function keyAt(scenario: Scenario, offset: number): Buffer | null {
  const index = keyIndexOf(offset) ?? (isStream(scenario) ? keysEach : undefined)
  return index === undefined ? null : Buffer.from(`key ${index}`)
}

/** Fine enough for the function's duration, and no finer: each step costs a look at every lane. */
function quantumOf({ function: { batchMs, recordMs }, mapping }: Scenario): number {
  const durationMs = batchMs + recordMs * mapping.batchSize
  return Math.min(10, Math.max(1, Math.floor(durationMs / 10)))
}

function valueOf(head: string, sizeBytes: number): Buffer {
  const padding = Math.max(0, sizeBytes - head.length - 2)
  const text = `${head}${'x'.repeat(padding)}"}`
  // Not in a pool: what shares one with others is copied before it is kept.
  const value = Buffer.alloc(text.length)
  value.write(text)
  return value
}

function recordOf(
  of: Pick<SourceRecord, 'partition' | 'offset' | 'timestampMs' | 'key' | 'value'>,
): SourceRecord {
  return { topic: topicName, ...of, timestampType: 'CREATE_TIME', headers: [] }
}

/** Of a stream: with its place there, and the key in it. */
function streamRecordOf(
  of: Pick<SourceRecord, 'partition' | 'offset' | 'timestampMs' | 'value'>,
  key: Buffer | null,
): SourceRecord {
  const partitionKey = key?.toString() ?? `key ${of.offset % keysEach}`
  const stream = placeOf(of.partition, of.offset, partitionKey)
  return { ...recordOf({ ...of, key: null }), timestampType: 'LOG_APPEND_TIME', stream }
}

function placeOf(shard: number, offset: number, partitionKey: string): StreamPlace {
  const shardId = `shardId-${String(shard).padStart(12, '0')}`
  return { shardId, sequenceNumber: `49${String(offset).padStart(54, '0')}`, partitionKey }
}

/** A record that stands for all, for its size. */
function sampleOf(scenario: Scenario): RawRecord {
  const value = valueOf('{"keep":true,"pad":"', scenario.traffic.recordBytes)
  const key = { keyStart: 0, keyBytes: -1 }
  const place = { bytes: value, ...key, valueStart: 0, valueBytes: value.length }
  const when = { timestampMs: startMs, timestampType: 'CREATE_TIME' as const }
  const record = { offset: 1_000_000, ...when, ...place, headerCount: 0, headers: [] }
  return isStream(scenario) ? { ...record, stream: placeOf(0, 1_000_000, 'key 10') } : record
}
