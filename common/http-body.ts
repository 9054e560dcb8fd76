// Drops what is left of a request's body, so that its client gets to read the refusal.
import type { Readable } from 'node:stream'
import type { Clock } from './clock.ts'

/**
 * Resolves when all of it was there, when the client has left, or when the time is up. Over HTTP/1.1 a connection that is closed
 * amid a body is reset, and the answer with it. Over HTTP/2 Node's client turns answers away while it has more than
 * 10 MB to send: there the answer comes behind the body.
 */
export function dropRest(
  request: Readable,
  { clock, maxMs }: { readonly clock: Clock; readonly maxMs: number },
): Promise<void> {
  if (request.readableEnded || request.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      late.cancel()
      request.off('end', done).off('close', done)
      resolve()
    }
    const late = clock.after(maxMs, done)
    request.on('end', done).on('close', done)
    request.resume()
  })
}
