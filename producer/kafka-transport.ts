// Carries batches to a topic through kafkajs, and turns its errors into outcomes.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { BrokerAccess } from '../common/broker-access.ts'
import {
  brokerUnreachable,
  createKafka,
  isRetriable,
  partitioners,
  type Producer,
} from '../common/kafka-client.ts'
import { reasonOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { BatchTransport, SendOutcome } from './batch-transport.ts'
import type { SourceRecord } from './record-source.ts'

export interface KafkaTransportOptions {
  readonly brokers: readonly string[]
  readonly access?: BrokerAccess
  readonly topic: string
  readonly acks: 'all' | '1' | '0'
  readonly logger: Logger
}

const acksOnWire = { all: -1, '1': 1, '0': 0 } as const

/** Rejects with AppError BROKER_UNREACHABLE when no broker answers. */
export async function connectKafkaTransport(
  options: KafkaTransportOptions,
): Promise<BatchTransport> {
  const sockets = new Set<Socket>()
  const kafka = await createKafka({
    brokers: options.brokers,
    access: options.access,
    clientId: 'millrace-producer',
    logger: options.logger,
    // Enough for the first metadata of a topic that is just being created. What takes longer is
    // retried by the sender, which can be stopped; a retry inside kafkajs cannot.
    retries: 3,
    onSocket: (socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    },
  })
  const { DefaultPartitioner } = await partitioners()
  const producer = kafka.producer({ createPartitioner: DefaultPartitioner })
  try {
    await producer.connect()
  } catch (error) {
    throw brokerUnreachable(error, options.brokers) ?? error
  }
  return new KafkaTransport(producer, sockets, options)
}

class KafkaTransport implements BatchTransport {
  readonly #producer: Producer
  readonly #sockets: ReadonlySet<Socket>
  readonly #options: KafkaTransportOptions

  constructor(producer: Producer, sockets: ReadonlySet<Socket>, options: KafkaTransportOptions) {
    this.#producer = producer
    this.#sockets = sockets
    this.#options = options
  }

  async send(records: readonly SourceRecord[]): Promise<SendOutcome> {
    const { topic, acks, brokers } = this.#options
    try {
      await this.#producer.send({ topic, acks: acksOnWire[acks], messages: [...records] })
      if (acks === '0') await this.#drained()
      return { kind: 'acknowledged' }
    } catch (error) {
      const unreachable = brokerUnreachable(error, brokers)
      if (unreachable !== undefined) return { kind: 'unavailable', reason: unreachable.message }
      return { kind: isRetriable(error) ? 'unavailable' : 'refused', reason: reasonOf(error) }
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect()
  }

  // Without acknowledgements nothing else holds kafkajs back: it would fill the memory.
  async #drained(): Promise<void> {
    const full = [...this.#sockets].filter((socket) => socket.writableNeedDrain)
    await Promise.all(
      full.map((socket) => Promise.race([once(socket, 'drain'), once(socket, 'close')])),
    )
  }
}
