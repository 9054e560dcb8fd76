// Reads one shard by subscriptions of a consumer with enhanced fan-out until its end, one after the other.
import assert from 'node:assert'
import { sleep } from '../../../common/clock.ts'
import { AppError } from '../../../common/errors.ts'
import { Refusal } from '../../../kinesis-client/refusal.ts'
import { PollPace } from './poll-pace.ts'
import { StreamGone, type Reading, type ReadShard } from './reading.ts'
import type { ShardProgress } from './shard-progress.ts'

/** AWS ends a subscription after five minutes, and each goes on where the one before it was. */
export const fanOutReader: ReadShard = async (shard, reading) => {
  const { clock, random, signal, unpaused } = reading
  const pace = new PollPace('local', clock.now())
  while (!signal.aborted) {
    await unpaused(shard.partition)
    if (signal.aborted) return
    const ended = await listen(shard, reading).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error
      return error
    })
    if (signal.aborted) return
    if (ended === 'shard') return reading.ended()
    if (ended === 'subscription') continue
    if (ended instanceof Refusal && ended.kind === 'missing') throw new StreamGone(ended.reason)
    // In use is what a subscription of ours is that nobody has noticed the end of.
    const isWait = ended instanceof Refusal && ['throttled', 'in-use'].includes(ended.kind)
    reading.trouble(isWait ? undefined : ended)
    await sleep(clock, pace.refused(random()), signal)
  }
}

/** Resolves with what came to its end: the subscription alone, or the shard; or with why there is none. */
async function listen(
  shard: ShardProgress,
  { client, consumerArn, signal, unpaused, ...on }: Reading,
): Promise<'subscription' | 'shard' | Refusal> {
  assert(consumerArn !== undefined, 'the mapping is of a consumer')
  const place = { consumerArn, shardId: shard.shardId }
  for await (const event of client.subscribe(place, shard.readFrom, signal)) {
    if (signal.aborted) return 'subscription'
    if (event instanceof Refusal) return event
    shard.hasBegun()
    on.trouble(undefined)
    on.records(event.records, event.millisBehind > 0)
    if (event.continuation === undefined) return 'shard'
    shard.hasRead(event.continuation)
    // While it waits the socket fills up, and nothing more is sent.
    await unpaused(shard.partition)
  }
  return 'subscription'
}
