// The Kafka doors: accept connections up to a common limit and let them finish when they close.
import { createServer, type Server, type Socket } from 'node:net'
import { closeServer, listen, type Door } from '../../common/listen.ts'
import {
  connectionInFlightMaxBytes,
  connectionRequestsMax,
  frameMaxBytes,
  kafkaConnectionsMax,
  requestMemoryMaxBytes,
  stopGraceMs,
  requestMemoryMaxShare,
} from '../../common/limits.ts'
import type { Address, BrokerContext } from '../api/broker-context.ts'
import { answer, isBulky } from '../api/handlers.ts'
import { Connection, type ConnectionLimits } from './connection.ts'
import { ServerCounters } from './server-counters.ts'

export interface Listener extends Door {
  /** What its clients are told to connect to; undefined for the address at which they reached us. */
  readonly advertised: Address | undefined
}

export interface ServerOptions {
  readonly listeners: readonly Listener[]
  readonly broker: BrokerContext
  /** For tests: those of `common/limits.ts` hold otherwise. */
  readonly limits?: Partial<ServerLimits>
}

export interface ServerLimits extends ConnectionLimits {
  readonly connectionsMax: number
}

const defaultLimits: ServerLimits = {
  connectionsMax: kafkaConnectionsMax,
  frameMaxBytes,
  requestsMax: connectionRequestsMax,
  inFlightMaxBytes: connectionInFlightMaxBytes,
  requestMemoryMaxBytes,
}

export class KafkaServer {
  readonly counters = new ServerCounters()
  readonly #options: ServerOptions
  readonly #limits: ServerLimits
  readonly #servers: readonly Server[]
  readonly #connections = new Map<Socket, Connection>()
  #closed: Promise<unknown> | undefined

  private constructor(options: ServerOptions) {
    this.#options = options
    const bounded = { requestMemoryMaxBytes: requestMemoryWithin(process.constrainedMemory()) }
    this.#limits = { ...defaultLimits, ...bounded, ...options.limits }
    this.#servers = options.listeners.map((listener) =>
      createServer({ noDelay: true, keepAlive: true }, (s) => this.#connected(s, listener)),
    )
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

  /** Accepts nobody any more; each connection closes once its requests are answered. */
  drain(): void {
    this.#closed ??= Promise.all(this.#servers.map(closeServer))
    for (const connection of this.#connections.values()) connection.drain()
  }

  /** After `drain`: resolves when all connections are closed, those that linger by force. */
  async closed(): Promise<void> {
    const timer = this.#options.broker.clock.after(stopGraceMs / 2, () => {
      for (const connection of this.#connections.values()) connection.destroy()
    })
    await this.#closed
    timer.cancel()
  }

  async #listen(): Promise<Readonly<Record<string, string>>> {
    const doors: Record<string, string> = {}
    for (const [index, listener] of this.#options.listeners.entries()) {
      const server = this.#servers[index]
      if (server !== undefined) doors[listener.door] = await listen(server, listener)
    }
    return doors
  }

  #connected(socket: Socket, { advertised }: Listener): void {
    const { counters } = this
    const { broker } = this.#options
    if (this.#connections.size >= this.#limits.connectionsMax) {
      counters.connectionsRefused += 1
      broker.logger.warn('connection refused', { connectionsMax: this.#limits.connectionsMax })
      socket.destroy()
      return
    }
    const connection = new Connection(socket, {
      limits: this.#limits,
      counters,
      logger: broker.logger,
      advertised,
      answer: (frame, caller) => answer(broker, frame, caller),
      isBulky,
    })
    this.#connections.set(socket, connection)
    counters.connections = this.#connections.size
    socket.on('close', () => {
      this.#connections.delete(socket)
      counters.connections = this.#connections.size
    })
  }
}

/** How many bytes of requests fit a machine or container of this memory; 0 means that it is not known. */
export function requestMemoryWithin(memoryBytes: number): number {
  if (memoryBytes <= 0) return requestMemoryMaxBytes
  return Math.min(requestMemoryMaxBytes, Math.floor(memoryBytes * requestMemoryMaxShare))
}
