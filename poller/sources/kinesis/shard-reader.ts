// Reads one shard by GetRecords until its end, through whatever refuses or fails.
import { sleep } from '../../../common/clock.ts'
import { AppError } from '../../../common/errors.ts'
import type { RecordsAnswer } from '../../../kinesis-client/answers.ts'
import { Refusal } from '../../../kinesis-client/refusal.ts'
import { PollPace, type PollPaceName } from './poll-pace.ts'
import { StreamGone, type ReadShard } from './reading.ts'

/** A reader with its pace. */
export function standardReader(paceName: PollPaceName): ReadShard {
  return async (shard, { client, streamArn, clock, random, signal, unpaused, ...on }) => {
    const pace = new PollPace(paceName, clock.now())
    const place = { streamArn, shardId: shard.shardId }
    let iterator: string | undefined

    const refused = async (refusal: Refusal): Promise<void> => {
      if (refusal.kind === 'missing') throw new StreamGone(refusal.reason)
      // Reading begins anew from where it was.
      if (refusal.kind === 'expired') {
        iterator = undefined
        return
      }
      on.trouble(refusal.kind === 'throttled' ? undefined : refusal)
      if (refusal.kind === 'invalid') iterator = undefined
      await sleep(clock, pace.refused(random()), signal)
    }

    const read = async (): Promise<RecordsAnswer | Refusal> => {
      if (iterator === undefined) {
        const found = await client.getIterator(place, shard.readFrom, signal)
        if (found instanceof Refusal) return found
        iterator = found
        shard.hasBegun()
      }
      return client.getRecords(place, iterator, signal)
    }

    while (!signal.aborted) {
      await unpaused(shard.partition)
      if (signal.aborted) return
      const calledMs = clock.now()
      let answer: RecordsAnswer | Refusal
      try {
        answer = await read()
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof AppError)) throw error
        on.trouble(error)
        await sleep(clock, pace.refused(random()), signal)
        continue
      }
      if (signal.aborted) return
      if (answer instanceof Refusal) {
        await refused(answer)
        continue
      }
      on.trouble(undefined)
      const { records, nextIterator, millisBehind } = answer
      on.records(records, millisBehind > 0)
      if (nextIterator === undefined) return on.ended()
      iterator = nextIterator
      const found = { records: records.length, isBehind: millisBehind > 0 }
      const waitMs = pace.answered(found, calledMs, clock.now())
      if (waitMs > 0) await sleep(clock, waitMs, signal)
    }
  }
}
