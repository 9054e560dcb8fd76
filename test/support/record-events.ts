// Makes events of records for tests of whoever runs functions.
import { KinesisEvent } from '../../events/kinesis-event.ts'

const origin = {
  shardId: 'shardId-000000000000',
  eventSourceARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/s',
  awsRegion: 'us-east-1',
  invokeIdentityArn: 'arn:aws:iam::000000000000:role/r',
}

/** So many records, each with so many bytes of data that are no text. */
export function recordEvent(records: number, dataBytes = 1500): KinesisEvent {
  const bytes = Buffer.alloc(records * dataBytes, '\u00ff\u0001\u00c3', 'latin1')
  return new KinesisEvent(
    origin,
    Array.from({ length: records }, (_, i) => ({
      partitionKey: `schlüssel-${i}`,
      sequenceNumber: `4959033827149025660855969253836157109592157598913658889${i}`,
      approximateArrivalTimestamp: 1_545_084_650.987,
      bytes,
      dataStart: i * dataBytes,
      dataBytes,
    })),
  )
}
