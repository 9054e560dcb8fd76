// Reads a Kafka topic as a group member, session after session, through whatever the cluster does.
import { sleep } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { sourceRestartMaxMs, sourceRestartMs } from '../../common/limits.ts'
import { noMemory } from '../../kafka-consumer/group-member.ts'
import { ConsumerSession } from './consumer-session.ts'
import { describeFailure, KafkaSession } from './kafka-session.ts'
import type { Session, SessionMemory, SessionOptions } from './session.ts'
import type { Source, SourceListener } from './source.ts'

/** What speaks to the cluster: our own consumer, or kafkajs for clusters that it does not get on with. */
export type KafkaClientKind = 'millrace' | 'kafkajs'

export interface KafkaSourceOptions extends SessionOptions {
  readonly client: KafkaClientKind
}

const sessions = { millrace: ConsumerSession, kafkajs: KafkaSession } as const

export class KafkaSource implements Source {
  readonly #options: KafkaSourceOptions
  readonly #stopping = new AbortController()
  #session: Session | undefined
  #running: Promise<void> = Promise.resolve()
  #failures = 0

  constructor(options: KafkaSourceOptions) {
    this.#options = options
  }

  start(listener: SourceListener): void {
    this.#running = this.#run(listener)
  }

  pause(partitions: readonly number[]): void {
    this.#session?.pause(partitions)
  }

  resume(partitions: readonly number[]): void {
    this.#session?.resume(partitions)
  }

  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    if (this.#session !== undefined) return this.#session.commit(offsets)
    const details = { brokers: this.#options.brokers.join(','), reason: 'not connected' }
    throw new AppError('BROKER_UNREACHABLE', details)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#session?.close()
    await this.#running
  }

  async #run(listener: SourceListener): Promise<void> {
    const { clock, logger } = this.#options
    const memory: SessionMemory = {
      partitionsAtStart: undefined,
      topicId: undefined,
      member: { ...noMemory },
    }
    const told: SourceListener = {
      assigned: (partitions, continued) => listener.assigned(partitions, continued),
      checkpoints: () => listener.checkpoints(),
      rewound: (partition) => listener.rewound(partition),
      records: (run) => listener.records(run),
      problem: (reason, fault) => {
        if (reason === undefined) this.#failures = 0
        listener.problem(reason, fault)
      },
    }
    while (!this.#stopping.signal.aborted) {
      const session = new sessions[this.#options.client](this.#options, memory, told)
      this.#session = session
      try {
        await session.run()
      } catch (error) {
        const reason = describeFailure(error, this.#options)
        if (reason === undefined) throw error
        logger.warn('cannot read the topic, trying again', { topic: this.#options.topic, reason })
        listener.problem(reason, session.faultOf(error))
      }
      this.#session = undefined
      const delayMs = Math.min(sourceRestartMaxMs, sourceRestartMs * 2 ** this.#failures)
      this.#failures += 1
      await sleep(clock, delayMs, this.#stopping.signal)
    }
  }
}
