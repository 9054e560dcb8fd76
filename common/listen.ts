// Opens and closes the doors: turns a server's listen and its failures into our words.
import type { Server } from 'node:net'
import type { Server as HttpServer } from 'node:http'
import type { Clock } from './clock.ts'
import { AppError, reasonOf, systemCode } from './errors.ts'
import { endWithAnswers, followAnswers } from './last-answers.ts'

export interface Door {
  /** The door's name, as errors and the ready line say it: `kafka`, `aws`, `metrics`. */
  readonly door: string
  readonly host: string
  /** 0 means any free one. */
  readonly port: number
}

/** Resolves with the real `host:port`. Rejects with AppError PORT_TAKEN or DOOR_NOT_OPENED. */
export function listen(server: Server, where: Door): Promise<string> {
  followAnswers(server)
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const details = { door: where.door, host: where.host, port: where.port }
      reject(
        systemCode(error) === 'EADDRINUSE'
          ? new AppError('PORT_TAKEN', details, error)
          : new AppError('DOOR_NOT_OPENED', { ...details, reason: reasonOf(error) }, error),
      )
    })
    server.listen({ host: where.host, port: where.port }, () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : where.port
      const host = where.host.includes(':') ? `[${where.host}]` : where.host
      server.removeAllListeners('error')
      resolve(`${host}:${port}`)
    })
  })
}

/** Takes no more connections and resolves when the last one has ended: over HTTP with the answer that it waits for. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve()
    server.close(() => resolve())
    endWithAnswers(server)
  })
}

/** The same, and ends by force what is there after `graceMs`: a client may take as long as it likes over its request. */
export async function closeHttpServer(
  server: HttpServer,
  { clock, graceMs }: { readonly clock: Clock; readonly graceMs: number },
): Promise<void> {
  const timer = clock.after(graceMs, () => server.closeAllConnections())
  await closeServer(server)
  timer.cancel()
}
