// Keeps account of records: sends numbered ones without pause, and finds out which were handled.
import { CreateEventSourceMappingCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import type { Kafka, Producer } from '../../common/kafka-client.ts'
import { sleep, systemClock } from '../../common/clock.ts'
import { createFunction } from '../support/lambda.ts'

export const ledgerTopic = 'ledger'

const handler = `
export const handler = async (event) => {
  const records = Object.values(event.records).flat()
  console.log('handled ' + records.map(({ value }) => Buffer.from(value, 'base64')).join(' '))
}
`

/** A function that logs the numbers it is handed, and its mapping. */
export async function deployLedger(client: LambdaClient): Promise<void> {
  await createFunction(client, { name: 'ledger', files: { 'index.mjs': handler } })
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'ledger',
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['broker:29092'] } },
      SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'ledger' },
      Topics: [ledgerTopic],
      StartingPosition: 'TRIM_HORIZON',
      MaximumBatchingWindowInSeconds: 0,
    }),
  )
}

/** The numbers that workers' logs call handled. */
export function handledIn(log: string): ReadonlySet<string> {
  return new Set([...log.matchAll(/handled ([\d ]+)/g)].flatMap(([, text = '']) => text.split(' ')))
}

/** Sends a number every few milliseconds until stopped; remembers those that were acknowledged. */
export class LedgerSender {
  readonly acknowledged: string[] = []
  readonly #producer: Producer
  #next: number
  #isStopping = false
  #running: Promise<void> = Promise.resolve()

  private constructor(producer: Producer, first: number) {
    this.#producer = producer
    this.#next = first
  }

  /** No two senders of a test may send the same numbers. */
  static async start(kafka: Kafka, first: number): Promise<LedgerSender> {
    const producer = kafka.producer({ retry: { retries: 0 } })
    await producer.connect()
    const sender = new LedgerSender(producer, first)
    sender.#running = sender.#run()
    return sender
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#running
    await this.#producer.disconnect()
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const values = Array.from({ length: 10 }, () => String(this.#next++))
      try {
        const messages = values.map((value) => ({ value }))
        await this.#producer.send({ topic: ledgerTopic, acks: -1, messages })
        this.acknowledged.push(...values)
      } catch (error) {
        // The broker is away: these numbers were not acknowledged, and are not asked for.
        if (!(error instanceof Error && error.name.startsWith('KafkaJS'))) throw error
        await this.#reconnect()
      }
      await sleep(systemClock, 20)
    }
  }

  async #reconnect(): Promise<void> {
    while (!this.#isStopping) {
      try {
        await this.#producer.connect()
        return
      } catch (error) {
        if (!(error instanceof Error && error.name.startsWith('KafkaJS'))) throw error
        await sleep(systemClock, 100)
      }
    }
  }
}
