// Runs one mapping: brings its source, its decisions, its timer and its function together.
import { sleep, type Clock, type Timer } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import type { FunctionInvoker, InvocationResult } from '../common/invocation.ts'
import { stopGraceMs } from '../common/limits.ts'
import type { Logger } from '../common/logger.ts'
import type { MappingRecord } from '../control/registry/registry.ts'
import {
  recordsOf,
  type Batch,
  type BatchOutcome,
  type Effect,
  type MappingRules,
} from './batch.ts'
import { buildEvent } from './event.ts'
import type { MappingCounters } from './mapping-counters.ts'
import { Mapping } from './mapping.ts'
import type { RecordRun, Source, SourceListener } from './sources/source.ts'
import type { StatusReporter } from './status-reporter.ts'

export interface MappingRunnerOptions {
  readonly record: MappingRecord
  readonly rules: MappingRules
  readonly source: Source
  readonly invoker: FunctionInvoker
  readonly counters: MappingCounters
  readonly status: StatusReporter
  readonly clock: Clock
  readonly logger: Logger
  /** In [0, 1). */
  readonly random: () => number
}

const noRecords = 'No records processed'
const succeeded = 'OK'
const failed = 'PROBLEM: Function call failed'

export class MappingRunner implements SourceListener {
  readonly #options: MappingRunnerOptions
  readonly #mapping: Mapping
  readonly #drained = Promise.withResolvers<void>()
  #timer: Timer | undefined
  #lastResult: string
  #problem: string | undefined
  #isStopping = false
  #isStopped = false

  constructor(options: MappingRunnerOptions) {
    this.#options = options
    this.#mapping = new Mapping(options.rules, options.counters, options.random)
    const before = options.status.stored?.lastProcessingResult
    this.#lastResult = before === succeeded || before === failed ? before : noRecords
  }

  get record(): MappingRecord {
    return this.#options.record
  }

  /** What the core knows, for metrics. */
  get mapping(): Mapping {
    return this.#mapping
  }

  /** Why nothing can be read at the moment. */
  get sourceProblem(): string | undefined {
    return this.#problem
  }

  start(): void {
    this.#options.source.start(this)
  }

  /**
   * Sends nothing more, waits for what is in flight (at most the grace), commits and leaves. What is
   * not finished by then is read again by whoever comes next.
   */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#mapping.stop()
    this.#pump()
    const grace = new AbortController()
    const patience = sleep(this.#options.clock, stopGraceMs, grace.signal)
    await Promise.race([this.#drained.promise, patience])
    this.#isStopped = true
    this.#timer?.cancel()
    await Promise.race([this.#options.source.stop(), patience])
    grace.abort()
  }

  assigned(partitions: readonly number[], continued: boolean): ReadonlyMap<number, number> {
    const positions = this.#mapping.assigned(partitions, continued)
    this.#options.logger.debug('partitions assigned', { partitions, continued })
    this.#pump()
    return positions
  }

  rewound(partition: number): void {
    this.#options.logger.warn('log starts anew, reading it from its start', { partition })
    this.#mapping.rewound(partition)
    this.#pump()
  }

  records(run: RecordRun): void {
    if (this.#isStopping) return
    this.#mapping.recordsArrived(run, this.#options.clock.now())
    this.#pump()
  }

  problem(reason: string | undefined): void {
    this.#problem = reason
    this.#report()
  }

  #pump(): void {
    if (this.#isStopped) return
    const { clock } = this.#options
    this.#timer?.cancel()
    for (const effect of this.#mapping.tick(clock.now())) this.#run(effect)
    const { wakeMs, invocationsInFlight, hasUncommitted } = this.#mapping
    if (this.#isStopping && invocationsInFlight === 0 && !hasUncommitted) this.#drained.resolve()
    if (wakeMs === undefined) return
    this.#timer = clock.after(Math.max(0, wakeMs - clock.now()), () => this.#pump())
  }

  #run(effect: Effect): void {
    switch (effect.kind) {
      case 'invoke':
        void this.#invoke(effect.batch)
        return
      case 'commit':
        void this.#commit(effect.offsets)
        return
      case 'pause':
        this.#options.source.pause(effect.partitions)
        return
      case 'resume':
        this.#options.source.resume(effect.partitions)
        return
      case 'scaled': {
        const { change, lag } = effect
        this.#options.logger.info('event pollers changed', { ...change, lag })
        return
      }
      case 'skipped': {
        const { partition, offset } = effect.record
        const fields = { partition, offset, sizeBytes: effect.sizeBytes }
        this.#options.logger.warn('record is too large for an event, skipped', fields)
      }
    }
  }

  async #invoke(batch: Batch): Promise<void> {
    const { invoker, record, rules, clock } = this.#options
    const payload = buildEvent(rules.frame, batch.groups)
    let outcome: BatchOutcome
    try {
      outcome = this.#judge(
        await invoker.invoke({ functionName: record.functionName, payload }),
        batch,
      )
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#options.logger.warn('function not reached', { reason: error.message })
      outcome = 'unreached'
    }
    if (outcome === 'succeeded') this.#lastResult = succeeded
    else if (outcome !== 'throttled') this.#lastResult = failed
    this.#mapping.batchEnded(batch, outcome, clock.now())
    this.#report()
    this.#pump()
  }

  #judge(result: InvocationResult, batch: Batch): BatchOutcome {
    const { logger } = this.#options
    if (result.outcome === 'completed') {
      if (result.functionError === undefined) return 'succeeded'
      const { functionError, requestId } = result
      const [attempts, records] = [batch.attempts + 1, recordsOf(batch.groups)]
      logger.warn('function failed', { requestId, functionError, records, attempts })
      return 'failed'
    }
    const { code, message, requestId } = result
    if (code === 'TooManyRequestsException') return 'throttled'
    logger.warn('function not invoked', { requestId, code, message })
    return 'unreached'
  }

  async #commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    let done = true
    try {
      await this.#options.source.commit(offsets)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      done = false
      this.#options.logger.debug('offsets not committed, trying again', { reason: error.message })
    }
    this.#mapping.commitEnded(done, this.#options.clock.now())
    this.#pump()
  }

  #report(): void {
    if (this.#isStopped) return
    const { status, record } = this.#options
    const lastProcessingResult =
      this.#problem === undefined ? this.#lastResult : `PROBLEM: Connection error. ${this.#problem}`
    status.report({ revision: record.revision, state: 'enabled', lastProcessingResult })
  }
}
