// A source that first looks up how to get into its cluster, and does so again when it is not let in.
import type { BrokerAccess } from '../../common/broker-access.ts'
import { brokerFault } from '../../common/broker-fault.ts'
import { sleep, type Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { sourceRestartMaxMs, sourceRestartMs } from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { Source, SourceListener } from './source.ts'

export interface SecuredSourceOptions {
  readonly brokers: readonly string[]
  /** Rejects with an AppError where a secret cannot be used. */
  readonly resolve: () => Promise<BrokerAccess>
  readonly create: (access: BrokerAccess) => Source
  readonly clock: Clock
  readonly logger: Logger
}

/** A secret that was changed is taken up as soon as the cluster refuses the one before. */
export class SecuredSource implements Source {
  readonly #options: SecuredSourceOptions
  readonly #stopping = new AbortController()
  #inner: Source | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(options: SecuredSourceOptions) {
    this.#options = options
  }

  start(listener: SourceListener): void {
    this.#running = this.#run(listener)
  }

  pause(partitions: readonly number[]): void {
    this.#inner?.pause(partitions)
  }

  resume(partitions: readonly number[]): void {
    this.#inner?.resume(partitions)
  }

  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    if (this.#inner !== undefined) return this.#inner.commit(offsets)
    const details = { brokers: this.#options.brokers.join(','), reason: 'not connected' }
    throw new AppError('BROKER_UNREACHABLE', details)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(listener: SourceListener): Promise<void> {
    const { clock, logger } = this.#options
    let failures = 0
    while (!this.#stopping.signal.aborted) {
      let access: BrokerAccess
      try {
        access = await this.#options.resolve()
        failures = 0
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        logger.warn('no way into the cluster, trying again', { reason: error.message })
        listener.problem(error.message, brokerFault(error))
        const delayMs = Math.min(sourceRestartMaxMs, sourceRestartMs * 2 ** failures)
        failures += 1
        await sleep(clock, delayMs, this.#stopping.signal)
        continue
      }
      if (!this.#stopping.signal.aborted) await this.#read(access, listener)
    }
  }

  /** Resolves when it is stopped, or when what gets it in has changed. */
  async #read(access: BrokerAccess, listener: SourceListener): Promise<void> {
    const over = Promise.withResolvers<void>()
    const end = (): void => over.resolve()
    this.#stopping.signal.addEventListener('abort', end, { once: true })
    const inner = this.#options.create(access)
    this.#inner = inner
    inner.start({
      assigned: (partitions, continued) => listener.assigned(partitions, continued),
      checkpoints: () => listener.checkpoints(),
      rewound: (partition) => listener.rewound(partition),
      records: (run) => listener.records(run),
      problem: (reason, fault) => {
        listener.problem(reason, fault)
        if (fault !== undefined) void this.#hasChanged(access).then((changed) => changed && end())
      },
    })
    await over.promise
    this.#stopping.signal.removeEventListener('abort', end)
    this.#inner = undefined
    await inner.stop()
  }

  async #hasChanged(access: BrokerAccess): Promise<boolean> {
    try {
      return JSON.stringify(await this.#options.resolve()) !== JSON.stringify(access)
    } catch (error) {
      if (error instanceof AppError) return true
      throw error
    }
  }
}
