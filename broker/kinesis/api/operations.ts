// The table of the Kinesis API: each operation's name, the members that it reads, and its handler.
import { kinesisBodyMaxBytes, kinesisPutBodyMaxBytes } from '../../../common/kinesis-limits.ts'
import { ApiError } from '../../../common/aws/api-error.ts'
import type { Member } from '../../../common/aws/members.ts'
import {
  deregisterStreamConsumer,
  describeStreamConsumer,
  listStreamConsumers,
  registerStreamConsumer,
} from './consumers.ts'
import { getRecords, getRecordsInput } from './get-records.ts'
import type { Answer, Call, Handler, KinesisContext } from './kinesis-context.ts'
import type { Outcome } from './kinesis-errors.ts'
import { putRecord, putRecordInput, putRecords, putRecordsInput } from './put-records.ts'
import { getShardIterator, getShardIteratorInput } from './shard-iterators.ts'
import { subscribeToShard, subscribeToShardInput } from './subscribe-to-shard.ts'
import { streamOperations } from './stream-operations.ts'

export interface Operation {
  readonly bodyMaxBytes: number
  /** `input` is what the body says, of whatever type. */
  run(
    context: KinesisContext,
    input: unknown,
    call: Call,
  ): Outcome<Answer> | Promise<Outcome<Answer>>
}

/** An operation whose input is read by a table of members first. */
export function operation<Input>(
  members: Member<Input>,
  handle: Handler<Input>,
  bodyMaxBytes: number = kinesisBodyMaxBytes,
): Operation {
  return {
    bodyMaxBytes,
    run: (context, value, call) => {
      const input = members(value)
      return input instanceof ApiError ? input : handle(context, input, call)
    },
  }
}

/** By the name that `X-Amz-Target` has behind the dot. */
export type OperationTable = Readonly<Record<string, Operation>>

export const operations: OperationTable = {
  ...streamOperations,
  GetRecords: operation(getRecordsInput, getRecords),
  GetShardIterator: operation(getShardIteratorInput, getShardIterator),
  PutRecord: operation(putRecordInput, putRecord, kinesisPutBodyMaxBytes),
  PutRecords: operation(putRecordsInput, putRecords, kinesisPutBodyMaxBytes),
  RegisterStreamConsumer: registerStreamConsumer,
  DeregisterStreamConsumer: deregisterStreamConsumer,
  DescribeStreamConsumer: describeStreamConsumer,
  ListStreamConsumers: listStreamConsumers,
  SubscribeToShard: operation(subscribeToShardInput, subscribeToShard),
}
