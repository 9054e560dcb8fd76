// AWS's event stream: writes and reads frames of headers and a payload, each with two checksums; does no I/O.
import { crc32 } from 'node:zlib'
import { eventFrameMaxBytes, eventHeadersMaxBytes } from '../common/kinesis-wire-limits.ts'

export const eventStreamContentType = 'application/vnd.amazon.eventstream'

/**
 * Big endian, CRC-32 of ISO 3309. The prelude has a checksum of its own, so that nobody waits for a length that is wrong.
 *
 *   total u32 · headers u32 · crc32 of both │ headers │ payload │ crc32 of all before
 */
const preludeBytes = 12
const checksumBytes = 4
const textType = 7
/** More of one frame are put together: a sender of single bytes must not cost an object for each. */
const piecesMax = 4096

export interface EventFrame {
  /** Those that are texts: `:message-type`, `:event-type`, `:exception-type`, `:content-type` are. */
  readonly headers: ReadonlyMap<string, string>
  readonly payload: Buffer
}

/** Why bytes are no event stream. */
export class EventStreamFlaw {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** What an answer that streams sends for a thing that happened; a payload in several pieces is put together. */
export function encodeEvent(
  eventType: string,
  contentType: string,
  payload: readonly Uint8Array[],
): Buffer {
  return encodeFrame(FrameAround.ofEvent(eventType, contentType), payload)
}

/** The last frame of a stream that failed. */
export function encodeException(
  exceptionType: string,
  contentType: string,
  payload: readonly Uint8Array[],
): Buffer {
  return encodeFrame(FrameAround.ofException(exceptionType, contentType), payload)
}

/** What a frame has around its payload. */
export class FrameAround {
  readonly #head: Buffer

  private constructor(headers: Readonly<Record<string, string>>) {
    this.#head = headOf(headers)
  }

  static ofEvent(eventType: string, contentType: string): FrameAround {
    const headers = { ':event-type': eventType, ':content-type': contentType }
    return new FrameAround({ ...headers, ':message-type': 'event' })
  }

  static ofException(exceptionType: string, contentType: string): FrameAround {
    const headers = { ':exception-type': exceptionType, ':content-type': contentType }
    return new FrameAround({ ...headers, ':message-type': 'exception' })
  }

  /** Where the payload begins in a frame. */
  get payloadStart(): number {
    return preludeBytes + this.#head.length
  }

  /** So much more than its payload a frame is. */
  get bytes(): number {
    return this.payloadStart + checksumBytes
  }

  /** Makes a frame of memory in which the payload lies from `payloadStart` on, with room for a checksum behind it. */
  finish(memory: Buffer, payloadBytes: number): Buffer {
    const end = this.payloadStart + payloadBytes
    const frame = memory.subarray(0, end + checksumBytes)
    frame.writeUInt32BE(frame.length, 0)
    frame.writeUInt32BE(this.#head.length, 4)
    frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
    frame.set(this.#head, preludeBytes)
    frame.writeUInt32BE(crc32(frame.subarray(0, end)), end)
    return frame
  }
}

function headOf(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const bytes = Buffer.alloc(1 + name.length + 3 + value.length)
      let at = bytes.writeUInt8(name.length)
      at += bytes.write(name, at, 'latin1')
      at = bytes.writeUInt8(textType, at)
      at = bytes.writeUInt16BE(value.length, at)
      bytes.write(value, at, 'latin1')
      return bytes
    }),
  )
}

function encodeFrame(around: FrameAround, payload: readonly Uint8Array[]): Buffer {
  const payloadBytes = payload.reduce((sum, { length }) => sum + length, 0)
  const memory = Buffer.allocUnsafe(around.bytes + payloadBytes)
  let at = around.payloadStart
  for (const piece of payload) {
    memory.set(piece, at)
    at += piece.length
  }
  return around.finish(memory, payloadBytes)
}

/** Takes the stream in whatever pieces it comes. Holds one frame's bytes at most, and none before its prelude is sound. */
export class EventStreamDecoder {
  #pieces: Buffer[] = []
  #held = 0
  /** Of the frame that is being held, once its prelude was read. */
  #total: number | undefined
  #flaw: EventStreamFlaw | undefined

  /** Whether a frame has begun and not ended: a stream that ends so was cut off. */
  get isAmidFrame(): boolean {
    return this.#held > 0
  }

  /**
   * The frames that end with `chunk`; their payloads may be slices of it. After a flaw nothing more is read, and frames
   * before it in the same chunk are not told.
   */
  push(chunk: Buffer): readonly EventFrame[] | EventStreamFlaw {
    if (this.#flaw !== undefined) return this.#flaw
    const frames: EventFrame[] = []
    this.#pieces.push(chunk)
    this.#held += chunk.length
    if (this.#pieces.length > piecesMax) this.#joined()
    while (this.#flaw === undefined) {
      if (this.#total === undefined) {
        if (this.#held < preludeBytes) break
        this.#total = this.#prelude()
      }
      if (this.#total === undefined || this.#held < this.#total) break
      const frame = this.#frame(this.#total)
      if (frame !== undefined) frames.push(frame)
    }
    if (this.#flaw === undefined) return frames
    this.#pieces = []
    return this.#flaw
  }

  #prelude(): number | undefined {
    const bytes = this.#joined()
    if (crc32(bytes.subarray(0, 8)) !== bytes.readUInt32BE(8)) {
      return this.#fail('a prelude does not fit its checksum')
    }
    const total = bytes.readUInt32BE(0)
    const headers = bytes.readUInt32BE(4)
    if (total > eventFrameMaxBytes) {
      return this.#fail(`a frame has more than ${eventFrameMaxBytes} bytes`)
    }
    if (headers > eventHeadersMaxBytes || preludeBytes + headers + checksumBytes > total) {
      return this.#fail('a frame has more headers than fit')
    }
    return total
  }

  #frame(total: number): EventFrame | undefined {
    const bytes = this.#joined()
    const end = total - checksumBytes
    if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) {
      return this.#fail('a frame does not fit its checksum')
    }
    const payloadStart = preludeBytes + bytes.readUInt32BE(4)
    const headers = textHeaders(bytes.subarray(preludeBytes, payloadStart))
    if (headers === undefined) return this.#fail('a header cannot be read')
    this.#held -= total
    this.#pieces = this.#held === 0 ? [] : [bytes.subarray(total)]
    this.#total = undefined
    return { headers, payload: bytes.subarray(payloadStart, end) }
  }

  #joined(): Buffer {
    const [first = Buffer.alloc(0)] = this.#pieces
    if (this.#pieces.length === 1) return first
    const joined = Buffer.concat(this.#pieces, this.#held)
    this.#pieces = [joined]
    return joined
  }

  #fail(reason: string): undefined {
    this.#flaw = new EventStreamFlaw(reason)
  }
}

/** Bytes of a value by its header's type; -1 where two bytes before it say so. Smithy, event stream: the header types. */
const valueBytes: Readonly<Record<number, number>> = {
  0: 0, // true
  1: 0, // false
  2: 1, // byte
  3: 2, // short
  4: 4, // integer
  5: 8, // long
  6: -1, // bytes
  7: -1, // text
  8: 8, // timestamp
  9: 16, // UUID
}

function textHeaders(bytes: Buffer): Map<string, string> | undefined {
  const headers = new Map<string, string>()
  let at = 0
  while (at < bytes.length) {
    const nameEnd = at + 1 + (bytes[at] ?? 0)
    if (nameEnd >= bytes.length) return undefined
    const name = bytes.toString('utf8', at + 1, nameEnd)
    const type = bytes[nameEnd] ?? 0
    let size = valueBytes[type]
    at = nameEnd + 1
    if (size === undefined) return undefined
    if (size === -1) {
      if (at + 2 > bytes.length) return undefined
      size = bytes.readUInt16BE(at)
      at += 2
    }
    if (at + size > bytes.length) return undefined
    if (type === textType) headers.set(name, bytes.toString('utf8', at, at + size))
    at += size
  }
  return headers
}
