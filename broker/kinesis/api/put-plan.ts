// Puts entries into the log: which shard each goes to, one batch for each shard, one wait for all of them.
import { randomInt } from 'node:crypto'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { encodeSequenceNumbers } from '../../../kinesis-wire/sequence-number.ts'
import { encodeKeyedBatch, type KeyedRecordToEncode } from '../../../protocol/keyed-batch.ts'
import type { Shard } from '../streams/shard.ts'
import type { Stream } from '../streams/stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { KinesisError, type Outcome } from './kinesis-errors.ts'
import { hasLimits, throttled } from './shard-throttle.ts'
import { hashKeyOfEntry, notBase64, type PutEntry } from './put-entry.ts'

/** What became of an entry. */
export type Placed =
  | { readonly ok: true; readonly shardId: string; readonly sequenceNumber: string }
  | {
      readonly ok: false
      readonly code: 'ProvisionedThroughputExceededException' | 'InternalFailure'
      readonly message: string
    }

/** The entries of one shard. */
interface Share {
  readonly shard: Shard
  readonly records: KeyedRecordToEncode[]
  /** Their places in the request. */
  readonly indexes: number[]
  /** Of data and keys. */
  bytes: number
  batch?: Buffer | undefined
}

/**
 * Resolves with an outcome for each entry, in their order, once those that were taken are as durable as the store's policy
 * says; with a refusal where one of them cannot be put at all, and then none was. The offsets of a shard's entries are in the order
 * of the entries.
 */
export async function putEntries(
  context: KinesisContext,
  stream: Stream,
  entries: readonly PutEntry[],
): Promise<Outcome<readonly Placed[]>> {
  const placed: Placed[] = []
  const shares = sharesOf(context, { stream, entries, placed })
  if (shares instanceof KinesisError) return shares
  const nowMs = context.clock.now()
  for (const share of shares) {
    share.batch = encodeKeyedBatch(share.records, nowMs)
    if (share.batch === undefined) return notBase64('records')
  }
  const commits = shares.map((share) => append(context, { stream, share, placed }))
  for (const commit of commits) await commit
  return placed
}

interface Putting {
  readonly stream: Stream
  readonly entries: readonly PutEntry[]
  readonly placed: Placed[]
}

function sharesOf(
  context: KinesisContext,
  { stream, entries, placed }: Putting,
): Outcome<readonly Share[]> {
  const isLimited = hasLimits(context, stream)
  const nowMs = context.clock.now()
  const shares = new Map<Shard, Share>()
  const isDistributing = stream.record.distribution === 'AUTO'
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index] as PutEntry
    const shard = isDistributing ? anyShard(stream) : shardOf(stream, entry)
    if (shard instanceof KinesisError) return shard
    const { data = '', dataBytes, partitionKey = null, keyBytes } = entry
    if (isLimited && !shard.limits.admitPut(keyBytes + dataBytes, 1, nowMs)) {
      const { message } = throttled(context, { stream, shard })
      stream.counters.shard(shard.index).writesRefused += 1
      placed[index] = { ok: false, code: 'ProvisionedThroughputExceededException', message }
      continue
    }
    let share = shares.get(shard)
    if (share === undefined) {
      share = { shard, records: [], indexes: [], bytes: 0 }
      shares.set(shard, share)
    }
    share.bytes += keyBytes + dataBytes
    share.records.push({ key: partitionKey, keyBytes, value: data, valueBytes: dataBytes })
    share.indexes.push(index)
  }
  return [...shares.values()]
}

function shardOf(stream: Stream, entry: PutEntry): Outcome<Shard> {
  const hashKey = hashKeyOfEntry(entry)
  return hashKey instanceof KinesisError ? hashKey : stream.shardOfHash(hashKey)
}

/** Of a stream that distributes records itself. */
function anyShard({ routedShards }: Stream): Shard {
  return routedShards[randomInt(routedShards.length)] as Shard
}

/** Appends at once, so that shares of a request are in one commit; resolves when they are committed or have failed. */
function append(
  context: KinesisContext,
  { stream, share, placed }: { stream: Stream; share: Share; placed: Placed[] },
): Promise<void> {
  const { shard, indexes, batch } = share
  const failed = (reason: string): void => {
    context.logger.error('records not written', { stream: stream.name, shard: shard.id, reason })
    for (const index of indexes) placed[index] = internalFailure
  }
  const nowMs = context.clock.now()
  // A topic's bound on batches is for its Kafka clients; AWS's rules have been kept here.
  const appended = shard.partition.append(batch ?? Buffer.alloc(0), 'broker')
  if (!appended.ok) {
    failed(appended.reason)
    return Promise.resolve()
  }
  const { baseOffset, logAppendTimeMs, committed } = appended
  const recordMs = logAppendTimeMs >= 0 ? logAppendTimeMs : nowMs
  return committed.then(
    () => {
      const counters = stream.counters.shard(shard.index)
      counters.recordsIn += indexes.length
      counters.bytesIn += share.bytes
      const numbers = encodeSequenceNumbers(
        {
          shardIndex: shard.index,
          offset: baseOffset,
          shardCreatedSecs: shard.createdSecs,
          recordSecs: Math.floor(recordMs / 1000),
        },
        indexes.length,
      )
      for (const [at, index] of indexes.entries()) {
        placed[index] = { ok: true, shardId: shard.id, sequenceNumber: numbers[at] ?? '' }
      }
    },
    (error: unknown) => {
      if (!(error instanceof AppError)) throw error
      failed(reasonOf(error))
    },
  )
}

const internalFailure: Placed = {
  ok: false,
  code: 'InternalFailure',
  message: 'Internal Service Failure',
}
