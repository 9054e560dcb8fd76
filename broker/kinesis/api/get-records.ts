// GetRecords: the records behind an iterator, at most 10,000 and 10 MiB of them, and the iterator behind those.
//
// A closed shard's end gives no iterator, and tells its children. MillisBehindLatest is the age of the last record that was
// given where others follow. Records below a retention that moved meanwhile are passed over, as AWS does.
import { flag, structure, text, whole, type MemberValue } from '../../../common/aws/members.ts'
import { Violations } from '../../../common/aws/validation.ts'
import {
  kinesisReadMaxRecords,
  kinesisReadPieceBytes,
  kinesisRequestMaxBytes,
} from '../../../common/kinesis-limits.ts'
import { shardIdOf } from '../streams/shard.ts'
import type { ShardOfStream } from './find-stream.ts'
import { WrittenAnswer, type Handler, type KinesisContext } from './kinesis-context.ts'
import { KinesisError, type Outcome } from './kinesis-errors.ts'
import { recordJson } from './read-record.ts'
import { recordsCbor } from './records-cbor.ts'
import { hasLimits, throttled } from './shard-throttle.ts'
import { readableEnd, readShard, type ShardRead } from './shard-reader.ts'
import { checkStream, dryRun } from './stream-members.ts'

export const getRecordsInput = structure({
  ShardIterator: text,
  Limit: whole,
  StreamARN: text,
  StreamId: text,
  DryRun: flag,
})

export const getRecords: Handler<MemberValue<typeof getRecordsInput>> = async (
  context,
  input,
  call,
) => {
  const { ShardIterator: iterator, Limit: limit = kinesisReadMaxRecords } = input
  const violations = new Violations()
  checkStream(violations, input)
  violations.required('shardIterator', iterator)
  violations.length('shardIterator', iterator, [1, 512])
  violations.range('limit', limit, [1, kinesisReadMaxRecords])
  const place = violations.error() ?? context.iterators.read(iterator ?? '', context.clock.now())
  if (place instanceof KinesisError) return place
  const source = await sourceOf(context, place)
  if (source instanceof KinesisError) return source
  if (input.DryRun === true) return dryRun()
  const { stream, shard } = source
  const isLimited = hasLimits(context, stream)
  if (isLimited && !shard.limits.admitRead(context.clock.now())) {
    stream.counters.shard(shard.index).readsRefused += 1
    stream.counters.called('GetRecords', false, call.elapsedSeconds())
    return throttled(context, source)
  }
  const read = await readShard(shard, place.offset, {
    maxRecords: limit,
    maxBytes: kinesisRequestMaxBytes,
    pieceBytes: kinesisReadPieceBytes,
  })
  if (isLimited) shard.limits.noteRead(read.bytes, context.clock.now())
  const end = endOf(context, source, read)
  count(context, source, read, end)
  stream.counters.called('GetRecords', true, call.elapsedSeconds())
  if (call.format === 'cbor') {
    const take = (size: number): Buffer => context.memory?.take(size) ?? Buffer.allocUnsafe(size)
    const bytes = recordsCbor(source, read.records, end, take)
    read.release()
    return new WrittenAnswer([bytes])
  }
  const records = read.records.map((record) => recordJson(source, record)).join(',')
  read.release()
  const rest = JSON.stringify(end).slice(1)
  return new WrittenAnswer([Buffer.from(`{"Records":[${records}],${rest}`, 'latin1')])
}

/** Of an iterator of ours: its stream may have been deleted since. */
async function sourceOf(
  { store, catalog, accountId }: KinesisContext,
  { streamId, shardIndex }: { readonly streamId: string; readonly shardIndex: number },
): Promise<Outcome<ShardOfStream>> {
  const name = store.topicById(streamId)?.name
  const stream = name === undefined ? undefined : await catalog.stream(name)
  const shard = stream?.shards[shardIndex]
  if (stream !== undefined && shard !== undefined) return { stream, shard }
  const message = `Stream of the iterator under account ${accountId} not found.`
  return new KinesisError('ResourceNotFoundException', message)
}

function count(
  { clock }: KinesisContext,
  { stream, shard }: ShardOfStream,
  { records, bytes }: ShardRead,
  { MillisBehindLatest: millisBehind }: End,
): void {
  const counters = stream.counters.shard(shard.index)
  counters.recordsOut += records.length
  counters.bytesOut += bytes
  counters.lastRead = { millisBehind, atMs: clock.now() }
}

interface End {
  readonly NextShardIterator?: string
  readonly MillisBehindLatest: number
  readonly ChildShards?: readonly ChildShardValue[]
}

function endOf(
  { iterators, clock }: KinesisContext,
  { stream, shard }: ShardOfStream,
  { records, nextOffset }: ShardRead,
): End {
  const nowMs = clock.now()
  if (shard.isEnd(nextOffset)) {
    return { MillisBehindLatest: 0, ChildShards: childShards({ stream, shard }) }
  }
  const lastMs = records.at(-1)?.timestampMs ?? nowMs
  const place = { streamId: stream.topic.id, shardIndex: shard.index, offset: nextOffset }
  const isBehind = nextOffset < readableEnd(shard)
  return {
    NextShardIterator: iterators.make(place, nowMs),
    MillisBehindLatest: isBehind ? Math.max(0, nowMs - Math.max(0, lastMs)) : 0,
  }
}

interface ChildShardValue {
  readonly ShardId: string
  readonly ParentShards: readonly string[]
  readonly HashKeyRange: { readonly StartingHashKey: string; readonly EndingHashKey: string }
}

/** What comes after a closed shard. */
export function childShards({ stream, shard }: ShardOfStream): readonly ChildShardValue[] {
  return stream.childrenOf(shard).map(({ id, record: { parents, range } }) => ({
    ShardId: id,
    ParentShards: parents.map(shardIdOf),
    HashKeyRange: {
      StartingHashKey: String(range?.start ?? 0n),
      EndingHashKey: String(range?.end ?? 0n),
    },
  }))
}
