// Operations on one stream: the request's shape is checked first, then whether there is such a stream, then the rest.
import { ApiError } from '../../../common/aws/api-error.ts'
import { structure, type Member, type StructureValue } from '../../../common/aws/members.ts'
import { Violations } from '../../../common/aws/validation.ts'
import { kinesisBodyMaxBytes } from '../../../common/kinesis-limits.ts'
import type { Stream } from '../streams/stream.ts'
import type { Answer, KinesisContext } from './kinesis-context.ts'
import { KinesisError, type Outcome } from './kinesis-errors.ts'
import type { Operation } from './operations.ts'
import {
  checkStream,
  noStream,
  streamMembers,
  streamNameOf,
  type StreamInput,
} from './stream-members.ts'

type Members = Readonly<Record<string, Member<unknown>>>

/** What a refused or answered call comes to, at once or later. */
export type Answered = Outcome<Answer> | Promise<Outcome<Answer>>

export interface RequestRules<Input> {
  /** Adds what is wrong with the members, which have their types. */
  readonly check?: (violations: Violations, input: Input) => void
}

export interface PlainOperation<M extends Members> extends RequestRules<StructureValue<M>> {
  readonly members: M
  readonly handle: (context: KinesisContext, input: StructureValue<M>) => Answered
}

/** An operation that is not about one stream. */
export function plainOperation<M extends Members>(options: PlainOperation<M>): Operation {
  const read = structure(options.members)
  return {
    bodyMaxBytes: kinesisBodyMaxBytes,
    run: (context, value) => {
      const input = read(value)
      if (input instanceof ApiError) return input
      const violations = new Violations()
      options.check?.(violations, input)
      return violations.error() ?? options.handle(context, input)
    },
  }
}

export interface StreamOperation<M extends Members> extends RequestRules<StructureValue<M>> {
  /** Besides those that name the stream. */
  readonly members: M
  /** Whether the stream must not be amid another change. */
  readonly wantsActive?: boolean
  readonly handle: (context: KinesisContext, stream: Stream, input: StructureValue<M>) => Answered
}

export function streamOperation<M extends Members>(options: StreamOperation<M>): Operation {
  return plainOperation<M & typeof streamMembers>({
    members: { ...options.members, ...streamMembers },
    check: (violations, input) => {
      checkStream(violations, input)
      options.check?.(violations, input)
    },
    handle: async (context, input) => {
      const stream = await streamOf(context, input)
      if (stream instanceof KinesisError) return stream
      const refusal = options.wantsActive === true ? unlessActive(context, stream) : undefined
      return refusal ?? options.handle(context, stream, input)
    },
  })
}

/** With all that is known of it, which is written down when it is asked for the first time. */
export async function streamOf(
  context: KinesisContext,
  input: StreamInput,
): Promise<Outcome<Stream>> {
  const name = streamNameOf(context, input)
  if (name instanceof KinesisError) return name
  return (await context.catalog.stream(name)) ?? noStream(context.accountId, name)
}

export function unlessActive(
  { accountId }: KinesisContext,
  { name, status }: Stream,
): KinesisError | undefined {
  if (status === 'ACTIVE') return undefined
  const reason = `Stream ${name} under account ${accountId} not ACTIVE, instead in state ${status}`
  return new KinesisError('ResourceInUseException', reason)
}
