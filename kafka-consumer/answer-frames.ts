// Puts the bytes that a socket reads into the frames that they are part of; does no I/O.
import { answerMaxBytes } from '../common/consumer-limits.ts'
import { FrameTooLargeError } from '../protocol/frames.ts'

const lengthBytes = 4
/** Room for a length and what comes with it. The rest of a frame is read straight into its own memory. */
const inboxBytes = 4096

export interface AnswerFramesOptions {
  readonly maxBytes?: number
  /** Memory for a frame. It is not touched before the bytes arrive. */
  readonly allocate?: (bytes: number) => Buffer
}

/**
 * The socket reads into `room` and says by `fill` how much; the bytes of a large frame are never
 * copied. A frame is an int32 length and as many bytes.
 */
export class AnswerFrames {
  readonly #maxBytes: number
  readonly #allocate: (bytes: number) => Buffer
  readonly #inbox = Buffer.allocUnsafeSlow(inboxBytes)
  #inboxUsed = 0
  #frame: Buffer | undefined
  #filled = 0
  #error: FrameTooLargeError | undefined

  constructor(options: AnswerFramesOptions = {}) {
    this.#maxBytes = options.maxBytes ?? answerMaxBytes
    this.#allocate = options.allocate ?? Buffer.allocUnsafe
  }

  /** Set once a length was negative or over the limit; from then on no frame comes out. */
  get error(): FrameTooLargeError | undefined {
    return this.#error
  }

  /** Where the next bytes go. */
  get room(): Buffer {
    return this.#frame === undefined
      ? this.#inbox.subarray(this.#inboxUsed)
      : this.#frame.subarray(this.#filled)
  }

  /** So many bytes are in what `room` gave; the whole frames that they complete, without lengths. */
  fill(bytes: number): Buffer[] {
    if (this.#error !== undefined) return []
    if (this.#frame === undefined) return this.#split(this.#inboxUsed + bytes)
    this.#filled += bytes
    if (this.#filled < this.#frame.length) return []
    const frame = this.#frame
    this.#frame = undefined
    return [frame]
  }

  #split(end: number): Buffer[] {
    const frames: Buffer[] = []
    let position = 0
    while (end - position >= lengthBytes) {
      const length = this.#inbox.readInt32BE(position)
      if (length < 0 || length > this.#maxBytes) {
        this.#error = new FrameTooLargeError(length, this.#maxBytes)
        return frames
      }
      position += lengthBytes
      const frame = this.#allocate(length)
      const present = Math.min(length, end - position)
      this.#inbox.copy(frame, 0, position, position + present)
      position += present
      if (present < length) {
        this.#frame = frame
        this.#filled = present
        break
      }
      frames.push(frame)
    }
    // Less than a length is left, if anything.
    this.#inbox.copyWithin(0, position, end)
    this.#inboxUsed = end - position
    return frames
  }
}
