// Reads the answer to a call: as a whole, or frame by frame as it goes on.
import type { IncomingMessage } from 'node:http'
import type { Clock, Timer } from '../common/clock.ts'
import type { AppError } from '../common/errors.ts'
import { kinesisAnswerMaxBytes, subscriptionSilenceMaxMs } from '../common/kinesis-client-limits.ts'
import {
  EventStreamDecoder,
  EventStreamFlaw,
  type EventFrame,
} from '../kinesis-wire/event-stream.ts'

export class StreamedReply {
  readonly #response: IncomingMessage
  readonly #clock: Clock
  readonly #failed: (error: unknown) => AppError

  constructor(response: IncomingMessage, clock: Clock, failed: (error: unknown) => AppError) {
    this.#response = response
    this.#clock = clock
    this.#failed = failed
  }

  get status(): number {
    return this.#response.statusCode ?? 0
  }

  /** Undefined where it says none. */
  get contentType(): string | undefined {
    return this.#response.headers['content-type']
  }

  async whole(): Promise<Buffer> {
    try {
      return await readAll(this.#response)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** Nothing is read ahead of who listens; the connection ends with the listening. */
  async *frames(): AsyncGenerator<EventFrame, void, void> {
    const decoder = new EventStreamDecoder()
    let timer = this.#silence()
    try {
      for await (const chunk of this.#response as AsyncIterable<Buffer>) {
        timer.cancel()
        const frames = decoder.push(chunk)
        if (frames instanceof EventStreamFlaw) throw new Error(frames.reason)
        yield* frames
        timer = this.#silence()
      }
      if (decoder.isAmidFrame) throw new Error('the subscription was cut off')
    } catch (error) {
      throw this.#failed(error)
    } finally {
      timer.cancel()
      this.#response.destroy()
    }
  }

  #silence(): Timer {
    return this.#clock.after(subscriptionSilenceMaxMs, () => {
      this.#response.destroy(new Error(`nothing came for ${subscriptionSilenceMaxMs} ms`))
    })
  }
}

/** Into one piece of memory, of which records are slices. */
export async function readAll(response: IncomingMessage): Promise<Buffer> {
  const told = Number(response.headers['content-length'] ?? Number.NaN)
  if (told > kinesisAnswerMaxBytes) throw tooLarge(response)
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > kinesisAnswerMaxBytes) throw tooLarge(response)
  }
  const [first] = chunks
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes)
}

function tooLarge(response: IncomingMessage): Error {
  response.destroy()
  return new Error(`the answer has more than ${kinesisAnswerMaxBytes} bytes`)
}
