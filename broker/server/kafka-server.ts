// The Kafka doors: accept connections up to a common limit and let them finish when they close.
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import { BufferPool } from '../../common/buffer-pool.ts'
import { reasonOf } from '../../common/errors.ts'
import { closeServer, listen, type Door } from '../../common/listen.ts'
import {
  connectionIdleMaxMs,
  connectionStalledMaxMs,
  frameMaxMs,
  kafkaConnectionsPerAddressMax,
  loginMaxMs,
  unauthenticatedFrameMaxBytes,
} from '../../common/door-limits.ts'
import {
  connectionInFlightMaxBytes,
  connectionRequestsMax,
  frameMaxBytes,
  frameSpareMaxBytes,
  kafkaConnectionsMax,
  recordBatchMaxBytes,
  requestMemoryMaxBytes,
  requestMemoryMaxShare,
  spareIdleMaxMs,
  stopGraceMs,
} from '../../common/limits.ts'
import type { Address, BrokerContext } from '../api/broker-context.ts'
import { answer, isBulky, isPassing } from '../api/handlers.ts'
import { Admission, type AdmissionLimits } from './admission.ts'
import { Connection, plainAddress, type ConnectionLimits } from './connection.ts'
import { LoginGate } from './login-gate.ts'
import { sharingBuffer } from './receiving-socket.ts'
import { ServerCounters } from './server-counters.ts'

/** Kafka's names for whether a door is encrypted (SSL) and wants a login (SASL). */
export const listenerProtocols = ['plaintext', 'sasl_plaintext', 'ssl', 'sasl_ssl'] as const
export type ListenerProtocol = (typeof listenerProtocols)[number]

export interface Listener extends Door {
  readonly protocol: ListenerProtocol
  /** What its clients are told to connect to; undefined for the address at which they reached us. */
  readonly advertised: Address | undefined
}

export interface ServerOptions {
  readonly listeners: readonly Listener[]
  readonly broker: BrokerContext
  /** What the doors with TLS show; with `ca` clients have to show a certificate as well. */
  readonly tls?: SecureContextOptions
  /** How long a login holds; 0 for ever. */
  readonly loginLifetimeMs?: number
  /** For tests: those of `common/limits.ts` hold otherwise. */
  readonly limits?: Partial<ServerLimits>
}

export interface ServerLimits extends ConnectionLimits, AdmissionLimits {
  readonly loginMaxMs: number
}

const defaultLimits: ServerLimits = {
  connectionsMax: kafkaConnectionsMax,
  connectionsPerAddressMax: kafkaConnectionsPerAddressMax,
  loginMaxMs,
  frameMaxBytes,
  requestsMax: connectionRequestsMax,
  inFlightMaxBytes: connectionInFlightMaxBytes,
  requestMemoryMaxBytes,
  frameMaxMs,
  stalledMaxMs: connectionStalledMaxMs,
  idleMaxMs: connectionIdleMaxMs,
}

export class KafkaServer {
  readonly counters = new ServerCounters()
  readonly #options: ServerOptions
  readonly #limits: ServerLimits
  readonly #servers: readonly Server[]
  readonly #buffers: BufferPool
  readonly #admission: Admission
  /** Of TCP, whether or not TLS is through on them. */
  readonly #sockets = new Set<Socket>()
  /** And those on which it is not, by the client's address. */
  readonly #handshakes = new Map<string, Socket>()
  readonly #connections = new Set<Connection>()
  #closed: Promise<unknown> | undefined

  private constructor(options: ServerOptions) {
    this.#options = options
    const bounded = { requestMemoryMaxBytes: requestMemoryWithin(process.constrainedMemory()) }
    this.#limits = { ...defaultLimits, ...bounded, ...options.limits }
    this.#admission = new Admission(this.#limits)
    this.#buffers = new BufferPool({
      spareMaxBytes: frameSpareMaxBytes,
      bufferMaxBytes: 2 * recordBatchMaxBytes,
      idle: { clock: options.broker.clock, maxMs: spareIdleMaxMs },
    })
    this.#servers = options.listeners.map((listener) => this.#server(listener))
  }

  /**
   * Resolves with the server and the real `host:port` of each door. Rejects with AppError PORT_TAKEN or
   * DOOR_NOT_OPENED, all doors closed again.
   */
  static async start(
    options: ServerOptions,
  ): Promise<{ server: KafkaServer; doors: Readonly<Record<string, string>> }> {
    const server = new KafkaServer(options)
    try {
      return { server, doors: await server.#listen() }
    } catch (error) {
      server.drain()
      await server.closed()
      throw error
    }
  }

  /** Of connections from now on. */
  useCertificate(tls: SecureContextOptions): void {
    for (const server of this.#servers) {
      if (server instanceof TlsServer) server.setSecureContext(tls)
    }
  }

  /** Accepts nobody any more; each connection closes once its requests are answered. */
  drain(): void {
    this.#closed ??= Promise.all(this.#servers.map(closeServer))
    for (const connection of this.#connections) connection.drain()
    for (const socket of this.#handshakes.values()) socket.destroy()
  }

  /** After `drain`: resolves when all connections are closed, those that linger by force. */
  async closed(): Promise<void> {
    const timer = this.#options.broker.clock.after(stopGraceMs / 2, () => {
      for (const socket of this.#sockets) socket.destroy()
    })
    await this.#closed
    timer.cancel()
    this.#buffers.close()
  }

  async #listen(): Promise<Readonly<Record<string, string>>> {
    const doors: Record<string, string> = {}
    for (const [index, listener] of this.#options.listeners.entries()) {
      const server = this.#servers[index]
      if (server !== undefined) doors[listener.door] = await listen(server, listener)
    }
    return doors
  }

  #server(listener: Listener): Server {
    const tcp = { noDelay: true, keepAlive: true }
    if (!usesTls(listener)) {
      return createServer({ ...tcp, pauseOnConnect: true }, (accepted) => {
        const socket = sharingBuffer(accepted)
        if (this.#admits(socket)) this.#connected(socket, listener)
      })
    }
    const server = createTlsServer({ ...tcp, ...this.#tlsOptions() })
    server.on('connection', (socket: Socket) => {
      if (!this.#admits(socket)) return
      const client = clientOf(socket)
      this.#handshakes.set(client, socket)
      socket.on('close', () => this.#handshakes.delete(client))
    })
    server.on('secureConnection', (socket) => {
      this.#handshakes.delete(clientOf(socket))
      this.#connected(socket, listener)
    })
    server.on('tlsClientError', (error, socket) => {
      this.counters.tlsFailed += 1
      const client = plainAddress(socket.remoteAddress)
      this.#options.broker.logger.debug('TLS failed', { client, reason: reasonOf(error) })
      socket.destroy()
    })
    return server
  }

  #tlsOptions(): TlsOptions {
    const { tls = {} } = this.#options
    const isMutual = tls.ca !== undefined
    return {
      ...tls,
      minVersion: 'TLSv1.2',
      handshakeTimeout: this.#limits.loginMaxMs,
      requestCert: isMutual,
      rejectUnauthorized: isMutual,
    }
  }

  /** Whether the connection may stay; one too many is closed at once. */
  #admits(socket: Socket): boolean {
    const { counters } = this
    const address = plainAddress(socket.remoteAddress)
    const limit = this.#admission.refusal(address)
    if (limit !== undefined) {
      counters.connectionsRefused += 1
      this.#options.broker.logger.warn('connection refused', {
        client: address,
        [limit]: this.#limits[limit],
      })
      socket.destroy()
      return false
    }
    this.#sockets.add(socket)
    counters.connections = this.#sockets.size
    socket.on('close', () => {
      this.#admission.release(address)
      this.#sockets.delete(socket)
      counters.connections = this.#sockets.size
    })
    return true
  }

  #connected(socket: Socket, listener: Listener): void {
    const { counters } = this
    const { broker } = this.#options
    const hasLogin = wantsLogin(listener)
    const frameMaxBytes = hasLogin ? unauthenticatedFrameMaxBytes : this.#limits.frameMaxBytes
    const connection = new Connection(socket, {
      limits: { ...this.#limits, frameMaxBytes },
      counters,
      clock: broker.clock,
      buffers: this.#buffers,
      logger: broker.logger,
      advertised: listener.advertised,
      answer: (frame, caller) => {
        const pass = () => answer(broker, frame, caller)
        return gate === undefined ? pass() : gate.answer(frame, pass)
      },
      isBulky,
      isPassing,
    })
    const gate = hasLogin ? this.#gateOf(connection, socket) : undefined
    this.#connections.add(connection)
    socket.on('close', () => this.#connections.delete(connection))
  }

  #gateOf(connection: Connection, socket: Socket): LoginGate {
    const { broker, loginLifetimeMs = 0 } = this.#options
    const { loginMaxMs, frameMaxBytes } = this.#limits
    const { clock, logger, users } = broker
    const late = clock.after(loginMaxMs, () => connection.fail(`no login within ${loginMaxMs} ms`))
    socket.on('close', () => late.cancel())
    return new LoginGate({
      users,
      loginLifetimeMs,
      clock,
      logger,
      counters: this.counters,
      client: connection.caller.clientHost,
      signal: connection.caller.signal,
      onLogin: () => {
        late.cancel()
        connection.allowFrames(frameMaxBytes)
      },
    })
  }
}

function clientOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`
}

function usesTls({ protocol }: Listener): boolean {
  return protocol === 'ssl' || protocol === 'sasl_ssl'
}

function wantsLogin({ protocol }: Listener): boolean {
  return protocol === 'sasl_plaintext' || protocol === 'sasl_ssl'
}

/** How many bytes of requests fit a machine or container of this memory; 0 means that it is not known. */
export function requestMemoryWithin(memoryBytes: number): number {
  if (memoryBytes <= 0) return requestMemoryMaxBytes
  return Math.min(requestMemoryMaxBytes, Math.floor(memoryBytes * requestMemoryMaxShare))
}
