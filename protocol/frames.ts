// Splits a byte stream into Kafka frames; does no I/O.
import { frameMaxBytes } from '../common/limits.ts'

const lengthBytes = 4

/** A length that no peer of good will sends: the stream cannot be followed any further. */
export class FrameTooLargeError extends Error {
  readonly lengthBytes: number
  readonly maxBytes: number

  constructor(length: number, maxBytes: number) {
    super(`frame length is ${length} where at most ${maxBytes} bytes are taken`)
    this.name = 'FrameTooLargeError'
    this.lengthBytes = length
    this.maxBytes = maxBytes
  }
}

/**
 * A frame is an int32 length and as many bytes. The frames that come out are the same however the
 * bytes were cut into chunks. A frame within one chunk is a view of it; one that spans chunks is put
 * together once, when its last byte is there, so memory grows with what was received alone.
 */
export class FrameSplitter {
  /** Of the frames that begin from now on. */
  maxBytes: number
  /** Chunks not yet consumed; together shorter than the frame that they begin. */
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** What the frame in hand takes, length included; unknown until its first four bytes are there. */
  #wantedBytes = lengthBytes
  #error: FrameTooLargeError | undefined

  constructor(options: { maxBytes?: number } = {}) {
    this.maxBytes = options.maxBytes ?? frameMaxBytes
  }

  /** Set once a length was negative or over the limit; from then on no frame comes out. */
  get error(): FrameTooLargeError | undefined {
    return this.#error
  }

  /** Bytes held back for a frame that is not whole. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** The whole frames that `chunk` completes, without their lengths; then see `error`. */
  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = []
    if (this.#error !== undefined) return frames
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    if (this.#pendingBytes < this.#wantedBytes) return frames
    let bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending)
    while (bytes.length >= lengthBytes) {
      const length = bytes.readInt32BE(0)
      if (length < 0 || length > this.maxBytes) return this.#fail(length, frames)
      this.#wantedBytes = lengthBytes + length
      if (bytes.length < this.#wantedBytes) break
      frames.push(bytes.subarray(lengthBytes, this.#wantedBytes))
      bytes = bytes.subarray(this.#wantedBytes)
      this.#wantedBytes = lengthBytes
    }
    this.#pending = bytes.length === 0 ? [] : [bytes]
    this.#pendingBytes = bytes.length
    return frames
  }

  #fail(length: number, frames: Buffer[]): Buffer[] {
    this.#error = new FrameTooLargeError(length, this.maxBytes)
    this.#pending = []
    this.#pendingBytes = 0
    return frames
  }
}
