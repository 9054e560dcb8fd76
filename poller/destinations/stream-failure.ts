// What a failure record says of a shard's records, in the words and the order of Lambda.
import assert from 'node:assert'
import { parseKinesisArn } from '../../common/kinesis-arn.ts'
import type { EventFrame } from '../event.ts'
import type { LaneRecord } from '../lane.ts'

export interface StreamBatchInfo {
  readonly shardId: string
  readonly startSequenceNumber: string
  readonly endSequenceNumber: string
  readonly approximateArrivalOfFirstRecord: string
  readonly approximateArrivalOfLastRecord: string
  readonly batchSize: number
  /** The stream's, of a consumer's records as well. */
  readonly streamArn: string
}

/** `records` are of one shard, in their order, and not none. */
export function streamBatchInfo(
  records: readonly LaneRecord[],
  { stream }: EventFrame,
): StreamBatchInfo {
  const [first, last] = [records[0], records.at(-1)]
  assert(first?.content.stream !== undefined && last?.content.stream !== undefined)
  const arn = stream?.eventSourceARN ?? ''
  return {
    shardId: first.content.stream.shardId,
    startSequenceNumber: first.content.stream.sequenceNumber,
    endSequenceNumber: last.content.stream.sequenceNumber,
    approximateArrivalOfFirstRecord: new Date(first.timestampMs).toISOString(),
    approximateArrivalOfLastRecord: new Date(last.timestampMs).toISOString(),
    batchSize: records.length,
    streamArn: parseKinesisArn(arn)?.streamArn ?? arn,
  }
}
