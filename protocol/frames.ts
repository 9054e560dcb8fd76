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

/** Up to this size memory for a whole frame is taken when its length is known. */
const upfrontMaxBytes = 2 * 1024 * 1024

export interface SplitterOptions {
  readonly maxBytes?: number
  /** Memory for the bytes of a frame. */
  readonly allocate?: (bytes: number) => Buffer
}

/**
 * A frame is an int32 length and as many bytes. The frames that come out are the same however the
 * bytes were cut into chunks, and no part of a chunk is needed once `push` has returned: each frame is copied
 * once, but for what was put into its `room`, as its bytes arrive, or a large one when its last byte is there, so that memory grows with what was
 * received and not with what was announced.
 */
export class FrameSplitter {
  /** Of the frames that begin from now on. */
  maxBytes: number
  readonly #allocate: (bytes: number) => Buffer
  /** The beginning of a frame that has no memory of its own yet. */
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** What the frame in hand takes, length included; unknown until its first four bytes are there. */
  #wantedBytes = lengthBytes
  /** The frame in hand, its first `#filledBytes` received. */
  #frame: Buffer | undefined
  #filledBytes = 0
  #error: FrameTooLargeError | undefined

  constructor(options: SplitterOptions = {}) {
    this.maxBytes = options.maxBytes ?? frameMaxBytes
    this.#allocate = options.allocate ?? Buffer.allocUnsafe
  }

  /** Set once a length was negative or over the limit; from then on no frame comes out. */
  get error(): FrameTooLargeError | undefined {
    return this.#error
  }

  /** Memory held back for a frame that is not whole. */
  get pendingBytes(): number {
    return this.#frame?.length ?? this.#pendingBytes
  }

  /**
   * Where the next bytes may be put, and pushed from: the rest of the frame in hand, which saves their copy. Undefined while
   * it has no memory of its own.
   */
  get room(): Buffer | undefined {
    return this.#frame?.subarray(this.#filledBytes)
  }

  /** The whole frames that `chunk` completes, without their lengths; then see `error`. */
  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = []
    if (this.#error !== undefined) return frames
    const rest = this.#fill(chunk, frames)
    if (this.#pendingBytes + rest.length < this.#wantedBytes) {
      this.#begin(rest)
      return frames
    }
    let bytes = rest
    if (this.#pendingBytes > 0) {
      bytes = Buffer.concat([...this.#pending, rest])
      this.#pending = []
      this.#pendingBytes = 0
    }
    while (bytes.length >= lengthBytes) {
      const length = bytes.readInt32BE(0)
      if (length < 0 || length > this.maxBytes) return this.#fail(length, frames)
      this.#wantedBytes = lengthBytes + length
      if (bytes.length < this.#wantedBytes) break
      const frame = this.#allocate(length)
      bytes.copy(frame, 0, lengthBytes, this.#wantedBytes)
      frames.push(frame)
      bytes = bytes.subarray(this.#wantedBytes)
      this.#wantedBytes = lengthBytes
    }
    this.#begin(bytes)
    return frames
  }

  /** Puts into the frame in hand what is its own, unless it lies there; returns what lies behind it. */
  #fill(chunk: Buffer, frames: Buffer[]): Buffer {
    const frame = this.#frame
    if (frame === undefined) return chunk
    const start = frame.byteOffset + this.#filledBytes
    const isThere = chunk.buffer === frame.buffer && chunk.byteOffset === start
    const bytes = isThere ? chunk.length : chunk.copy(frame, this.#filledBytes)
    this.#filledBytes += bytes
    if (this.#filledBytes === frame.length) {
      frames.push(frame)
      this.#frame = undefined
      this.#wantedBytes = lengthBytes
    }
    return chunk.subarray(bytes)
  }

  /** Keeps bytes that are part of a frame and not the end of it. */
  #begin(bytes: Buffer): void {
    if (bytes.length === 0) return
    const length = this.#wantedBytes - lengthBytes
    // A frame is worth memory of its own once a part of it is there that is not small beside it.
    const isUpfront = bytes.length * 64 >= this.#wantedBytes && length <= upfrontMaxBytes
    if (this.#pendingBytes === 0 && bytes.length > lengthBytes && isUpfront) {
      this.#frame = this.#allocate(length)
      this.#filledBytes = bytes.copy(this.#frame, 0, lengthBytes)
      return
    }
    this.#pending.push(Buffer.from(bytes))
    this.#pendingBytes += bytes.length
  }

  #fail(length: number, frames: Buffer[]): Buffer[] {
    this.#error = new FrameTooLargeError(length, this.maxBytes)
    this.#pending = []
    this.#pendingBytes = 0
    return frames
  }
}
