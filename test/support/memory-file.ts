// The content of one file in memory: what it reads as, and what the disk has of it.

/** A change of the content. Changes reach the disk in any order, or not at all, until a flush. */
interface Change {
  readonly kind: 'write' | 'truncate'
  /** Where a write begins, or the size that a truncation leaves. */
  readonly position: number
  readonly bytes: Buffer
  readonly isPastCache: boolean
  /** Whether the call has returned: a flush need not take in what was under way when it began. */
  isDone: boolean
  fate: 'pending' | 'durable' | 'forgotten'
}

const nothing = Buffer.alloc(0)
/** So small that a batch or two fill some. */
const pageBytes = 64

export class MemoryFile {
  readonly #content: Content
  /** What the disk has for sure; then come the changes since, in their order. */
  readonly #durable: Content
  #changes: Change[] = []

  /** `durable` is of it what the disk has: all, unless told. */
  constructor(bytes: Buffer = nothing, durable: Buffer = bytes) {
    this.#content = new Content(bytes)
    this.#durable = new Content(durable)
  }

  get sizeBytes(): number {
    return this.#content.sizeBytes
  }

  /** As it reads now; a view. */
  get bytes(): Buffer {
    return this.#content.bytes
  }

  /**
   * As it reads past the cache, to which the system writes first what the cache has: all but what a failed flush made it
   * forget.
   */
  bytesPastCache(): Buffer {
    let { bytes } = this.#durable
    for (const change of this.#changes) {
      if (change.fate !== 'forgotten' || change.isPastCache) bytes = applied(change, bytes)
    }
    return bytes
  }

  /** Returns what to call when the write returns to its caller. */
  write(bytes: Buffer, position: number, isPastCache = false): () => void {
    const fate = 'pending'
    const change: Change = { kind: 'write', position, bytes, isPastCache, isDone: false, fate }
    this.#content.apply(change)
    this.#changes.push(change)
    return () => {
      change.isDone = true
    }
  }

  truncate(sizeBytes: number): void {
    const change: Change = {
      kind: 'truncate',
      position: sizeBytes,
      bytes: nothing,
      isPastCache: true,
      isDone: true,
      fate: 'pending',
    }
    this.#content.apply(change)
    this.#changes.push(change)
  }

  /**
   * Returns what to call when the flush ends. One that fails makes the system forget what it was for
   * (Linux marks such pages clean): it reads as before, and a later flush does not bring it to the disk.
   */
  beginFlush(): (ok: boolean) => void {
    const covered = this.#changes.filter(({ isDone, fate }) => isDone && fate === 'pending')
    return (ok) => {
      for (const change of covered) change.fate = ok ? 'durable' : 'forgotten'
      while (this.#changes[0]?.fate === 'durable') {
        const change = this.#changes.shift()
        if (change !== undefined) this.#durable.apply(change)
      }
    }
  }

  /** After a power cut: of each change that was not flushed nothing, a part or all. */
  cut(random: () => number): MemoryFile {
    let { bytes } = this.#durable
    for (const change of this.#changes) {
      if (change.fate === 'durable') bytes = applied(change, bytes)
      else bytes = perhapsApplied(change, bytes, random)
    }
    return new MemoryFile(bytes)
  }

  /** After a kill of the process the system finishes the writes that it was handed. */
  kill(): MemoryFile {
    const copy = new MemoryFile(this.bytes, this.#durable.bytes)
    copy.#changes = this.#changes.map((change) => ({ ...change, isDone: true }))
    return copy
  }
}

/** Bytes with room to grow, so that a file of many writes is not copied for each. */
class Content {
  #buffer: Buffer
  #sizeBytes: number

  constructor(bytes: Buffer) {
    this.#buffer = Buffer.from(bytes)
    this.#sizeBytes = bytes.length
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** A view. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#sizeBytes)
  }

  /** Bytes between the old end and a write read as zeros, as in a sparse file. */
  apply({ kind, position, bytes }: Change): void {
    const endBytes = kind === 'truncate' ? position : position + bytes.length
    if (kind === 'truncate')
      this.#buffer.fill(0, Math.min(position, this.#sizeBytes), this.#sizeBytes)
    else if (bytes.length === 0) return
    if (endBytes > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(endBytes, 2 * this.#buffer.length))
      this.bytes.copy(larger)
      this.#buffer = larger
    }
    bytes.copy(this.#buffer, position)
    this.#sizeBytes = kind === 'truncate' ? position : Math.max(this.#sizeBytes, endBytes)
  }
}

function applied({ kind, position, bytes }: Change, content: Buffer): Buffer {
  if (kind === 'truncate') {
    const result = Buffer.alloc(position)
    content.copy(result)
    return result
  }
  return overwritten(content, position, bytes)
}

function perhapsApplied(change: Change, content: Buffer, random: () => number): Buffer {
  const fate = random()
  if (fate < 0.3) return content
  if (change.kind === 'truncate') return applied(change, content)
  const { position, bytes } = change
  if (fate < 0.6) {
    return overwritten(content, position, bytes.subarray(0, Math.floor(random() * bytes.length)))
  }
  if (fate < 0.7) return scattered(content, change, random)
  // The size was written down, the bytes were not.
  if (fate < 0.8 && position >= content.length) {
    return overwritten(content, position, Buffer.alloc(bytes.length))
  }
  return applied(change, content)
}

/** Pages of a write reach the disk in any order: of the others there is what was there before. */
function scattered(content: Buffer, { position, bytes }: Change, random: () => number): Buffer {
  let result = content
  for (let at = 0; at < bytes.length; at += pageBytes) {
    if (random() < 0.5) continue
    result = overwritten(result, position + at, bytes.subarray(at, at + pageBytes))
  }
  return result
}

function overwritten(content: Buffer, position: number, bytes: Buffer): Buffer {
  if (bytes.length === 0) return content
  const result = Buffer.alloc(Math.max(content.length, position + bytes.length))
  content.copy(result)
  bytes.copy(result, position)
  return result
}
