// Packs the records of a Kafka event into shared memory, and builds Lambda's event of them in the thread that runs it.
import type { RawRecord } from './raw-record.ts'
import { SpanPacker, spanOverheadBytes } from './span-packer.ts'

/** Records of one partition. No group is empty, and no two are of one partition. */
export interface KafkaGroup {
  readonly partition: number
  readonly records: readonly { readonly content: RawRecord }[]
}

export interface KafkaContent {
  /** JSON text of the event without records, and of the topic: `[{…,"records":{}},"topic"]`. */
  readonly frame: string
  readonly groups: readonly KafkaGroup[]
  /** JSON text of a record's headers, or of an object with them and all members behind them. */
  readonly lastMembersText: (record: RawRecord) => string
}

/*
 *   groups, frame's place, frame's bytes │ partition, records │ … │ record │ … │ bytes of keys and values │ texts
 *   └────────────────────────── numbers, as doubles ──────────────────────┘
 *
 * A record: offset, timestamp, whether that is of the append, and place and length of key, value and headers. A length of
 * -1 is a null; headers of no bytes are none, and an object in their place is all members from them on. Places count in bytes from the start.
 */
const headNumbers = 3
const groupNumbers = 2
const recordNumbers = 9
const numberBytes = Float64Array.BYTES_PER_ELEMENT

/** `sizeBytes` is that of the JSON text: no key, value or text is longer here than there. */
export function packedMaxBytes(of: {
  readonly sizeBytes: number
  readonly groups: number
  readonly records: number
}): number {
  const numbers = headNumbers + of.groups * groupNumbers + of.records * recordNumbers
  return numbers * numberBytes + of.sizeBytes + (2 * of.records + 1) * spanOverheadBytes
}

export function packKafkaEvent(
  memory: SharedArrayBuffer,
  { frame, groups, lastMembersText }: KafkaContent,
): void {
  let records = 0
  for (const group of groups) records += group.records.length
  const numbers = headNumbers + groups.length * groupNumbers + records * recordNumbers
  const table = new Float64Array(memory, 0, numbers)
  const bytes = Buffer.from(memory)
  const spans = new SpanPacker(bytes, numbers * numberBytes)
  const withTexts: { readonly at: number; readonly record: RawRecord }[] = []
  table[0] = groups.length
  let at = headNumbers
  for (const group of groups) {
    table[at] = group.partition
    table[at + 1] = group.records.length
    at += groupNumbers
    for (const { content } of group.records) {
      packRecord(table, at, content, spans)
      if (content.headerCount > 0 || content.schemas !== undefined) {
        withTexts.push({ at, record: content })
      }
      at += recordNumbers
    }
  }
  let end = spans.finish()
  const putText = (place: number, text: string): void => {
    table[place] = end
    table[place + 1] = bytes.write(text, end, 'utf8')
    end += table[place + 1] ?? 0
  }
  putText(1, frame)
  for (const each of withTexts) putText(each.at + 7, lastMembersText(each.record))
}

function packRecord(table: Float64Array, at: number, record: RawRecord, spans: SpanPacker): void {
  const { bytes, keyStart, keyBytes, valueStart, valueBytes } = record
  table[at] = record.offset
  table[at + 1] = record.timestampMs
  table[at + 2] = record.timestampType === 'LOG_APPEND_TIME' ? 1 : 0
  table[at + 3] = keyBytes <= 0 ? 0 : spans.add(bytes, keyStart, keyBytes)
  table[at + 4] = keyBytes
  table[at + 5] = valueBytes <= 0 ? 0 : spans.add(bytes, valueStart, valueBytes)
  table[at + 6] = valueBytes
  table[at + 7] = 0
  table[at + 8] = 0
}

interface KafkaEventObject {
  readonly records: Record<string, unknown[]>
}

/** What JSON.parse makes of the event's text, in the order of its members as well. */
export function buildKafkaEvent(memory: SharedArrayBuffer): unknown {
  const table = new Float64Array(memory)
  const bytes = Buffer.from(memory)
  const numberAt = (at: number): number => table[at] ?? 0
  const textAt = (at: number): string =>
    bytes.toString('utf8', numberAt(at), numberAt(at) + numberAt(at + 1))
  const [event, topic] = JSON.parse(textAt(1)) as [KafkaEventObject, string]
  const base64At = (at: number): string =>
    bytes.toString('base64', numberAt(at), numberAt(at) + numberAt(at + 1))
  let at = headNumbers
  for (let group = 0; group < numberAt(0); group++) {
    const partition = numberAt(at)
    const count = numberAt(at + 1)
    at += groupNumbers
    const records: unknown[] = []
    for (let i = 0; i < count; i++) {
      const offset = numberAt(at)
      const timestamp = numberAt(at + 1)
      const timestampType = numberAt(at + 2) === 1 ? 'LOG_APPEND_TIME' : 'CREATE_TIME'
      const last: unknown = numberAt(at + 8) === 0 ? [] : JSON.parse(textAt(at + 7))
      const headers = Array.isArray(last) ? last : []
      const hasKey = numberAt(at + 4) >= 0
      const hasValue = numberAt(at + 6) >= 0
      const place = { topic, partition, offset, timestamp, timestampType }
      const key = hasKey ? base64At(at + 3) : ''
      const value = hasValue ? base64At(at + 5) : ''
      if (headers !== last && typeof last === 'object') {
        const parts = { ...(hasKey ? { key } : {}), ...(hasValue ? { value } : {}) }
        records.push({ ...place, ...parts, ...last })
      }
      // One literal each, so that records of a kind have one form and take no more memory than they need.
      else if (hasKey && hasValue) {
        records.push({ topic, partition, offset, timestamp, timestampType, key, value, headers })
      } else if (hasValue) {
        records.push({ topic, partition, offset, timestamp, timestampType, value, headers })
      } else if (hasKey) {
        records.push({ topic, partition, offset, timestamp, timestampType, key, headers })
      } else records.push({ ...place, headers })
      at += recordNumbers
    }
    event.records[`${topic}-${partition}`] = records
  }
  return event
}
