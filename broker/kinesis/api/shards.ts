// ListShards: shards by page, as they are or were at a time.
import {
  structure,
  text,
  timestamp,
  whole,
  type StructureValue,
} from '../../../common/aws/members.ts'
import { listedShardsDefault } from '../../../common/stream-limits.ts'
import { parseShardId, type Shard } from '../streams/shard.ts'
import type { Stream } from '../streams/stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { invalidArgument, KinesisError, type Outcome } from './kinesis-errors.ts'
import { noSuchToken, pageToken, parsedJson, readPageToken } from './page-token.ts'
import { checkStream, streamNamePattern } from './stream-members.ts'
import { plainOperation, streamOf } from './stream-operation.ts'
import { shardShape } from './stream-shapes.ts'

const filterTypes = [
  'AFTER_SHARD_ID',
  'AT_TRIM_HORIZON',
  'FROM_TRIM_HORIZON',
  'AT_LATEST',
  'AT_TIMESTAMP',
  'FROM_TIMESTAMP',
] as const

const filterMembers = { Type: text, ShardId: text, Timestamp: timestamp }
type Filter = StructureValue<typeof filterMembers>

const listMembers = {
  StreamName: text,
  StreamARN: text,
  StreamId: text,
  NextToken: text,
  ExclusiveStartShardId: text,
  MaxResults: whole,
  StreamCreationTimestamp: timestamp,
  ShardFilter: structure(filterMembers),
}

export const listShards = plainOperation({
  members: listMembers,
  check: (violations, input) => {
    checkStream(violations, input)
    violations.length('nextToken', input.NextToken, [1, 1_048_576])
    violations.length('exclusiveStartShardId', input.ExclusiveStartShardId, [1, 128])
    violations.pattern('exclusiveStartShardId', input.ExclusiveStartShardId, streamNamePattern)
    violations.range('maxResults', input.MaxResults, [1, 10_000])
    if (input.ShardFilter === undefined) return
    violations.required('shardFilter.type', input.ShardFilter.Type)
    violations.oneOf('shardFilter.type', input.ShardFilter.Type, filterTypes)
    violations.length('shardFilter.shardId', input.ShardFilter.ShardId, [1, 128])
    violations.pattern('shardFilter.shardId', input.ShardFilter.ShardId, streamNamePattern)
  },
  handle: async (context, input) => {
    const { NextToken, StreamName, StreamARN, MaxResults = listedShardsDefault } = input
    if (NextToken !== undefined && (StreamName !== undefined || StreamARN !== undefined)) {
      return invalidArgument('NextToken and StreamName cannot be provided together.')
    }
    const begun = NextToken === undefined ? begin(input) : goOn(context, NextToken)
    if (begun instanceof KinesisError) return begun
    const { after, list } = begun
    const stream = await streamOf(context, list.stream)
    if (stream instanceof KinesisError) return stream
    const found = filtered(context, stream, list.filter)
    if (found instanceof KinesisError) return found
    const rest = found.filter(({ index }) => index > after)
    const page = rest.slice(0, MaxResults)
    const last = page.at(-1)
    return {
      Shards: page.map(shardShape),
      NextToken:
        last === undefined || rest.length === page.length
          ? undefined
          : pageToken(context, 'shards', { after: String(last.index), of: JSON.stringify(list) }),
    }
  },
})

/** What a list was begun with; a token of its pages brings it along. */
interface ShardList {
  readonly stream: { readonly StreamName?: string; readonly StreamARN?: string }
  readonly filter: Filter
}

interface Begun {
  readonly after: number
  readonly list: ShardList
}

function begin(input: {
  readonly StreamName?: string
  readonly StreamARN?: string
  readonly ExclusiveStartShardId?: string
  readonly ShardFilter?: Filter
}): Outcome<Begun> {
  const { StreamName, StreamARN, ExclusiveStartShardId: id, ShardFilter: filter = {} } = input
  const after = id === undefined ? -1 : parseShardId(id)
  if (after === undefined) return invalidArgument(`${id} is no shard's id.`)
  const stream = {
    ...(StreamName === undefined ? {} : { StreamName }),
    ...(StreamARN === undefined ? {} : { StreamARN }),
  }
  return { after, list: { stream, filter } }
}

function goOn(context: KinesisContext, token: string): Outcome<Begun> {
  const page = readPageToken(context, 'shards', token)
  if (page instanceof KinesisError) return page
  const after = /^\d{1,12}$/.test(page.after) ? Number(page.after) : undefined
  const list = parsedJson(page.of ?? '')
  // Who made it up himself gets no more by it than by asking, if it is one at all.
  return after === undefined || !isShardList(list) ? noSuchToken() : { after, list }
}

function isShardList(value: unknown): value is ShardList {
  const { stream, filter } = membersOf(value)
  if (typeof stream !== 'object' || typeof filter !== 'object') return false
  const { StreamName = '', StreamARN = '' } = membersOf(stream)
  const { Type = '', ShardId = '', Timestamp = 0 } = membersOf(filter)
  return (
    [StreamName, StreamARN, Type, ShardId].every((text) => typeof text === 'string') &&
    typeof Timestamp === 'number'
  )
}

function membersOf(value: unknown): Partial<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? value : {}
}

function filtered(
  { clock, accountId }: KinesisContext,
  stream: Stream,
  { Type: type = 'FROM_TRIM_HORIZON', ShardId, Timestamp }: Filter,
): Outcome<readonly Shard[]> {
  const nowMs = clock.now()
  const listed = stream.shards.filter((shard) => !shard.isExpired(nowMs))
  switch (type) {
    case 'AFTER_SHARD_ID': {
      const after = ShardId === undefined ? undefined : parseShardId(ShardId)
      if (after === undefined)
        return invalidArgument('ShardFilter needs a ShardId for AFTER_SHARD_ID.')
      return listed.filter(({ index }) => index > after)
    }
    case 'AT_LATEST':
      return stream.openShards
    case 'AT_TRIM_HORIZON':
      // Those that were open when what is the oldest record now came in.
      return listed.filter(({ record }) =>
        record.parents.every((parent) => isGone(stream, parent, nowMs)),
      )
    case 'AT_TIMESTAMP':
    case 'FROM_TIMESTAMP': {
      if (Timestamp === undefined)
        return invalidArgument(`ShardFilter needs a Timestamp for ${type}.`)
      if (Timestamp > clock.now()) {
        return invalidArgument(
          `ShardFilter of stream ${stream.name} under account ${accountId}: its Timestamp lies in the future.`,
        )
      }
      const isFrom = type === 'FROM_TIMESTAMP'
      return listed.filter(
        ({ record: { madeMs, closedMs = Infinity } }) =>
          closedMs > Timestamp && (isFrom || madeMs <= Timestamp),
      )
    }
    default:
      return listed
  }
}

function isGone({ shards }: Stream, index: number, nowMs: number): boolean {
  return shards[index]?.isExpired(nowMs) !== false
}
