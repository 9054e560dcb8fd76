// Makes events of the size that a mapping delivers: as its records, which is how ours come, and as their JSON text.
import { randomBytes } from 'node:crypto'
import type { RecordEvent } from '../../common/record-event.ts'
import { placeBytes, recordSizeBytes } from '../../events/kafka-record-text.ts'
import { KinesisEvent } from '../../events/kinesis-event.ts'
import { eventFrame, KafkaEvent } from '../../poller/event.ts'

const records = 100
const recordBytes = 1500
/** Around each value, as in a batch of Kafka's: its key and what else a record says. */
const aroundBytes = 24

/** Values as a fetch brings them, one behind another in one buffer. */
const fetched = randomBytes(records * (recordBytes + aroundBytes))
const places = Array.from({ length: records }, (_, i) => i * (recordBytes + aroundBytes))

/** 100 records of 1.5 KB; made anew for each invocation, as a mapping does. */
export function kinesisEvent(): RecordEvent {
  const origin = {
    shardId: 'shardId-000000000006',
    eventSourceARN: 'arn:aws:kinesis:us-east-1:123456789012:stream/lambda-stream',
    awsRegion: 'us-east-1',
    invokeIdentityArn: 'arn:aws:iam::123456789012:role/lambda-role',
  }
  return new KinesisEvent(
    origin,
    places.map((start, i) => ({
      partitionKey: `key-${i}`,
      sequenceNumber: `4959033827149025660855969253836157109592157598913652${1000 + i}`,
      approximateArrivalTimestamp: 1_545_084_650.987,
      bytes: fetched,
      dataStart: start + aroundBytes,
      dataBytes: recordBytes,
    })),
  )
}

const frame = eventFrame({ bootstrapServers: ['localhost:9092'] }, 'topic')

/** A Kafka event of as many. */
export function kafkaEvent(): RecordEvent {
  const ofPlace = placeBytes({ topic: 'topic', partition: 0 })
  const of = places.map((start, i) => {
    const content = {
      offset: 100_000 + i,
      timestampMs: 1_545_084_650_987 + i,
      timestampType: 'CREATE_TIME' as const,
      bytes: fetched,
      keyStart: start + 10,
      keyBytes: 6,
      valueStart: start + aroundBytes,
      valueBytes: recordBytes,
      headerCount: 0,
      headers: [],
    }
    return { content, sizeBytes: recordSizeBytes(ofPlace, content) }
  })
  return new KafkaEvent(frame, [{ partition: 0, records: of }])
}
