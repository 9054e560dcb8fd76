// Connections to one endpoint that are used again: so many at once, and whoever finds none waits.
import { kinesisConnectionsMax } from '../common/kinesis-client-limits.ts'
import type { HttpSocket } from './http-socket.ts'

/** Invariant: those that are lent are at most so many, and somebody waits only while they are. */
export class SocketPool {
  readonly #open: () => HttpSocket
  readonly #all = new Set<HttpSocket>()
  #free: HttpSocket[] = []
  #lent = 0
  readonly #waiting: ((socket: HttpSocket) => void)[] = []

  constructor(open: () => HttpSocket) {
    this.#open = open
  }

  /** One that nobody else uses until it is given back. */
  take(): Promise<HttpSocket> {
    if (this.#lent >= kinesisConnectionsMax) {
      return new Promise((resolve) => this.#waiting.push(resolve))
    }
    this.#lent += 1
    return Promise.resolve(this.#next())
  }

  /** Whether or not it can be used again. */
  giveBack(socket: HttpSocket): void {
    if (socket.isFree) this.#free.push(socket)
    const next = this.#waiting.shift()
    if (next === undefined) this.#lent -= 1
    else next(this.#next())
  }

  /** Calls under way fail. */
  close(): void {
    for (const socket of this.#all) socket.destroy(new Error('the connection was closed here'))
  }

  #next(): HttpSocket {
    // The one that was used last is the least likely to be ended by the server.
    for (let socket = this.#free.pop(); socket !== undefined; socket = this.#free.pop()) {
      if (socket.isFree) return socket
    }
    const socket = this.#open()
    this.#all.add(socket)
    void socket.closed.then(() => {
      this.#all.delete(socket)
      this.#free = this.#free.filter((other) => other !== socket)
    })
    return socket
  }
}
