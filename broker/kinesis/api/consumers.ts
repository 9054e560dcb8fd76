// RegisterStreamConsumer, DeregisterStreamConsumer, DescribeStreamConsumer and ListStreamConsumers.
//
// A consumer is durable before its registration is answered, and gone before its deregistration is: what AWS calls CREATING and
// DELETING lasts as long as the write does.
import { map, text, timestamp, whole } from '../../../common/aws/members.ts'
import { consumersCreatingMax } from '../../../common/subscription-limits.ts'
import { checkConsumer, consumerMembers, consumerShape, findConsumer } from './find-consumer.ts'
import { findStream } from './find-stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { invalidArgument, KinesisError } from './kinesis-errors.ts'
import { pageToken, readPageToken } from './page-token.ts'
import { plainOperation } from './stream-operation.ts'
import { streamArn } from './stream-shapes.ts'
import { checkTags, tagsFlaw } from './tag-rules.ts'

const registration = { StreamARN: text, ConsumerName: text, StreamId: text, Tags: map(text) }

export const registerStreamConsumer = plainOperation<typeof registration>({
  members: registration,
  check: (violations, input) => {
    violations.required('streamARN', input.StreamARN)
    violations.required('consumerName', input.ConsumerName)
    checkConsumer(violations, input)
    if (input.Tags !== undefined) checkTags(violations, input.Tags)
  },
  handle: async (context, input) => {
    const { StreamARN = '', ConsumerName: name = '', Tags = {} } = input
    const stream = await findStream(context, { StreamARN })
    if (stream instanceof KinesisError) return stream
    const flaw = tagsFlaw({}, Tags)
    if (flaw !== undefined) return flaw
    const record = await context.consumers.register(stream, name, Tags)
    if (record === 'present') {
      const present = context.consumers.find(stream, name)
      const state = present?.status ?? 'DELETING'
      const reason = `${under(context, name, stream.name)} is already ${state}.`
      return new KinesisError('ResourceInUseException', reason)
    }
    if (record === 'tooMany' || record === 'tooManyCreating') {
      const reason =
        record === 'tooMany'
          ? `Stream ${stream.name} under account ${context.accountId} has ${context.consumers.mostOf(stream)} registered consumers, the most that it may have.`
          : `Stream ${stream.name} under account ${context.accountId} has ${consumersCreatingMax} consumers in state CREATING, the most that it may have.`
      return new KinesisError('LimitExceededException', reason)
    }
    context.logger.info('consumer registered', { stream: stream.name, consumer: name })
    return { Consumer: consumerShape(context, stream, { record, status: 'CREATING' }) }
  },
})

export const deregisterStreamConsumer = plainOperation({
  members: consumerMembers,
  check: checkConsumer,
  handle: async (context, input) => {
    const found = await findConsumer(context, input)
    if (found instanceof KinesisError) return found
    const { stream, consumer } = found
    await context.consumers.deregister(stream, consumer.record)
    const { name } = consumer.record
    context.logger.info('consumer deregistered', { stream: stream.name, consumer: name })
    return undefined
  },
})

export const describeStreamConsumer = plainOperation({
  members: consumerMembers,
  check: checkConsumer,
  handle: async (context, input) => {
    const found = await findConsumer(context, input)
    if (found instanceof KinesisError) return found
    const { stream, consumer } = found
    const shape = consumerShape(context, stream, consumer)
    return { ConsumerDescription: { ...shape, StreamARN: streamArn(context, stream.name) } }
  },
})

export const listStreamConsumers = plainOperation({
  members: {
    StreamARN: text,
    NextToken: text,
    MaxResults: whole,
    StreamCreationTimestamp: timestamp,
    StreamId: text,
  },
  check: (violations, input) => {
    violations.required('streamARN', input.StreamARN)
    checkConsumer(violations, { ...(input.StreamARN && { StreamARN: input.StreamARN }) })
    violations.length('nextToken', input.NextToken, [1, 1_048_576])
    violations.range('maxResults', input.MaxResults, [1, 10_000])
  },
  handle: async (context, input) => {
    const { StreamARN = '', NextToken, MaxResults = 100 } = input
    const stream = await findStream(context, { StreamARN })
    if (stream instanceof KinesisError) return stream
    const { StreamCreationTimestamp: madeMs } = input
    // In whole seconds: JSON's fraction may have been cut off on the way.
    if (madeMs !== undefined && secsOf(madeMs) !== secsOf(stream.record.madeMs)) {
      return invalidArgument(`Stream ${stream.name} was not created at that time`)
    }
    const page =
      NextToken === undefined
        ? { after: '', of: stream.topic.id }
        : readPageToken(context, 'ListStreamConsumers', NextToken)
    if (page instanceof KinesisError) return page
    if (page.of !== stream.topic.id) return invalidArgument('NextToken is invalid.')
    const rest = context.consumers.of(stream).filter(({ record }) => record.name > page.after)
    const told = rest.slice(0, MaxResults)
    const after = told.at(-1)?.record.name ?? ''
    const next = { after, of: stream.topic.id }
    return {
      Consumers: told.map((consumer) => consumerShape(context, stream, consumer)),
      NextToken:
        rest.length > told.length ? pageToken(context, 'ListStreamConsumers', next) : undefined,
    }
  },
})

const secsOf = (ms: number): number => Math.floor(ms / 1000)

function under({ accountId }: KinesisContext, consumer: string, stream: string): string {
  return `Consumer ${consumer} under stream ${stream} and account ${accountId}`
}
