// Memory for what passes through by the gigabyte: buffers that are used again once all holders have let go.
import assert from 'node:assert/strict'
import type { Clock, Timer } from './clock.ts'

/*
 * V8 answers every few dozen megabytes of new buffers with a full collection, whatever the heap: at 500 MB/s that was
 * a third of the broker's processor time. A buffer whose last holder lets go comes back here instead.
 *
 * Letting go is never owed. A holder that forgets leaves the buffer to the garbage collector, as any other; so does
 * `keep`, for holders that cannot say when they are done. What must not happen is to let go of what is still used.
 */
interface Lease {
  readonly pool: BufferPool
  readonly memory: Buffer
  /** Infinity: whoever holds it does not say for how long. */
  holders: number
}

const leases = new WeakMap<ArrayBufferLike, Lease>()

export interface BufferPoolOptions {
  /** What may lie here unused. */
  readonly spareMaxBytes: number
  /** Larger buffers are made anew each time. */
  readonly bufferMaxBytes: number
  /** How large a buffer is made for a length: few sizes are used again more often. Unless given, a little larger. */
  readonly sizeFor?: (length: number) => number
  /** As much as nobody has used for so long is freed; unless given, none is. */
  readonly idle?: { readonly clock: Clock; readonly maxMs: number }
}

/** Smaller ones are cheaper to make than to keep account of. */
const bufferMinBytes = 4096

/** Invariant: a spare buffer has no holder. Sizes come in steps, so that one fits where another was. */
export class BufferPool {
  readonly #options: BufferPoolOptions
  readonly #spare = new Map<number, Buffer[]>()
  #spareBytes = 0
  /** The least that has lain here since the timer was set. */
  #unusedBytes = 0
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: BufferPoolOptions) {
    this.#options = options
  }

  get spareBytes(): number {
    return this.#spareBytes
  }

  /** A buffer of this length, whatever it contains, with one holder. */
  take(length: number): Buffer {
    const { bufferMaxBytes } = this.#options
    if (length < bufferMinBytes || length > bufferMaxBytes) return Buffer.allocUnsafe(length)
    return (
      this.takeSpare(length) ?? this.lend(Buffer.allocUnsafeSlow(this.#sizeFor(length)), length)
    )
  }

  /** The same where one lies here, undefined where none does. */
  takeSpare(length: number): Buffer | undefined {
    const memory = this.#takeSpare(this.#sizeAbove(this.#sizeFor(length)))
    return memory && this.lend(memory, length)
  }

  /** As much of `memory`, which nobody else has, with one holder; all of it comes here after the last. */
  lend(memory: Buffer, length: number): Buffer {
    leases.set(memory.buffer, { pool: this, memory, holders: 1 })
    return memory.subarray(0, length)
  }

  /** Only `letGo` calls it. */
  giveBack(memory: Buffer): void {
    const { spareMaxBytes } = this.#options
    // Sizes that are not asked for any more make room first.
    for (const sizeBytes of this.#spare.keys()) {
      while (this.#spareBytes + memory.length > spareMaxBytes && sizeBytes !== memory.length) {
        const old = this.#takeSpare(sizeBytes)
        if (old === undefined) break
        free(old)
      }
    }
    if (this.#isClosed || this.#spareBytes + memory.length > spareMaxBytes) return free(memory)
    const spare = this.#spare.get(memory.length) ?? []
    // Behind the others: the map's order is that of last use.
    this.#spare.delete(memory.length)
    this.#spare.set(memory.length, spare)
    spare.push(memory)
    this.#spareBytes += memory.length
    this.#wait()
  }

  /** From now on what comes back is freed. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#free(this.#spareBytes)
  }

  #wait(): void {
    const { idle } = this.#options
    if (idle === undefined || this.#timer !== undefined) return
    this.#unusedBytes = this.#spareBytes
    this.#timer = idle.clock.after(idle.maxMs, () => {
      this.#timer = undefined
      this.#free(this.#unusedBytes)
      if (this.#spareBytes > 0) this.#wait()
    })
  }

  /** At least so many bytes of what lies here, those sizes first that were not asked for. */
  #free(bytes: number): void {
    let left = bytes
    for (const sizeBytes of this.#spare.keys()) {
      while (left > 0) {
        const memory = this.#takeSpare(sizeBytes)
        if (memory === undefined) break
        free(memory)
        left -= sizeBytes
      }
    }
  }

  #sizeFor(length: number): number {
    const { sizeFor = stepAbove } = this.#options
    return sizeFor(length)
  }

  #takeSpare(sizeBytes: number): Buffer | undefined {
    const spare = this.#spare.get(sizeBytes)
    const memory = spare?.pop()
    if (memory !== undefined) this.#spareBytes -= sizeBytes
    this.#unusedBytes = Math.min(this.#unusedBytes, this.#spareBytes)
    if (spare?.length === 0) this.#spare.delete(sizeBytes)
    return memory
  }

  /** The smallest that is as large, unless twice of that lies here at best. */
  #sizeAbove(wantedBytes: number): number {
    if (this.#spare.has(wantedBytes)) return wantedBytes
    let found = 2 * wantedBytes
    for (const sizeBytes of this.#spare.keys()) {
      if (sizeBytes > wantedBytes && sizeBytes < found) found = sizeBytes
    }
    return found
  }
}

/** At once: for the collector it would be a reason to run, and it might not run for long where little happens. */
function free({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** Four steps to a doubling: at most a quarter of a buffer is left unused. */
function stepAbove(length: number): number {
  const step = 2 ** Math.floor(Math.log2(length)) / 4
  return Math.ceil(length / step) * step
}

/** Says that one more holds the buffer, or a part of it; of no effect on buffers that no pool lent. */
export function hold(buffer: Buffer): void {
  const lease = leases.get(buffer.buffer)
  if (lease !== undefined) lease.holders += 1
}

/** Says that one holder less needs the buffer; after the last one its bytes may change at any time. */
export function letGo(buffer: Uint8Array): void {
  const lease = leases.get(buffer.buffer)
  if (lease === undefined) return
  lease.holders -= 1
  assert(lease.holders >= 0, 'a buffer is let go of as often as it is held')
  if (lease.holders > 0) return
  leases.delete(buffer.buffer)
  lease.pool.giveBack(lease.memory)
}

/** Says that the buffer is held by someone who will not let go of it. */
export function keep(buffer: Buffer): void {
  const lease = leases.get(buffer.buffer)
  if (lease !== undefined) lease.holders = Infinity
}
