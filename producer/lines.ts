// Splits a byte stream into lines, numbered as an editor numbers them; does no I/O.
import assert from 'node:assert'

export interface Line {
  /** From 1. Empty lines count, so that the number is the one an editor shows. */
  readonly number: number
  /** Without its line feed, nor the carriage return before it. */
  readonly bytes: Buffer
}

/** A line longer than the bound; no more can be read after it. */
export interface LineTooLong {
  readonly tooLong: number
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Invariant: it never holds more than one unfinished line of at most `maxBytes`. */
export class LineSplitter {
  readonly #maxBytes: number
  #number = 1
  #rest: Buffer[] = []
  #restBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The lines that `chunk` completes. */
  push(chunk: Buffer): readonly Line[] | LineTooLong {
    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      const bytes = this.#join(chunk.subarray(start, end))
      if (bytes.length > this.#maxBytes) return { tooLong: this.#number }
      lines.push({ number: this.#number++, bytes })
      start = end + 1
    }
    if (start < chunk.length) {
      this.#rest.push(chunk.subarray(start))
      this.#restBytes += chunk.length - start
    }
    // One more than the bound may be the carriage return of a line ending.
    return this.#restBytes > this.#maxBytes + 1 ? { tooLong: this.#number } : lines
  }

  /** The last line, where the stream does not end with a line feed. */
  end(): readonly Line[] | LineTooLong {
    if (this.#restBytes === 0) return []
    const bytes = this.#join(Buffer.alloc(0))
    if (bytes.length > this.#maxBytes) return { tooLong: this.#number }
    return [{ number: this.#number++, bytes }]
  }

  check(): void {
    assert(this.#restBytes === this.#rest.reduce((sum, { length }) => sum + length, 0))
    assert(this.#restBytes <= this.#maxBytes + 1)
  }

  #join(last: Buffer): Buffer {
    const line = this.#rest.length === 0 ? last : Buffer.concat([...this.#rest, last])
    this.#rest = []
    this.#restBytes = 0
    return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line
  }
}
