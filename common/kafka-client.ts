// Wraps kafkajs: loads it when first needed, mends two of its habits and translates its logs and errors.
import { createRequire } from 'node:module'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { CompressionTypes, Kafka, LogEntry, Partitioners, SASLOptions } from 'kafkajs'
import { tlsOptions, type BrokerAccess } from './broker-access.ts'
import { AppError } from './errors.ts'
import type { Logger, LogFields } from './logger.ts'

export type {
  Admin,
  Batch,
  Consumer,
  EachBatchPayload,
  ICustomPartitioner,
  IHeaders,
  Kafka,
  KafkaMessage,
  Message,
  PartitionMetadata,
  Producer,
  RecordMetadata,
  TopicMessages,
} from 'kafkajs'

export interface KafkaOptions {
  /** Bootstrap servers, each `host:port`. */
  readonly brokers: readonly string[]
  /** How to get in; nothing for a plain door. */
  readonly access?: BrokerAccess | undefined
  readonly clientId: string
  /** kafkajs's own lines go here: what it retries by itself as debug, what it gives up on as warn. */
  readonly logger: Logger
  readonly connectionTimeoutMs?: number
  readonly requestTimeoutMs?: number
  /** How often kafkajs repeats a failed request before the call rejects; `Infinity` never gives up. */
  readonly retries?: number
  /** Unpacks batches of the codecs that kafkajs knows by number only; without it they fail. */
  readonly unpack?: (codec: 'snappy' | 'lz4' | 'zstd', bytes: Buffer) => Buffer
  /** Called with every socket as it starts to connect, for those who watch how full it is. */
  readonly onSocket?: (socket: Socket) => void
}

/**
 * A kafkajs client; nothing is connected yet. Rejects with AppError CONFIG_INVALID where a bootstrap
 * server is not `host:port`.
 */
export async function createKafka(options: KafkaOptions): Promise<Kafka> {
  const bad = options.brokers.find((broker) => !/^[^:]+:\d{1,5}$/.test(broker))
  if (bad !== undefined || options.brokers.length === 0) {
    throw new AppError('CONFIG_INVALID', {
      setting: 'brokers',
      reason: `"${bad ?? ''}" is not host:port`,
    })
  }
  const kafkajs = await loadKafkajs()
  if (options.unpack !== undefined) addCodecs(kafkajs, options.unpack)
  return new kafkajs.Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: options.connectionTimeoutMs ?? 3000,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: options.retries ?? 5 },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => logTo(options.logger),
    // kafkajs leaves Nagle's algorithm on, which holds back the tail of a request for up to 40 ms.
    socketFactory: ({ host, port, ssl, onConnect }) => {
      const socket = open({ host, port, ssl }, onConnect)
      options.onSocket?.(socket)
      return socket
    },
    ...kafkajsAccess(options.access),
  })
}

function kafkajsAccess({ tls, sasl }: BrokerAccess = {}): {
  ssl?: ConnectionOptions
  sasl?: SASLOptions
} {
  return {
    ...(tls === undefined ? {} : { ssl: tlsOptions(tls) }),
    ...(sasl === undefined ? {} : { sasl }),
  }
}

interface Destination {
  readonly host: string
  readonly port: number
  /** kafkajs: null or undefined for a plain door. */
  readonly ssl: ConnectionOptions | null | undefined
}

function open({ host, port, ssl }: Destination, onConnect: () => void): Socket {
  const where = { host, port, noDelay: true, keepAlive: true }
  if (ssl === undefined || ssl === null) return connect(where, onConnect)
  const name = isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ ...where, ...name, ...ssl }, onConnect).setNoDelay(true)
}

/** kafkajs's codes of compression: `(await compressionTypes()).GZIP`. */
export async function compressionTypes(): Promise<typeof CompressionTypes> {
  return (await loadKafkajs()).CompressionTypes
}

/** kafkajs's partitioners. `DefaultPartitioner` chooses as Kafka's Java client does (murmur2). */
export async function partitioners(): Promise<typeof Partitioners> {
  return (await loadKafkajs()).Partitioners
}

/**
 * The AppError BROKER_UNREACHABLE that a failure of kafkajs amounts to; undefined when a broker did
 * answer. For `throw brokerUnreachable(error, brokers) ?? error`.
 */
export function brokerUnreachable(
  thrown: unknown,
  brokers: readonly string[],
): AppError | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (!connectionErrors.has(error.name)) continue
    const reason = error.message.replace(/^Connection error: /, '')
    return new AppError('BROKER_UNREACHABLE', { brokers: brokers.join(','), reason }, thrown)
  }
  return undefined
}

/**
 * Whether the call that failed may succeed later. Throws what is no error of kafkajs: it is a
 * programmer's.
 */
export function isRetriable(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !thrown.name.startsWith('KafkaJS')) throw thrown
  // These two wrap the error that counts, and are themselves never retriable.
  const wrapper = /^KafkaJS(?:NumberOfRetriesExceeded|NonRetriableError)$/.test(thrown.name)
  if (wrapper && thrown.cause instanceof Error) return isRetriable(thrown.cause)
  return 'retriable' in thrown && thrown.retriable === true
}

const connectionErrors = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSNoBrokerAvailableError',
])

type Kafkajs = typeof import('kafkajs')
let loading: Promise<Kafkajs> | undefined

function loadKafkajs(): Promise<Kafkajs> {
  return (loading ??= import('kafkajs').then((module) => {
    mendRequestQueue()
    // The CommonJS exports themselves: not all of their names are visible to an ESM import.
    return module.default
  }))
}

/** kafkajs keeps codecs for the whole process. */
function addCodecs(
  { CompressionCodecs, CompressionTypes }: Kafkajs,
  unpack: NonNullable<KafkaOptions['unpack']>,
): void {
  for (const [name, number] of [
    ['snappy', CompressionTypes.Snappy],
    ['lz4', CompressionTypes.LZ4],
    ['zstd', CompressionTypes.ZSTD],
  ] as const) {
    CompressionCodecs[number] = () => ({
      decompress: (bytes: Buffer) => Promise.resolve(unpack(name, bytes)),
      compress: () => Promise.reject(new Error(`nothing here is sent with ${name}`)),
    })
  }
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests: (this: RequestQueue) => void
}

/**
 * kafkajs 2.2.4 arms a timer after every response even with nothing pending, for as far in the past
 * as the epoch: Node 24 warns of it (TimeoutNegativeWarning) and fires it after 1 ms, upon which
 * it is armed again, a thousand times a second per connection (kafkajs issue 1751). With an empty
 * queue there is nothing to check, and with a waiting one the time is positive. For the whole process, and
 * so for tests that take kafkajs as a client of their own.
 */
export function mendRequestQueue(): void {
  const required: unknown = createRequire(import.meta.url)('kafkajs/src/network/requestQueue')
  const { prototype } = required as { prototype: RequestQueue }
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function (): void {
    if (this.pending.length > 0) schedule.call(this)
  }
}

/** Lines about things that kafkajs repeats by itself, and that its caller learns of if that fails. */
const expected = [
  /^Connection (?:error|timeout)/,
  /^Failed to connect to seed broker/,
  /^Failed to send messages/,
  /^Response /,
  /^The group is rebalancing/,
  /resync group$/,
  /^KafkaJS v2\.0\.0 switched default partitioner/,
]

function logTo(logger: Logger): (entry: LogEntry) => void {
  return ({ namespace, label, log }) => {
    const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...rest } = log
    const fields: LogFields = { part: namespace, ...rest }
    const quiet = label === 'INFO' || expected.some((pattern) => pattern.test(message))
    if (quiet) logger.debug(message, fields)
    else logger.warn(message, fields)
  }
}
