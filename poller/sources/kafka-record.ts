// Turns kafkajs's messages into the records of a source.
import type { KafkaMessage } from '../../common/kafka-client.ts'
import type { RecordHeader } from '../../events/raw-record.ts'
import type { SourceRecord } from './source.ts'

const none: readonly RecordHeader[] = []
const logAppendTime = 1

/** Offsets and timestamps are texts in kafkajs; both are safe integers. */
export function toRecord(message: KafkaMessage, topic: string, partition: number): SourceRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    timestampType: timestampTypeOf(message),
    key: message.key,
    value: message.value,
    headers: headersOf(message.headers),
  }
}

// kafkajs has the batch of a message in a property that its types do not show.
function timestampTypeOf(message: KafkaMessage): SourceRecord['timestampType'] {
  const { batchContext } = message as { batchContext?: { timestampType?: number } }
  return batchContext?.timestampType === logAppendTime ? 'LOG_APPEND_TIME' : 'CREATE_TIME'
}

// Headers of one name come as a list under it.
function headersOf(headers: KafkaMessage['headers']): readonly RecordHeader[] {
  if (headers === undefined) return none
  let found: RecordHeader[] | undefined
  for (const name in headers) {
    const value = headers[name]
    for (const one of Array.isArray(value) ? value : [value]) {
      found ??= []
      found.push({ name, value: Buffer.from(one ?? '') })
    }
  }
  return found ?? none
}
