// The Kafka door: accepts connections up to a limit and lets them finish when it closes.
import { createServer, type Server, type Socket } from 'node:net'
import { closeServer, listen } from '../../common/listen.ts'
import {
  connectionInFlightMaxBytes,
  connectionRequestsMax,
  frameMaxBytes,
  kafkaConnectionsMax,
  requestMemoryMaxBytes,
  stopGraceMs,
} from '../../common/limits.ts'
import type { BrokerContext } from '../api/broker-context.ts'
import { answer, isBulky } from '../api/handlers.ts'
import { Connection, type ConnectionLimits } from './connection.ts'
import { ServerCounters } from './server-counters.ts'

export interface ServerOptions {
  readonly host: string
  readonly port: number
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
  readonly #server: Server
  readonly #connections = new Map<Socket, Connection>()
  #closed: Promise<void> | undefined

  private constructor(options: ServerOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#server = createServer({ noDelay: true, keepAlive: true }, (s) => this.#connected(s))
  }

  /** Resolves with the server and its real `host:port`; rejects with AppError PORT_TAKEN or DOOR_NOT_OPENED. */
  static async start(options: ServerOptions): Promise<{ server: KafkaServer; address: string }> {
    const server = new KafkaServer(options)
    const { host, port } = options
    const address = await listen(server.#server, { door: 'kafka', host, port })
    return { server, address }
  }

  /** Accepts nobody any more; each connection closes once its requests are answered. */
  drain(): void {
    this.#closed ??= closeServer(this.#server)
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

  #connected(socket: Socket): void {
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
