// Reads a request's body within bounds: its own size, the memory of all bodies together, and time.
import type { Readable } from 'node:stream'
import { letGo, type BufferPool } from './buffer-pool.ts'
import type { Clock } from './clock.ts'

/** The memory of what is under way, counted by those who take it. */
export class Room {
  readonly maxBytes: number
  bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get isFull(): boolean {
    return this.bytes >= this.maxBytes
  }
}

export interface BodyBounds {
  readonly maxBytes: number
  /** What was read counts there until `release`. */
  readonly room: Room
  readonly maxMs: number
  readonly clock: Clock
  /** Where it is given, bodies that come in many pieces and say how long they are get memory of it, until `release`. */
  readonly buffers?: BufferPool
}

/**
 * `gone` where the client left amid it. Nothing counts in the room where there is no body. Nobody looks at `bytes`
 * after `release`.
 */
export type Body =
  | { readonly ok: true; readonly bytes: Buffer; release(): void }
  | { readonly ok: false; readonly flaw: 'tooLarge' | 'noRoom' | 'late' | 'gone' }

/** A body that says that it is too large is not read at all; one that does not say so is read up to the bound. */
export function readBody(
  request: Readable,
  contentLength: string | undefined,
  { maxBytes, room, maxMs, clock, buffers }: BodyBounds,
): Promise<Body> {
  if (contentLength !== undefined && !(Number(contentLength) <= maxBytes)) {
    return Promise.resolve({ ok: false, flaw: 'tooLarge' })
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const statedBytes = Number(contentLength ?? 0)
    let whole: Buffer | undefined
    let bytes = 0
    let isOver = false
    const late = clock.after(maxMs, () => fail('late'))
    const done = (body: Body): void => {
      if (isOver) return
      isOver = true
      late.cancel()
      request.off('data', take).off('end', end)
      resolve(body)
    }
    const release = (): void => {
      room.bytes -= bytes
      bytes = 0
      if (whole !== undefined) letGo(whole)
      whole = undefined
    }
    const fail = (flaw: 'tooLarge' | 'noRoom' | 'late' | 'gone'): void => {
      if (isOver) return
      release()
      done({ ok: false, flaw })
    }
    function take(chunk: Buffer): void {
      if (bytes + chunk.length > maxBytes) return fail('tooLarge')
      if (room.bytes + chunk.length > room.maxBytes) return fail('noRoom')
      if (bytes === 0 && statedBytes > chunk.length) whole = buffers?.take(statedBytes)
      if (whole === undefined) chunks.push(chunk)
      else if (bytes + chunk.length > statedBytes) return fail('tooLarge')
      else chunk.copy(whole, bytes)
      bytes += chunk.length
      room.bytes += chunk.length
    }
    function end(): void {
      const [first = Buffer.alloc(0)] = chunks
      const joined = chunks.length > 1 ? Buffer.concat(chunks, bytes) : first
      done({ ok: true, bytes: whole?.subarray(0, bytes) ?? joined, release })
    }
    request.on('data', take).on('end', end)
    // Errors come before the close, and say no more than it does.
    request.on('error', () => fail('gone')).on('close', () => fail('gone'))
  })
}
