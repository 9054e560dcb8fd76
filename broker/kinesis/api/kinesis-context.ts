// What the handlers of the Kinesis API are handed, and the forms in which they may answer.
import type { BufferPool } from '../../../common/buffer-pool.ts'
import type { Clock } from '../../../common/clock.ts'
import type { Logger } from '../../../common/logger.ts'
import type { LogStore } from '../../log/log-store.ts'
import type { StreamCatalog } from '../streams/stream-catalog.ts'
import type { Consumers } from '../streams/consumers.ts'
import type { IteratorTokens } from './iterator-token.ts'
import type { KinesisCounters } from './kinesis-counters.ts'
import type { Outcome } from './kinesis-errors.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface KinesisContext {
  readonly store: LogStore
  readonly catalog: StreamCatalog
  readonly iterators: IteratorTokens
  readonly consumers: Consumers
  readonly subscriptions: Subscriptions
  /** As ARNs and texts name them. */
  readonly region: string
  readonly accountId: string
  /** At that of AWS the limits of shards hold, unless a stream says otherwise; `local` unless given. */
  readonly pace?: 'local' | 'aws'
  /** Told of topics that were deleted as streams: what Kafka's groups know of them goes as well. */
  readonly topicDeleted?: (name: string) => Promise<void>
  /** Where the bytes of answers lie, which their sender lets go of; unless given, they are made anew. */
  readonly memory?: BufferPool
  readonly counters: KinesisCounters
  readonly clock: Clock
  readonly logger: Logger
}

/** How requests and answers are written: AWS's JSON 1.1 or CBOR 1.1. */
export type WireFormat = 'json' | 'cbor'

/** One call's circumstances. */
export interface Call {
  readonly format: WireFormat
  /** Since the head of the request was there. */
  elapsedSeconds(): number
  /** Aborted when nobody waits for the answer any more, or the door closes. */
  readonly signal: AbortSignal
}

/** A body that the handler wrote itself, in the call's format, where that is quicker than building values. */
export class WrittenAnswer {
  readonly chunks: readonly Uint8Array[]

  constructor(chunks: readonly Uint8Array[]) {
    this.chunks = chunks
  }
}

/** Where a streamed answer goes. */
export interface AnswerStream {
  /**
   * Resolves when more may be sent: a client that reads slowly slows its sender. Without effect once `signal` is aborted.
   * What is sent is let go of once it is on its way.
   */
  send(bytes: Uint8Array): Promise<void>
  /** Aborted when the client has left or the door closes: the stream is to come to its end. */
  readonly signal: AbortSignal
}

/**
 * An answer that goes on. Its head is sent at once; it ends when `run` resolves. One that rejects is logged, and
 * cuts the answer off in the middle, so that its client does not take it for complete.
 */
export class StreamedAnswer {
  readonly contentType: string
  readonly run: (stream: AnswerStream) => Promise<void>

  constructor(contentType: string, run: (stream: AnswerStream) => Promise<void>) {
    this.contentType = contentType
    this.run = run
  }
}

/**
 * Members by AWS's names: a Date is a timestamp, a Uint8Array a blob, what is undefined is left out. `undefined` is the
 * empty body of an operation without output.
 */
export type Answer = object | undefined | WrittenAnswer | StreamedAnswer

/** Rejects with AppError where the machine fails, which is an InternalFailure. */
export type Handler<Input> = (
  context: KinesisContext,
  input: Input,
  call: Call,
) => Outcome<Answer> | Promise<Outcome<Answer>>
