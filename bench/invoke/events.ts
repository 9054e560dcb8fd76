// Makes events of the size that a mapping delivers, as their JSON text.
import { randomBytes } from 'node:crypto'

const records = 100
const recordBytes = 1500

/** A Kinesis event of 100 records of 1.5 KB. */
export function kinesisEvent(): string {
  return JSON.stringify({
    Records: Array.from({ length: records }, (_, i) => ({
      kinesis: {
        kinesisSchemaVersion: '1.0',
        partitionKey: `key-${i}`,
        sequenceNumber: `4959033827149025660855969253836157109592157598913652${1000 + i}`,
        data: randomBytes(recordBytes).toString('base64'),
        approximateArrivalTimestamp: 1_545_084_650.987,
      },
      eventSource: 'aws:kinesis',
      eventVersion: '1.0',
      eventID: `shardId-000000000006:4959033827149025660855969253836157109592157598913652${1000 + i}`,
      eventName: 'aws:kinesis:record',
      invokeIdentityArn: 'arn:aws:iam::123456789012:role/lambda-role',
      awsRegion: 'us-east-1',
      eventSourceARN: 'arn:aws:kinesis:us-east-1:123456789012:stream/lambda-stream',
    })),
  })
}

/** A Kafka event of as many. */
export function kafkaEvent(): string {
  return JSON.stringify({
    eventSource: 'SelfManagedKafka',
    bootstrapServers: 'localhost:9092',
    records: {
      'topic-0': Array.from({ length: records }, (_, i) => ({
        topic: 'topic',
        partition: 0,
        offset: 100_000 + i,
        timestamp: 1_545_084_650_987 + i,
        timestampType: 'CREATE_TIME',
        key: Buffer.from(`key-${i}`).toString('base64'),
        value: randomBytes(recordBytes).toString('base64'),
        headers: [],
      })),
    },
  })
}
