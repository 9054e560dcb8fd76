// Reads the answer to a call: as a whole, or frame by frame as it goes on.
import type { Clock, Timer } from '../common/clock.ts'
import type { AppError } from '../common/errors.ts'
import { kinesisAnswerMaxBytes, subscriptionSilenceMaxMs } from '../common/kinesis-client-limits.ts'
import {
  EventStreamDecoder,
  EventStreamFlaw,
  type EventFrame,
} from '../kinesis-wire/event-stream.ts'
import type { HttpAnswer, HttpSocket } from './http-socket.ts'

export interface StreamedReplyOptions {
  readonly clock: Clock
  /** What a failure is to whoever listens. */
  readonly failed: (error: unknown) => AppError
}

export class StreamedReply {
  readonly #answer: HttpAnswer
  readonly #socket: HttpSocket
  readonly #options: StreamedReplyOptions

  constructor(answer: HttpAnswer, socket: HttpSocket, options: StreamedReplyOptions) {
    this.#answer = answer
    this.#socket = socket
    this.#options = options
  }

  get status(): number {
    return this.#answer.head.status
  }

  /** Undefined where it says none. */
  get contentType(): string | undefined {
    return this.#answer.head.headers.get('content-type')
  }

  async whole(): Promise<Buffer> {
    try {
      return await readAll(this.#answer.pieces)
    } catch (error) {
      throw this.#options.failed(error)
    } finally {
      this.#end()
    }
  }

  /** Nothing is read ahead of who listens; the connection ends with the listening. */
  async *frames(): AsyncGenerator<EventFrame, void, void> {
    const decoder = new EventStreamDecoder()
    let timer = this.#silence()
    try {
      for await (const piece of this.#answer.pieces) {
        timer.cancel()
        const frames = decoder.push(piece)
        if (frames instanceof EventStreamFlaw) throw new Error(frames.reason)
        yield* frames
        timer = this.#silence()
      }
      if (decoder.isAmidFrame) throw new Error('the subscription was cut off')
    } catch (error) {
      throw this.#options.failed(error)
    } finally {
      timer.cancel()
      this.#end()
    }
  }

  #end(): void {
    this.#socket.destroy(new Error('the subscription is over'))
  }

  #silence(): Timer {
    return this.#options.clock.after(subscriptionSilenceMaxMs, () => {
      this.#socket.destroy(new Error(`nothing came for ${subscriptionSilenceMaxMs} ms`))
    })
  }
}

/** Into one piece of memory, of which records are slices. */
export async function readAll(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of pieces) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > kinesisAnswerMaxBytes) {
      throw new Error(`the answer has more than ${kinesisAnswerMaxBytes} bytes`)
    }
  }
  const [first] = chunks
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes)
}
