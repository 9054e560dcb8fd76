// Opens and closes the doors: turns a server's listen and its failures into our words.
import type { Server } from 'node:net'
import type { Server as HttpServer } from 'node:http'
import { AppError, reasonOf, systemCode } from './errors.ts'

export interface Door {
  /** The door's name, as errors and the ready line say it: `kafka`, `aws`, `metrics`. */
  readonly door: string
  readonly host: string
  /** 0 means any free one. */
  readonly port: number
}

/** Resolves with the real `host:port`. Rejects with AppError PORT_TAKEN or DOOR_NOT_OPENED. */
export function listen(server: Server, where: Door): Promise<string> {
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

/** Takes no more connections and resolves when the last one has ended. */
export function closeServer(server: Server | HttpServer): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve()
    server.close(() => resolve())
    if ('closeIdleConnections' in server) server.closeIdleConnections()
  })
}
