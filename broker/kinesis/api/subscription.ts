// One subscription to a shard: pushes records as soon as they are committed, for five minutes at most.
import { AppError, reasonOf } from '../../../common/errors.ts'
import type { Timer } from '../../../common/clock.ts'
import {
  subscriptionBytesPerSecond,
  subscriptionEventMaxBytes,
  subscriptionEventMaxRecords,
  subscriptionEventMs,
  subscriptionMaxMs,
} from '../../../common/subscription-limits.ts'
import { encodePosition } from '../../../kinesis-wire/sequence-number.ts'
import type { ConsumerRecord } from '../streams/stream-record.ts'
import type { ConsumerCounters } from '../streams/stream-counters.ts'
import { shardLimitsSwitch } from '../streams/stream-switches.ts'
import type { ShardOfStream } from './find-stream.ts'
import { childShards } from './get-records.ts'
import type { AnswerStream, KinesisContext, WireFormat } from './kinesis-context.ts'
import { noStream } from './stream-members.ts'
import { presentOffset, readableEnd, readShard } from './shard-reader.ts'
import {
  eventFrame,
  exceptionFrame,
  initialResponse,
  type RecordsEvent,
} from './subscription-events.ts'
import type { Claim } from './subscriptions.ts'
import { activeElsewhere, consumerGone } from './subscription-texts.ts'

export interface SubscriptionOptions extends ShardOfStream {
  readonly context: KinesisContext
  readonly consumer: ConsumerRecord
  readonly offset: number
  readonly format: WireFormat
  readonly claim: Claim
}

/** A clean end, or what the stream's last frame says. */
type Ending = 'over' | { readonly code: string; readonly message: string }

/**
 * Reads one event's worth at a time, and the next only once the client has taken the one before: nothing is read ahead.
 * While there is nothing to send it holds a timer and what listens to the log and the stream.
 */
export class Subscription {
  readonly #options: SubscriptionOptions
  readonly #endMs: number
  #offset: number
  #eventMs: number
  /** When what was sent has been paid for. */
  #paidMs = 0
  /** Of the last record that was sent. */
  #recordMs: number | undefined
  #isWoken = false
  #wake: (() => void) | undefined

  constructor(options: SubscriptionOptions) {
    const nowMs = options.context.clock.now()
    this.#options = options
    this.#offset = options.offset
    this.#endMs = nowMs + subscriptionMaxMs
    this.#eventMs = nowMs
  }

  /** Resolves when the subscription is over. Rejects with what nobody expected. */
  async run(out: AnswerStream): Promise<void> {
    const { stream, shard, claim, format, context } = this.#options
    const wake = (): void => {
      this.#isWoken = true
      this.#wake?.()
    }
    const stops = [shard.partition.onHighWatermark(wake), stream.onChange(wake)]
    claim.onTakenOver = wake
    out.signal.addEventListener('abort', wake)
    try {
      await out.send(initialResponse(format))
      const ending = await this.#push(out)
      if (ending !== 'over') await out.send(exceptionFrame(format, ending.code, ending.message))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const at = { stream: stream.name, shard: shard.id, reason: reasonOf(error) }
      context.logger.error('subscription failed', at)
      await out.send(exceptionFrame(format, 'InternalFailureException', at.reason))
    } finally {
      out.signal.removeEventListener('abort', wake)
      for (const stop of stops) stop()
      claim.release()
    }
  }

  async #push(out: AnswerStream): Promise<Ending> {
    const { context } = this.#options
    for (;;) {
      this.#isWoken = false
      const ending = this.#ending(out.signal)
      if (ending !== undefined) return ending
      const event = await this.#next()
      if (event === 'nothing') await this.#wait()
      else if (event !== 'again') {
        const { frame, isLast } = event
        context.subscriptions.events += 1
        this.#counters.events += 1
        this.#eventMs = context.clock.now()
        await out.send(frame)
        if (isLast) return 'over'
      }
    }
  }

  #ending(signal: AbortSignal): Ending | undefined {
    const { context, stream, shard, consumer, claim } = this.#options
    if (signal.aborted || context.clock.now() >= this.#endMs) return 'over'
    if (claim.isTakenOver) return activeElsewhere(context, this.#options)
    if (shard.partition.isDeleted) return noStream(context.accountId, stream.name)
    const isThere = stream.record.consumers.some(
      ({ name, madeMs }) => name === consumer.name && madeMs === consumer.madeMs,
    )
    return isThere ? undefined : consumerGone(context, this.#options)
  }

  /** `again` where it went past what readers do not see. */
  async #next(): Promise<{ frame: Buffer; isLast: boolean } | 'nothing' | 'again'> {
    const { context, format } = this.#options
    const source = this.#source
    const { shard } = source
    this.#offset = presentOffset(shard, this.#offset)
    const nowMs = context.clock.now()
    if (shard.isEnd(this.#offset)) {
      const rest = { MillisBehindLatest: 0, ChildShards: childShards(source) }
      return { frame: eventFrame(format, source, { records: [], rest }), isLast: true }
    }
    if (this.#offset < readableEnd(shard) && nowMs >= this.#paidMs) return this.#read(source)
    if (nowMs < this.#eventMs + subscriptionEventMs) return 'nothing'
    return { frame: eventFrame(format, source, this.#event([])), isLast: false }
  }

  async #read(source: ShardOfStream): Promise<{ frame: Buffer; isLast: boolean } | 'again'> {
    const { context, format } = this.#options
    const read = await readShard(source.shard, this.#offset, {
      maxRecords: subscriptionEventMaxRecords,
      maxBytes: subscriptionEventMaxBytes,
      pieceBytes: subscriptionEventMaxBytes,
    })
    const { records, nextOffset, bytes } = read
    this.#offset = nextOffset
    if (records.length === 0) {
      read.release()
      return 'again'
    }
    context.subscriptions.records += records.length
    context.subscriptions.bytes += bytes
    this.#counters.records += records.length
    this.#counters.bytes += bytes
    this.#recordMs = records.at(-1)?.timestampMs
    const nowMs = context.clock.now()
    const { stream } = source
    if (shardLimitsSwitch(stream.record.tags) ?? context.subscriptions.isStrict) {
      this.#paidMs = Math.max(nowMs, this.#paidMs) + (bytes / subscriptionBytesPerSecond) * 1000
    }
    const { memory } = context
    const frame = eventFrame(
      format,
      source,
      this.#event(records),
      (size) => memory?.take(size) ?? Buffer.allocUnsafe(size),
    )
    read.release()
    return { frame, isLast: false }
  }

  #event(records: RecordsEvent['records']): RecordsEvent {
    const { shard } = this.#source
    const { index: shardIndex, createdSecs: shardCreatedSecs } = shard
    const nowMs = this.#options.context.clock.now()
    const isBehind = this.#offset < readableEnd(shard)
    const place = { shardIndex, shardCreatedSecs, offset: this.#offset }
    const millisBehind = isBehind ? Math.max(0, nowMs - Math.max(0, this.#recordMs ?? nowMs)) : 0
    this.#counters.lastEvent = { millisBehind, atMs: nowMs }
    const rest = {
      ContinuationSequenceNumber: encodePosition(place),
      MillisBehindLatest: millisBehind,
    }
    return { records, rest }
  }

  get #counters(): ConsumerCounters {
    const { stream, consumer } = this.#options
    return stream.counters.consumer(consumer.name)
  }

  /** A shard that was closed is another object than it was. */
  get #source(): ShardOfStream {
    const { stream, shard } = this.#options
    return { stream, shard: stream.shards[shard.index] ?? shard }
  }

  /** Until something has changed, the next event is due, or all is over. */
  #wait(): Promise<void> {
    if (this.#isWoken) return Promise.resolve()
    const { clock } = this.#options.context
    const nowMs = clock.now()
    let untilMs = Math.min(this.#eventMs + subscriptionEventMs, this.#endMs)
    if (this.#paidMs > nowMs) untilMs = Math.min(untilMs, this.#paidMs)
    return new Promise((resolve) => {
      const timer: Timer = clock.after(Math.max(0, untilMs - nowMs), () => this.#wake?.())
      this.#wake = () => {
        this.#wake = undefined
        timer.cancel()
        resolve()
      }
    })
  }
}
