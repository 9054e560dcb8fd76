// Finds the consumer that a request is about, by its ARN or by its stream's ARN and its name.
import { text } from '../../../common/aws/members.ts'
import type { Violations } from '../../../common/aws/validation.ts'
import type { Consumer } from '../streams/consumers.ts'
import type { Stream } from '../streams/stream.ts'
import { findStream } from './find-stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { invalidArgument, KinesisError, type Outcome } from './kinesis-errors.ts'
import { streamArnPattern } from './stream-members.ts'
import { consumerArn } from './stream-shapes.ts'

export const consumerMembers = {
  StreamARN: text,
  ConsumerName: text,
  ConsumerARN: text,
  StreamId: text,
} as const

export interface ConsumerInput {
  readonly StreamARN?: string
  readonly ConsumerName?: string
  readonly ConsumerARN?: string
}

export interface ConsumerOfStream {
  readonly stream: Stream
  readonly consumer: Consumer
}

const namePattern = '[a-zA-Z0-9_.-]+'
const arnPattern =
  '^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+'

/** Adds what is wrong with the members that are there. */
export function checkConsumer(violations: Violations, input: ConsumerInput): void {
  violations.pattern('streamARN', input.StreamARN, streamArnPattern)
  violations.length('streamARN', input.StreamARN, [1, 2048])
  violations.pattern('consumerName', input.ConsumerName, namePattern)
  violations.length('consumerName', input.ConsumerName, [1, 128])
  violations.pattern('consumerARN', input.ConsumerARN, arnPattern)
  violations.length('consumerARN', input.ConsumerARN, [1, 2048])
}

/** Of a request whose members are sound; all three may be given if they agree. Rejects with AppError STORAGE_FAILED. */
export async function findConsumer(
  context: KinesisContext,
  input: ConsumerInput,
): Promise<Outcome<ConsumerOfStream>> {
  const wanted = wantedOf(input)
  if (wanted instanceof KinesisError) return wanted
  const { StreamARN, name, madeSecs } = wanted
  const stream = await findStream(context, { StreamARN })
  if (stream instanceof KinesisError) return stream
  const consumer = context.consumers.find(stream, name)
  if (consumer === undefined || !isOf(consumer, madeSecs)) {
    const which = input.ConsumerARN ?? `${name} of ${StreamARN}`
    return new KinesisError('ResourceNotFoundException', `Consumer ${which} not found.`)
  }
  return { stream, consumer }
}

interface Wanted {
  readonly StreamARN: string
  readonly name: string
  /** Absent where the request has no consumer's ARN. */
  readonly madeSecs?: number
}

function wantedOf({ StreamARN, ConsumerName, ConsumerARN }: ConsumerInput): Outcome<Wanted> {
  if (ConsumerARN === undefined) {
    return StreamARN === undefined || ConsumerName === undefined
      ? invalidArgument('Must specify either ConsumerARN or StreamARN and ConsumerName')
      : { StreamARN, name: ConsumerName }
  }
  const [, stream = '', name = '', secs] =
    /^(arn:[^/]*\/[^/]*)\/consumer\/([^:]*):(\d{1,12})$/.exec(ConsumerARN) ?? []
  const isOther =
    (StreamARN !== undefined && StreamARN !== stream) ||
    (ConsumerName !== undefined && ConsumerName !== name)
  if (secs === undefined || isOther) {
    return invalidArgument(
      `ConsumerARN ${ConsumerARN} is not that of the stream and consumer given`,
    )
  }
  return { StreamARN: stream, name, madeSecs: Number(secs) }
}

function isOf({ record }: Consumer, madeSecs: number | undefined): boolean {
  return madeSecs === undefined || Math.floor(record.madeMs / 1000) === madeSecs
}

export function consumerShape(
  context: KinesisContext,
  { name: stream }: Stream,
  { record, status }: Consumer,
): object {
  return {
    ConsumerName: record.name,
    ConsumerARN: consumerArn(context, stream, record),
    ConsumerStatus: status,
    ConsumerCreationTimestamp: new Date(record.madeMs),
  }
}
