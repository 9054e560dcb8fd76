// One client's connection: frames in, answers out in their order, and bounds on what is under way.
import type { Socket } from 'node:net'
import { keep, letGo, type BufferPool } from '../../common/buffer-pool.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { FrameSplitter } from '../../protocol/frames.ts'
import type { Address } from '../api/broker-context.ts'
import type { Caller, Reply } from '../api/handlers.ts'
import { receiveFrom } from './receiving-socket.ts'
import type { ServerCounters } from './server-counters.ts'

export interface ConnectionLimits {
  readonly frameMaxBytes: number
  /** Requests that are not answered yet; above it reading waits. */
  readonly requestsMax: number
  /** And their bytes. */
  readonly inFlightMaxBytes: number
  /** Bytes of requests of all connections together; whoever brings more is disconnected. */
  readonly requestMemoryMaxBytes: number
  /** From a frame's first byte to its last, while we read. */
  readonly frameMaxMs: number
  /** Without a byte either way while answers are unsent. */
  readonly stalledMaxMs: number
  /** Without a byte either way and without a request that waits for its answer. */
  readonly idleMaxMs: number
}

export interface ConnectionOptions {
  readonly limits: ConnectionLimits
  readonly counters: ServerCounters
  readonly clock: Clock
  /** Where frames are put together. */
  readonly buffers: BufferPool
  readonly logger: Logger
  /** Undefined: the client is sent to the address at which it reached us. */
  readonly advertised: Address | undefined
  readonly answer: (frame: Buffer, caller: Caller) => Promise<Reply>
  /** Whether a request's answer may be so large that no other should be made beside it. */
  readonly isBulky: (frame: Buffer) => boolean
  /** Whether nobody needs the frame once its answer is made, but those who said that they hold it. */
  readonly isPassing: (frame: Buffer) => boolean
}

/** A request whose answer is being made, or waits for those before it to be written. */
interface Slot {
  readonly bytes: number
  readonly isBulky: boolean
  reply: Reply | undefined
}

/**
 * Requests start in their order and run beside each other; answers are written in the same order, as Kafka
 * promises. A client that does not read its answers gets no more made: nothing starts while the socket is
 * full, and of bulky answers there is one at a time.
 *
 * ```
 * socket ─▶ splitter ─▶ waiting ─▶ slots ─▶ socket
 *           (partial)   (whole)    (started, in order)
 * ```
 */
export class Connection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #splitter: FrameSplitter
  readonly #caller: Caller
  readonly #abort = new AbortController()
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #slots: Slot[] = []
  #slotBytes = 0
  /** What this connection has added to the shared counter of request bytes. */
  #accountedBytes = 0
  #isDraining = false
  /** When the frame in hand began, or we went on reading it. */
  #frameSinceMs = 0
  #activeMs: number

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#splitter = new FrameSplitter({
      maxBytes: options.limits.frameMaxBytes,
      allocate: (bytes) => options.buffers.take(bytes),
    })
    this.#caller = {
      clientHost: `/${plainAddress(socket.remoteAddress)}`,
      advertised: options.advertised ?? {
        host: plainAddress(socket.localAddress),
        port: socket.localPort ?? 0,
      },
      signal: this.#abort.signal,
    }
    this.#activeMs = options.clock.now()
    socket.setTimeout(options.limits.stalledMaxMs)
    socket.on('timeout', () => this.#silent())
    receiveFrom(socket, {
      received: (chunk) => this.#received(chunk),
      room: () => this.#splitter.room,
    })
    socket.on('drain', () => this.#advance())
    socket.on('close', () => this.#closed())
    socket.on('error', (error) => {
      options.logger.debug('connection lost', {
        client: this.#caller.clientHost,
        reason: error.message,
      })
    })
  }

  get caller(): Caller {
    return this.#caller
  }

  /** From now on frames may be so large. */
  allowFrames(maxBytes: number): void {
    this.#splitter.maxBytes = maxBytes
  }

  /** Takes no more requests, answers those that have started, waiting ones at once, and closes. */
  drain(): void {
    this.#isDraining = true
    this.#waiting = []
    this.#waitingBytes = 0
    this.#abort.abort()
    this.#socket.pause()
    this.#advance()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #received(chunk: Buffer): void {
    this.#options.counters.bytesIn += chunk.length
    if (this.#isDraining) return
    this.#activeMs = this.#options.clock.now()
    const hadPart = this.#splitter.pendingBytes > 0
    const frames = this.#splitter.push(chunk)
    if (!hadPart || frames.length > 0) this.#frameSinceMs = this.#activeMs
    for (const frame of frames) {
      this.#waiting.push(frame)
      this.#waitingBytes += frame.length
    }
    if (frames.length > 1) this.#gather()
    this.#advance()
    if (this.#splitter.error !== undefined) this.fail(this.#splitter.error.message)
    this.#checkFrame()
  }

  /** Answers that are there by the end of this turn leave in one write. */
  #gather(): void {
    if (this.#socket.writableCorked > 0) return
    this.#socket.cork()
    setImmediate(() => this.#socket.uncork())
  }

  #checkFrame(): void {
    const { frameMaxMs } = this.#options.limits
    if (this.#splitter.pendingBytes === 0 || this.#socket.isPaused()) return
    const sinceMs = this.#options.clock.now() - this.#frameSinceMs
    if (sinceMs >= frameMaxMs) this.fail(`a request was not whole after ${frameMaxMs} ms`)
  }

  /** Nothing was read, and nothing that was written has left, for a while. */
  #silent(): void {
    const { stalledMaxMs, idleMaxMs } = this.#options.limits
    if (this.#socket.writableLength > 0) {
      // An end that is polite would wait for the bytes that nobody reads.
      this.fail(`answers were not read for ${stalledMaxMs} ms`)
      return this.destroy()
    }
    this.#checkFrame()
    const isWaiting = this.#slots.length > 0 || this.#waiting.length > 0
    if (isWaiting) this.#activeMs = this.#options.clock.now()
    if (this.#options.clock.now() - this.#activeMs >= idleMaxMs) {
      this.#options.logger.debug('idle connection closed', { client: this.#caller.clientHost })
      this.drain()
    }
    this.#socket.setTimeout(stalledMaxMs)
  }

  /** Does whatever can be done: writes answers, starts requests, sees to the bounds. */
  #advance(): void {
    if (this.#socket.destroyed) return
    this.#write()
    this.#start()
    this.#account()
    if (this.#isDraining) {
      if (this.#slots.length === 0) this.#socket.destroySoon()
      return
    }
    const { requestsMax, inFlightMaxBytes } = this.#options.limits
    const isFull =
      this.#waiting.length + this.#slots.length >= requestsMax ||
      this.#waitingBytes + this.#slotBytes >= inFlightMaxBytes
    if (isFull) this.#socket.pause()
    else if (this.#socket.isPaused()) {
      this.#frameSinceMs = this.#options.clock.now()
      this.#socket.resume()
    }
  }

  #start(): void {
    while (this.#slots.length < this.#options.limits.requestsMax) {
      const frame = this.#waiting[0]
      if (frame === undefined || this.#socket.writableNeedDrain) return
      const isBulky = this.#options.isBulky(frame)
      if (isBulky && (this.#socket.writableLength > 0 || this.#slots.some((s) => s.isBulky))) return
      this.#waiting.shift()
      this.#waitingBytes -= frame.length
      const slot: Slot = { bytes: frame.length, isBulky, reply: undefined }
      this.#slots.push(slot)
      this.#slotBytes += slot.bytes
      void this.#answer(frame, slot)
    }
  }

  async #answer(frame: Buffer, slot: Slot): Promise<void> {
    try {
      slot.reply = await this.#options.answer(frame, this.#caller)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      slot.reply = { close: reasonOf(error) }
    }
    if (this.#options.isPassing(frame)) letGo(frame)
    else keep(frame)
    this.#advance()
  }

  #write(): void {
    for (let slot = this.#slots[0]; slot?.reply !== undefined; slot = this.#slots[0]) {
      if (this.#socket.writableNeedDrain) return
      this.#slots.shift()
      this.#slotBytes -= slot.bytes
      if (slot.reply === null) continue
      if ('close' in slot.reply) {
        if (slot.reply.last !== undefined) this.#writeFrame(slot.reply.last)
        return this.fail(slot.reply.close)
      }
      this.#writeFrame(slot.reply)
    }
  }

  // Corked, the pieces leave in one writev.
  #writeFrame(pieces: readonly Buffer[]): void {
    const socket = this.#socket
    socket.cork()
    for (const [index, piece] of pieces.entries()) {
      this.#options.counters.bytesOut += piece.length
      if (index < pieces.length - 1) socket.write(piece)
      // A bulky request may wait for an empty socket, of which `drain` does not always tell.
      else socket.write(piece, (error) => this.#written(pieces, error))
    }
    socket.uncork()
  }

  #written(pieces: readonly Buffer[], error: Error | null | undefined): void {
    // After an error the kernel may still read them.
    if (error === null || error === undefined) for (const piece of pieces) letGo(piece)
    this.#advance()
  }

  #account(): void {
    const { counters, limits } = this.#options
    const bytes = this.#splitter.pendingBytes + this.#waitingBytes + this.#slotBytes
    counters.requestBytes += bytes - this.#accountedBytes
    const hasGrown = bytes > this.#accountedBytes
    this.#accountedBytes = bytes
    if (hasGrown && counters.requestBytes > limits.requestMemoryMaxBytes) {
      this.fail(`requests of all connections are above ${limits.requestMemoryMaxBytes} bytes`)
    }
  }

  /** Ends the connection for what came over it, after the answers that were written. */
  fail(reason: string): void {
    if (this.#isDraining) return
    this.#options.counters.connectionsFailed += 1
    this.#options.logger.warn('connection closed', { client: this.#caller.clientHost, reason })
    this.#slots = []
    this.#slotBytes = 0
    this.drain()
  }

  #closed(): void {
    this.#isDraining = true
    this.#abort.abort()
    this.#waiting = []
    this.#slots = []
    this.#options.counters.requestBytes -= this.#accountedBytes
    this.#accountedBytes = 0
  }
}

/** IPv4 on an IPv6 socket is shown as IPv4. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}
