// Remembers the last offset of each key in a fixed amount of memory.
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'

/** MD5 as four words, and the offset: what Kafka's cleaner keeps of a key, too. */
const wordsPerKey = 4
export const offsetMapBytesPerKey = wordsPerKey * 4 + 8

/** A table with open addressing slows down when it is nearly full. */
const fullAt = 0.75
const free = -1

/** Keys are told apart by their MD5: none is chosen to collide in a log that its own writers own. */
export class OffsetMap {
  readonly #slots: number
  readonly #digests: Uint32Array
  readonly #offsets: Float64Array
  #size = 0

  constructor(maxBytes: number) {
    this.#slots = Math.floor(maxBytes / offsetMapBytesPerKey)
    assert(this.#slots >= 2, 'there is room for a key and for an end of the search')
    this.#digests = new Uint32Array(this.#slots * wordsPerKey)
    this.#offsets = new Float64Array(this.#slots).fill(free)
  }

  get size(): number {
    return this.#size
  }

  /** Whether another key can be taken. */
  get isFull(): boolean {
    return this.#size + 1 > this.#slots * fullAt
  }

  /** `offset` must not be below an earlier one of the same key. */
  put(key: Buffer, offset: number): void {
    const digest = digestOf(key)
    const slot = this.#find(digest)
    if (this.#offsets[slot] === free) {
      assert(!this.isFull, 'a full map takes no further key')
      this.#digests.set(digest, slot * wordsPerKey)
      this.#size += 1
    }
    this.#offsets[slot] = offset
  }

  /** The last offset of the key; undefined where it was never put. */
  get(key: Buffer): number | undefined {
    const offset = this.#offsets[this.#find(digestOf(key))]
    return offset === free ? undefined : offset
  }

  clear(): void {
    this.#offsets.fill(free)
    this.#size = 0
  }

  /** The key's slot, or the free one where it would go. */
  #find(digest: Uint32Array): number {
    let slot = (digest[0] ?? 0) % this.#slots
    while (this.#offsets[slot] !== free && !this.#isAt(slot, digest)) {
      slot = (slot + 1) % this.#slots
    }
    return slot
  }

  #isAt(slot: number, digest: Uint32Array): boolean {
    const start = slot * wordsPerKey
    for (let word = 0; word < wordsPerKey; word++) {
      if (this.#digests[start + word] !== digest[word]) return false
    }
    return true
  }
}

function digestOf(key: Buffer): Uint32Array {
  const digest = hash('md5', key, 'buffer')
  return Uint32Array.of(
    digest.readUInt32LE(0),
    digest.readUInt32LE(4),
    digest.readUInt32LE(8),
    digest.readUInt32LE(12),
  )
}
