// Reads a request's body within bounds: its own size, the memory of all bodies together, and time.
import type { Readable } from 'node:stream'
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
}

/** `gone` where the client left amid it. Nothing counts in the room where there is no body. */
export type Body =
  | { readonly ok: true; readonly bytes: Buffer; release(): void }
  | { readonly ok: false; readonly flaw: 'tooLarge' | 'noRoom' | 'late' | 'gone' }

/** A body that says that it is too large is not read at all; one that does not say so is read up to the bound. */
export function readBody(
  request: Readable,
  contentLength: string | undefined,
  { maxBytes, room, maxMs, clock }: BodyBounds,
): Promise<Body> {
  if (contentLength !== undefined && !(Number(contentLength) <= maxBytes)) {
    return Promise.resolve({ ok: false, flaw: 'tooLarge' })
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
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
    }
    const fail = (flaw: 'tooLarge' | 'noRoom' | 'late' | 'gone'): void => {
      if (isOver) return
      release()
      done({ ok: false, flaw })
    }
    function take(chunk: Buffer): void {
      if (bytes + chunk.length > maxBytes) return fail('tooLarge')
      if (room.bytes + chunk.length > room.maxBytes) return fail('noRoom')
      bytes += chunk.length
      room.bytes += chunk.length
      chunks.push(chunk)
    }
    function end(): void {
      const [first = Buffer.alloc(0)] = chunks
      done({ ok: true, bytes: chunks.length > 1 ? Buffer.concat(chunks, bytes) : first, release })
    }
    request.on('data', take).on('end', end)
    // Errors come before the close, and say no more than it does.
    request.on('error', () => fail('gone')).on('close', () => fail('gone'))
  })
}
