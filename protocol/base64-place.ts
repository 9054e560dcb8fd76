// Base64 that lies in bytes: a text of it is made for as long as it is decoded.

export class Base64Place {
  readonly #bytes: Buffer
  readonly #start: number
  readonly length: number

  /** Up to before `end`. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#start = start
    this.length = end - start
  }

  /** Bytes that are no ASCII are characters that Base64 has not. */
  toString(): string {
    return this.#bytes.toString('latin1', this.#start, this.#start + this.length)
  }

  /** The last ones. */
  ends(characters: number): string {
    const end = this.#start + this.length
    return this.#bytes.toString('latin1', Math.max(this.#start, end - characters), end)
  }
}
