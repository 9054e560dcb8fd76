// Takes the aggregates of the Kinesis Producer Library apart, as Lambda does for consumers with enhanced fan-out.
import { placeOf, StreamRecord } from '../../../kinesis-client/stream-record.ts'
import { beginsAsAggregate, takeApart } from '../../../kinesis-wire/aggregate.ts'
import { hashKeyOf, type HashKeyRange } from '../../../kinesis-wire/hash-key.ts'

/**
 * What a record holds: itself, or the records that were put together in it, with its sequence number and time. Lambda
 * drops those whose keys do not lead to the shard, and says nothing of it.
 */
export function userRecords(
  record: StreamRecord,
  range: HashKeyRange | undefined,
): readonly StreamRecord[] {
  const mayBeOne = beginsAsAggregate(record.bytes, record.dataStart)
  const parts = mayBeOne ? takeApart(record.data) : undefined
  if (parts === undefined) return [record]
  return parts.flatMap(({ partitionKey, explicitHashKey, data }) => {
    const hashKey = parsed(explicitHashKey) ?? hashKeyOf(partitionKey)
    if (range !== undefined && (hashKey < range.start || hashKey > range.end)) return []
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    const { sequenceNumber, arrivalMs } = record
    return [new StreamRecord({ partitionKey, sequenceNumber, arrivalMs }, placeOf(bytes))]
  })
}

/** An aggregate may hold any text in its place. */
function parsed(explicitHashKey: string | undefined): bigint | undefined {
  return explicitHashKey !== undefined && /^\d{1,39}$/.test(explicitHashKey)
    ? BigInt(explicitHashKey)
    : undefined
}
