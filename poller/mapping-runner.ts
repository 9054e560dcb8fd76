// Runs one mapping: brings its source, its decisions, its timer and its function together.
import assert from 'node:assert'
import { randomUUID } from 'node:crypto'
import type { BrokerFault } from '../common/broker-fault.ts'
import { sleep, type Clock, type Timer } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import type { FunctionInvoker } from '../common/invocation.ts'
import { stopGraceMs } from '../common/limits.ts'
import type { LogFields, Logger } from '../common/logger.ts'
import type { MappingRecord } from '../control/registry/registry.ts'
import type { Batch, Discard, Effect, MappingRules } from './batch.ts'
import type { Destination } from './destinations/destination.ts'
import { batchMessage, failureMessages } from './destinations/failure-record.ts'
import { recordEventOf, type EventOrigin } from './event.ts'
import { recordsOf } from './groups.ts'
import { judge, type Judgement } from './judgement.ts'
import { LagWatch, mappingLag } from './lag-watch.ts'
import type { LagFinding, LagJudgement } from './lag-cause.ts'
import type { MappingCounters } from './mapping-counters.ts'
import { Mapping } from './mapping.ts'
import { problemStatus } from './problem-status.ts'
import type { RecordRun, Source, SourceListener } from './sources/source.ts'
import type { StatusReporter } from './status-reporter.ts'
import type { SystemLog } from './system-log.ts'

export interface MappingRunnerOptions {
  readonly record: MappingRecord
  readonly rules: MappingRules
  /** Where the records come from, as events say it. */
  readonly origin: EventOrigin
  readonly source: Source
  readonly invoker: FunctionInvoker
  /** What takes records that are given up; without one they are dropped. */
  readonly destination: Destination | undefined
  readonly counters: MappingCounters
  readonly status: StatusReporter
  readonly systemLog: SystemLog
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
  readonly #watch: LagWatch
  readonly #drained = Promise.withResolvers<void>()
  #timer: Timer | undefined
  /** When it fires; what is due later than that needs no other one. */
  #timerMs = Infinity
  #lastResult: string
  #reported: string | undefined
  #problem: string | undefined
  #fault: BrokerFault | undefined
  #destinationProblem: string | undefined
  #schemaProblem: string | undefined
  #functionProblem: string | undefined
  #functionError: string | undefined
  #throttleReason: string | undefined
  #isStopping = false
  #isStopped = false

  constructor(options: MappingRunnerOptions) {
    this.#options = options
    this.#mapping = new Mapping(options.rules, options.counters, options.random)
    this.#watch = new LagWatch({
      windowMs: options.rules.windowMs,
      clock: options.clock,
      look: (nowMs) => this.#mapping.look(nowMs),
      circumstances: () => ({
        sourceProblem: this.#problem ?? this.#schemaProblem,
        functionProblem: this.#functionProblem,
        functionError: this.#functionError,
        destinationProblem: this.#destinationProblem,
        throttleReason: this.#throttleReason,
      }),
      judged: (judgement, before) => this.#lagJudged(judgement, before),
    })
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

  /** How far it is behind and why; undefined in its first second. */
  get lag(): LagFinding | undefined {
    const { judgement, lanes, polledBytesPerSecond } = this.#watch
    return judgement === undefined ? undefined : { judgement, lanes, polledBytesPerSecond }
  }

  start(): void {
    this.#watch.start()
    this.#options.source.start(this)
    this.#options.systemLog.start(() => this.#mapping.partitions)
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
    this.#watch.stop()
    this.#timer?.cancel()
    this.#options.systemLog.stop()
    const { source, destination } = this.#options
    await Promise.race([Promise.all([source.stop(), destination?.close()]), patience])
    grace.abort()
  }

  assigned(partitions: readonly number[], continued: boolean): ReadonlyMap<number, number> {
    const positions = this.#mapping.assigned(partitions, continued)
    this.#options.logger.debug('partitions assigned', { partitions, continued })
    this.#options.systemLog.assigned(partitions)
    this.#pump()
    return positions
  }

  checkpoints(): ReadonlyMap<number, number> {
    return this.#mapping.checkpoints
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

  problem(reason: string | undefined, fault?: BrokerFault): void {
    this.#problem = reason
    this.#fault = fault
    this.#watch.stir()
    if (reason !== undefined) {
      this.#options.counters.pollingErrors += 1
      this.#options.systemLog.unreadable(reason, fault)
    }
    this.#report()
  }

  /** Why records wait for their schemas. */
  schemaProblem(error: AppError | undefined): void {
    this.#schemaProblem = error?.message
    this.#watch.stir()
    if (error !== undefined) this.#options.systemLog.failed(error.message, error.code)
    this.#report()
  }

  #pump(): void {
    if (this.#isStopped) return
    const { clock } = this.#options
    this.#watch.stir()
    for (const effect of this.#mapping.tick(clock.now())) this.#run(effect)
    const { wakeMs, invocationsInFlight, discardsUnderWay, hasUncommitted } = this.#mapping
    const isIdle = invocationsInFlight + discardsUnderWay === 0 && !hasUncommitted
    if (this.#isStopping && isIdle) this.#drained.resolve()
    if (wakeMs === undefined || wakeMs >= this.#timerMs) return
    this.#timer?.cancel()
    this.#timerMs = wakeMs
    this.#timer = clock.after(Math.max(0, wakeMs - clock.now()), () => {
      this.#timerMs = Infinity
      this.#pump()
    })
  }

  #run(effect: Effect): void {
    switch (effect.kind) {
      case 'invoke':
        void this.#invoke(effect.batch)
        return
      case 'discard':
        void this.#discard(effect.discard)
        return
      case 'dropped':
        this.#options.logger.warn('records dropped', fieldsOf(effect.discard))
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
        const what = change.from === change.to ? 'event pollers stay' : 'event pollers changed'
        this.#options.logger.info(what, { ...change, lag })
        return
      }
      case 'windowDropped': {
        const { kind: _, ...fields } = effect
        this.#options.logger.warn('window given up', fields)
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
    const { invoker, record, rules, clock, logger, systemLog } = this.#options
    const payload = recordEventOf(rules.frame, batch.groups, batch.window)
    const lastMs = batch.groups.at(-1)?.records.at(-1)?.timestampMs ?? Infinity
    const { counters } = this.#options
    const sentMs = clock.now()
    counters.iteratorAgeMs = Math.max(0, sentMs - lastMs)
    let judged: Judgement
    try {
      const result = await invoker.invoke({
        functionName: record.functionName,
        ...(record.qualifier === undefined ? {} : { qualifier: record.qualifier }),
        payload,
      })
      if (result.outcome === 'completed') counters.invocationEnded(clock.now() - sentMs, result)
      judged = judge(result, batch, { rules, logger })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      logger.warn('function not reached', { reason: error.message })
      judged = { outcome: 'unreached', reason: error.message }
    }
    const { outcome, report, reason } = judged
    this.#functionProblem = outcome === 'unreached' ? reason : undefined
    if (outcome === 'unreached') systemLog.failed(reason ?? outcome, 'FUNCTION_NOT_REACHED')
    if (outcome === 'throttled') this.#throttleReason = reason
    if (outcome === 'failed') this.#functionError = reason
    this.#mapping.batchEnded(batch, outcome, clock.now(), report)
    if (outcome !== 'throttled') this.#lastResult = outcome === 'succeeded' ? succeeded : failed
    // Not after each batch: what is told of the lag is so once a second.
    if (this.#lastResult !== this.#reported) this.#report()
    this.#pump()
  }

  async #discard(discard: Discard): Promise<void> {
    const { destination, record, rules, origin, clock, logger, systemLog } = this.#options
    assert(destination !== undefined)
    const context = {
      functionArn: record.functionArn.replace(/:\$LATEST$/, ''),
      origin,
      frame: rules.frame,
    }
    const occasion = { nowMs: clock.now(), requestId: randomUUID() }
    let delivered = true
    try {
      await destination.send(
        destination.takes === 'records'
          ? failureMessages(discard, context, occasion)
          : [batchMessage(discard, context, occasion)],
      )
      this.#destinationProblem = undefined
      logger.warn('records sent to the destination', {
        destination: destination.name,
        ...fieldsOf(discard),
      })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      delivered = false
      this.#destinationProblem = error.message
      logger.warn('records not sent, trying again', { reason: error.message })
      systemLog.failed(error.message, error.code)
    }
    this.#mapping.discardEnded(discard, delivered, clock.now())
    this.#report()
    this.#pump()
  }

  async #commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    let done = true
    try {
      await this.#options.source.commit(offsets)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      done = false
      this.#options.logger.debug('offsets not committed, trying again', { reason: error.message })
      this.#options.systemLog.failed(error.message, error.code)
    }
    this.#mapping.commitEnded(done, this.#options.clock.now())
    this.#pump()
  }

  #lagJudged(judgement: LagJudgement, before: LagJudgement | undefined): void {
    const { cause, detail, records, trendPerSecond } = judgement
    if (cause !== (before?.cause ?? 'none')) {
      this.#options.logger.info('lag', { cause, detail, records, trendPerSecond })
    }
    // Nothing of it is news of a mapping that goes on having nothing to do.
    if (cause === before?.cause && records === 0 && before.records === 0) return
    this.#report()
  }

  #report(): void {
    if (this.#isStopped) return
    this.#reported = this.#lastResult
    const { status, record } = this.#options
    const found =
      problemStatus(this.#problem, this.#fault) ??
      problemStatus(this.#schemaProblem) ??
      problemStatus(this.#destinationProblem)
    status.report({
      revision: record.revision,
      state: 'enabled',
      lastProcessingResult: this.#lastResult,
      ...found,
      ...(this.lag === undefined ? {} : { lag: mappingLag(this.lag.judgement, this.lag.lanes) }),
    })
  }
}

/** Of each partition the first and the last of its records. */
function fieldsOf({ condition, groups }: Discard): LogFields {
  const offsets = groups.map(({ partition, records }) => {
    const [first, last] = [records[0]?.offset, records.at(-1)?.offset]
    return `${partition}:${first === last ? first : `${first}-${last}`}`
  })
  return { condition, records: recordsOf(groups), offsets }
}
