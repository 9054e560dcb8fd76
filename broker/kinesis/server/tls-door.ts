// Takes connections of the Kinesis door that begin with TLS, and hands on what is inside once they are encrypted.
import type { Socket } from 'node:net'
import {
  createServer,
  type SecureContextOptions,
  type Server as TlsServer,
  type TLSSocket,
} from 'node:tls'
import type { Clock } from '../../../common/clock.ts'
import { reasonOf } from '../../../common/errors.ts'
import { kinesisHeadMaxMs } from '../../../common/kinesis-limits.ts'

export interface TlsDoorOptions {
  readonly clock: Clock
  readonly opened: (socket: TLSSocket) => void
  readonly failed: (client: string, reason: string) => void
}

export class TlsDoor {
  readonly #clock: Clock
  /** Listens nowhere: it is handed its connections. */
  readonly #server: TlsServer
  /** What is not encrypted yet, by the client's address and port. */
  readonly #handshakes = new Map<string, Socket>()

  constructor(tls: SecureContextOptions, { clock, opened, failed }: TlsDoorOptions) {
    this.#clock = clock
    this.#server = createServer({
      ...tls,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
      // The clock's comes first.
      handshakeTimeout: 2 * kinesisHeadMaxMs,
    })
    this.#server.on('secureConnection', (socket) => {
      this.#handshakes.delete(clientOf(socket))
      // A connection that breaks is a close to whoever waits for it.
      socket.on('error', () => {})
      // Java's SDK agrees on nothing and begins with HTTP/2; Node would turn away what says false here.
      if (socket.alpnProtocol === false) socket.alpnProtocol = null
      opened(socket)
    })
    this.#server.on('tlsClientError', (error, socket) => {
      failed(socket.remoteAddress ?? '', reasonOf(error))
      socket.destroy()
    })
  }

  /** Of connections from now on. */
  useCertificate(tls: SecureContextOptions): void {
    this.#server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' })
  }

  /** A connection of which nothing has been read. */
  accept(socket: Socket): void {
    const client = clientOf(socket)
    this.#handshakes.set(client, socket)
    const late = this.#clock.after(kinesisHeadMaxMs, () => {
      if (this.#handshakes.has(client)) socket.destroy()
    })
    socket.once('close', () => {
      late.cancel()
      this.#handshakes.delete(client)
    })
    this.#server.emit('connection', socket)
  }

  /** Ends what has not begun. */
  drain(): void {
    for (const socket of this.#handshakes.values()) socket.destroy()
  }
}

function clientOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
