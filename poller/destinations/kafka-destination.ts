// Sends what is given up to a topic of the cluster that the mapping reads, connecting when it first has to.
import type { BrokerAccess } from '../../common/broker-access.ts'
import { createKafka, type Producer } from '../../common/kafka-client.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { destinationRequestMaxBytes } from '../../common/mapping-limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { Destination, DestinationMessage } from './destination.ts'

export interface KafkaDestinationOptions {
  readonly brokers: readonly string[]
  /** Looked up with each connection: secrets change. */
  readonly access: () => Promise<BrokerAccess | undefined>
  readonly topic: string
  readonly clientId: string
  readonly logger: Logger
}

export class KafkaDestination implements Destination {
  readonly takes = 'records'
  readonly #options: KafkaDestinationOptions
  #producer: Promise<Producer> | undefined

  constructor(options: KafkaDestinationOptions) {
    this.#options = options
  }

  get name(): string {
    return `kafka://${this.#options.topic}`
  }

  async send(messages: readonly DestinationMessage[]): Promise<void> {
    try {
      const producer = await this.#connected()
      for (const request of requestsOf(messages)) await this.#sendRequest(producer, request)
    } catch (error) {
      if (!isOperating(error)) throw error
      // The next attempt connects anew: what is wrong may be with this connection.
      await this.close()
      const details = { destination: this.name, reason: reasonOf(error) }
      throw new AppError('DESTINATION_FAILED', details, error)
    }
  }

  async close(): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    try {
      await (await producer)?.disconnect()
    } catch (error) {
      if (!isOperating(error)) throw error
      this.#options.logger.debug('producer did not disconnect', { reason: reasonOf(error) })
    }
  }

  #connected(): Promise<Producer> {
    return (this.#producer ??= this.#connect())
  }

  async #connect(): Promise<Producer> {
    const { brokers, access, clientId, logger } = this.#options
    const known = await access()
    const kafka = await createKafka({ brokers, access: known, clientId, logger, retries: 3 })
    const producer = kafka.producer({ allowAutoTopicCreation: true })
    await producer.connect()
    return producer
  }

  /** Whatever is too large goes alone, and without its record where it is too large alone. */
  async #sendRequest(producer: Producer, request: readonly DestinationMessage[]): Promise<void> {
    try {
      await this.#produce(
        producer,
        request.map(({ key, value }) => ({ key, value })),
      )
    } catch (error) {
      if (!isTooLarge(error)) throw error
      if (request.length > 1) {
        for (const message of request) await this.#sendRequest(producer, [message])
        return
      }
      this.#options.logger.warn('record is too large for the destination, sent without it', {
        destination: this.name,
      })
      await this.#produce(
        producer,
        request.map(({ key, withoutPayload }) => ({ key, value: withoutPayload })),
      )
    }
  }

  async #produce(
    producer: Producer,
    messages: { key: Buffer | null; value: string }[],
  ): Promise<void> {
    await producer.send({ topic: this.#options.topic, acks: -1, messages })
  }
}

/** kafkajs makes one batch of all messages of a partition: a topic bounds its size. */
function requestsOf(messages: readonly DestinationMessage[]): readonly DestinationMessage[][] {
  const requests: DestinationMessage[][] = []
  let bytes = Infinity
  for (const message of messages) {
    const messageBytes = (message.key?.length ?? 0) + Buffer.byteLength(message.value)
    if (bytes + messageBytes > destinationRequestMaxBytes) {
      requests.push([])
      bytes = 0
    }
    requests.at(-1)?.push(message)
    bytes += messageBytes
  }
  return requests
}

function isTooLarge(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ('type' in error && error.type === 'MESSAGE_TOO_LARGE') return true
  }
  return false
}

function isOperating(thrown: unknown): boolean {
  return (
    thrown instanceof AppError || (thrown instanceof Error && thrown.name.startsWith('KafkaJS'))
  )
}
