// Wraps ioredis: loads it when first needed, keeps a connection up, turns its failures into ours.
import { createHash } from 'node:crypto'
import type { Redis as Client } from 'ioredis'
import { sleep, type Clock } from './clock.ts'
import { AppError, reasonOf } from './errors.ts'
import {
  redisCommandMaxMs,
  redisRetryMaxMs,
  redisRetryMs,
  redisStartMaxMs,
} from './redis-limits.ts'
import type { Logger } from './logger.ts'

export interface RedisOptions {
  /** `redis://[user:password@]host:port[/database]`; `rediss:` for TLS. */
  readonly url: string
  /** What `CLIENT LIST` shows. */
  readonly clientName: string
  readonly clock: Clock
  readonly logger: Logger
}

/** A Lua script; Redis runs it as one step. */
export interface RedisScript {
  readonly lua: string
  readonly sha1: string
}

export interface RedisSubscriber {
  message(text: string): void
  /** The channel is heard from now on, for the first time or again: what came before may be missed. */
  subscribed(): void
}

type Argument = string | number

/**
 * Commands are answered, or reject at once while Redis is away: nothing is queued for later and
 * nothing is sent twice. A rejected command may still have been carried out.
 */
export class RedisConnection {
  readonly #address: string
  readonly #options: RedisOptions
  readonly #create: () => Client
  readonly #commands: Link
  readonly #subscriptions: Link[] = []
  readonly #upListeners = new Set<() => void>()

  /** Rejects with AppError CONFIG_INVALID, or REDIS_UNREACHABLE when Redis does not come up. */
  static async open(options: RedisOptions): Promise<RedisConnection> {
    const address = addressOf(options.url)
    const { Redis } = await import('ioredis')
    const create = (): Client =>
      new Redis(options.url, { ...settings, connectionName: options.clientName })
    const connection = new RedisConnection(options, address, create)
    await connection.#start()
    return connection
  }

  private constructor(options: RedisOptions, address: string, create: () => Client) {
    this.#options = options
    this.#address = address
    this.#create = create
    this.#commands = new Link(create(), {
      up: () => {
        options.logger.info('redis answers', { address })
        for (const listener of this.#upListeners) listener()
      },
      down: (reason) => options.logger.warn('redis lost, trying again', { address, reason }),
    })
  }

  get isUp(): boolean {
    return this.#commands.isUp
  }

  /** A sentence for `/health` while Redis is away. */
  get problem(): string | undefined {
    return this.isUp ? undefined : this.#unreachable(undefined).message
  }

  /** Calls `listener` each time that Redis answers again; returns how to stop. */
  onUp(listener: () => void): () => void {
    this.#upListeners.add(listener)
    return () => this.#upListeners.delete(listener)
  }

  /** Rejects with AppError REDIS_UNREACHABLE or REDIS_REFUSED. */
  async call(command: string, ...args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.#commands.client.call(command, ...args)
    } catch (error) {
      throw this.#failure(command, error)
    }
  }

  /** Rejects as `call` does. */
  async run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly Argument[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args]
    try {
      return await this.call('EVALSHA', script.sha1, ...rest)
    } catch (error) {
      // Redis keeps scripts until it restarts.
      if (!(error instanceof AppError) || !reasonOf(error.cause).startsWith('NOSCRIPT')) throw error
      return this.call('EVAL', script.lua, ...rest)
    }
  }

  /** Hears `channel` over a connection of its own, for as long as this one lasts. */
  subscribe(channel: string, subscriber: RedisSubscriber): void {
    const { logger } = this.#options
    const client = this.#create()
    const subscribe = async (): Promise<void> => {
      try {
        await client.subscribe(channel)
        subscriber.subscribed()
      } catch (error) {
        // Lost again in this moment: the next connection subscribes.
        if (!(error instanceof Error)) throw error
        logger.debug('not subscribed', { channel, reason: error.message })
      }
    }
    client.on('message', (_, text: string) => subscriber.message(text))
    const link = new Link(client, { up: () => void subscribe(), down: () => {} })
    this.#subscriptions.push(link)
    link.start()
  }

  /** What is under way is rejected. */
  async close(): Promise<void> {
    this.#upListeners.clear()
    await Promise.all([this.#commands, ...this.#subscriptions].map((link) => link.close()))
  }

  async #start(): Promise<void> {
    const up = Promise.withResolvers<void>()
    const patience = new AbortController()
    this.onUp(() => up.resolve())
    this.#commands.start()
    await Promise.race([up.promise, sleep(this.#options.clock, redisStartMaxMs, patience.signal)])
    patience.abort()
    this.#upListeners.clear()
    if (this.isUp) return
    const error = this.#unreachable(undefined)
    await this.close()
    throw error
  }

  #failure(command: string, cause: unknown): unknown {
    if (!(cause instanceof Error)) return cause
    if (cause.name !== 'ReplyError') return this.#unreachable(cause)
    const details = { address: this.#address, command, reason: cause.message }
    return new AppError('REDIS_REFUSED', details, cause)
  }

  #unreachable(cause: Error | undefined): AppError {
    const reason = this.#commands.lastFailure ?? cause?.message ?? 'no connection yet'
    return new AppError('REDIS_UNREACHABLE', { address: this.#address, reason }, cause)
  }
}

export function redisScript(lua: string): RedisScript {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') }
}

/** What a connection is told of the socket under it. */
interface LinkListener {
  up(): void
  down(reason: string): void
}

/** One ioredis client and whether it is connected. */
class Link {
  readonly client: Client
  readonly #ended = Promise.withResolvers<void>()
  #isUp = false
  #isClosing = false
  #lastFailure: string | undefined

  constructor(client: Client, listener: LinkListener) {
    this.client = client
    client.on('error', (error: Error) => {
      this.#lastFailure = error.message === '' ? error.name : error.message
    })
    client.on('ready', () => {
      this.#isUp = true
      this.#lastFailure = undefined
      listener.up()
    })
    client.on('close', () => {
      const wasUp = this.#isUp
      this.#isUp = false
      if (wasUp && !this.#isClosing) listener.down(this.#lastFailure ?? 'the connection ended')
    })
    client.on('end', () => this.#ended.resolve())
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get lastFailure(): string | undefined {
    return this.#lastFailure
  }

  start(): void {
    this.client.connect().catch(() => {
      // The first attempt alone; the client goes on trying, and says so by its events.
    })
  }

  async close(): Promise<void> {
    this.#isClosing = true
    const { status } = this.client
    this.client.disconnect()
    // Between two attempts there is no socket, and ioredis says no `end`.
    if (status === 'ready') await this.#ended.promise
  }
}

const settings = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  connectTimeout: redisCommandMaxMs,
  commandTimeout: redisCommandMaxMs,
  // A Redis that hangs: without it the connection would stay up and each command wait in turn.
  socketTimeout: redisCommandMaxMs,
  retryStrategy: (attempt: number) =>
    Math.min(redisRetryMs * 2 ** Math.min(attempt - 1, 10), redisRetryMaxMs),
  disableClientInfo: true,
} as const

/** `host:port` alone: the rest of the URL may be a password. */
function addressOf(url: string): string {
  const parsed = URL.parse(url)
  if (parsed !== null && /^rediss?:$/.test(parsed.protocol) && parsed.hostname !== '') {
    return `${parsed.hostname}:${parsed.port === '' ? '6379' : parsed.port}`
  }
  throw new AppError('CONFIG_INVALID', {
    setting: '--redis-url',
    reason: 'it is not redis://host:port',
  })
}
