// The broker on a thread of its own, seen from the main thread: a role like any other.
import { Worker } from 'node:worker_threads'
import { reasonOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { MetricSample, MetricSource } from '../common/metrics.ts'
import { fromPlain } from '../common/plain-error.ts'
import type { RunningRole } from '../common/role.ts'
import type { BrokerOptions } from './broker.ts'
import { brokerMetricDefinitions } from './metric-definitions.ts'
import type { FromThread, ToThread } from './thread-messages.ts'

/** Resolves when the door is open. Rejects as `startBroker` does. */
export async function startBrokerThread(
  options: BrokerOptions,
  logger: Logger,
): Promise<RunningRole> {
  const thread = new BrokerThread(options, logger)
  await thread.started
  return thread
}

class BrokerThread implements RunningRole {
  readonly name = 'broker'
  readonly metrics: MetricSource
  readonly started: Promise<void>
  #doors: Readonly<Record<string, string>> = {}
  readonly #logger: Logger
  readonly #worker: Worker
  readonly #exited: Promise<void>
  readonly #collecting = new Map<number, (samples: readonly MetricSample[]) => void>()
  #collections = 0
  #problems: readonly string[] = []
  #isStopping = false
  #hasEnded = false

  constructor(options: BrokerOptions, logger: Logger) {
    this.#logger = logger
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: options })
    this.metrics = { definitions: brokerMetricDefinitions, collect: () => this.#collect() }
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#ended(`it ended with code ${code}`)
        resolve()
      })
    })
    this.#worker.on('error', (error) => this.#ended(reasonOf(error)))
    this.started = new Promise((resolve, reject) => {
      this.#worker.once('error', reject)
      this.#worker.on('message', (message: FromThread) => {
        if (message.type === 'started') resolve()
        if (message.type === 'failed') reject(fromPlain(message.error))
        this.#received(message)
      })
    })
  }

  get doors(): Readonly<Record<string, string>> {
    return this.#doors
  }

  problems(): readonly string[] {
    return this.#problems
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    if (!this.#hasEnded) this.#send({ type: 'stop' })
    await this.#exited
  }

  #received(message: FromThread): void {
    switch (message.type) {
      case 'started':
        this.#doors = message.doors
        return
      case 'collected':
        this.#collecting.get(message.id)?.(message.samples)
        this.#collecting.delete(message.id)
        return
      case 'problems':
        this.#problems = message.problems
        return
      case 'failed':
      case 'stopped':
        this.#isStopping = true
    }
  }

  /** A thread that ends unasked is a problem for good: clients have lost their broker. */
  #ended(reason: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    for (const resolve of this.#collecting.values()) resolve([])
    this.#collecting.clear()
    if (this.#isStopping) return
    this.#problems = [`the broker's thread died: ${reason}`]
    this.#logger.error('the thread died', { reason })
  }

  #collect(): Promise<readonly MetricSample[]> {
    if (this.#hasEnded || this.#isStopping) return Promise.resolve([])
    const id = this.#collections++
    return new Promise((resolve) => {
      this.#collecting.set(id, resolve)
      this.#send({ type: 'collect', id })
    })
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message, [])
  }
}
