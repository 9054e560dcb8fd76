// Invokes functions of the registry in the execution environments of this machine.
import { randomUUID } from 'node:crypto'
import type { Clock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import type {
  FunctionInvoker,
  Invocation,
  InvocationRefused,
  InvocationResult,
} from '../common/invocation.ts'
import type { Logger } from '../common/logger.ts'
import { loggingOf } from '../control/registry/function-logging.ts'
import { versionOf } from '../control/registry/function-version.ts'
import { provisionedTotal } from '../control/registry/provisioned.ts'
import type { FunctionRecord, Registry, VersionRecord } from '../control/registry/registry.ts'
import { startPatienceMs } from '../common/environment-limits.ts'
import { unreservedPool, WholeQuota, type AccountQuota } from './account-quota.ts'
import { AwsPace } from './aws-pace.ts'
import { noCpuShares, type CpuShares } from './cpu/cpu-shares.ts'
import { ConcurrencyLedger, type ConcurrencyLimits, type Throttle } from './concurrency.ts'
import { Dispatcher } from './dispatcher.ts'
import { execute, type Execution } from './execution.ts'
import type { FunctionCounters } from './function-counters.ts'
import { FunctionHosts } from './function-hosts.ts'
import type { FunctionPool } from './function-pool.ts'
import { InvocationLog } from './invocation-log.ts'
import { oversized, refusal, resultOf, throttled } from './invocation-results.ts'
import { ProcessRuntimes } from './process/process-runtimes.ts'
import { ProvisionedFleet } from './provisioned-fleet.ts'
import { chooseVersion, recordOf } from './target.ts'
import { systemLines, type Report } from './logs/system-lines.ts'
import type { EndedInvocation } from './logs/faro.ts'
import type { FunctionLogTargets } from './logs/function-logs.ts'

export interface InvokerOptions extends ConcurrencyLimits, FunctionLogTargets {
  readonly registry: Registry
  readonly region: string
  readonly accountId: string
  /** Shares the account's limit with other copies; unless given, it is all this one's. */
  readonly quota?: AccountQuota
  readonly environmentsMax: number
  /** Unless `aws`, functions scale and are invoked as fast as the limits allow. */
  readonly pace?: 'local' | 'aws'
  readonly idleTimeoutMs: number
  /** Unless given, environments take what processor time they like. */
  readonly cpuShares?: CpuShares
  readonly clock: Clock
  readonly logger: Logger
  /** This copy's name among those that share the registry. */
  readonly copy?: string
  /** From 0 to below 1: which version of an alias is next. */
  readonly random?: () => number
}

/** One function's numbers at this moment. */
export interface FunctionState {
  readonly name: string
  readonly executions: number
  readonly reservedConcurrency: number | undefined
  readonly memorySizeMb: number
  readonly counters: FunctionCounters
  /** Environments that were made ahead; undefined where none are to be. */
  readonly provisioned: number | undefined
}

export class Invoker implements FunctionInvoker {
  readonly #options: InvokerOptions
  readonly #ledger: ConcurrencyLedger
  readonly #quota: AccountQuota
  readonly #pace: AwsPace | undefined
  readonly #cpuShares: CpuShares
  readonly #dispatcher: Dispatcher
  readonly #processes: ProcessRuntimes
  readonly #hosts: FunctionHosts
  readonly #provisioned: ProvisionedFleet
  readonly #loggers = new Map<string, Logger>()
  readonly #unwatch: () => void
  #onIdle: (() => void) | undefined
  #isStopping = false

  constructor(options: InvokerOptions) {
    this.#options = options
    this.#quota = options.quota ?? new WholeQuota()
    this.#pace = options.pace === 'aws' ? new AwsPace() : undefined
    this.#cpuShares = options.cpuShares ?? noCpuShares()
    this.#ledger = new ConcurrencyLedger(options, this.#quota)
    for (const record of options.registry.functions()) this.#setLimits(record.name, record)
    this.#dispatcher = new Dispatcher({
      ...options,
      startPatienceMs: this.#pace === undefined ? startPatienceMs : 0,
    })
    this.#processes = new ProcessRuntimes(options.clock)
    this.#hosts = new FunctionHosts({
      ...options,
      processes: this.#processes,
      cpuShares: this.#cpuShares,
      dispatcher: this.#dispatcher,
    })
    this.#provisioned = new ProvisionedFleet({
      ...options,
      copy: options.copy ?? 'local',
      dispatcher: this.#dispatcher,
      openPool: (record, onChange) => this.#hosts.openKept(record, onChange),
    })
    this.#unwatch = options.registry.watch((change) => {
      if (change.kind === 'function') this.#onFunctionChange(change.name)
      if (change.kind === 'version') this.#onVersionChange(change.name, change.version)
    })
  }

  get concurrencyMax(): number {
    return this.#options.accountConcurrency
  }

  get unreservedConcurrencyMax(): number {
    return this.#ledger.limit(unreservedPool)
  }

  get environments(): number {
    return this.#dispatcher.environments
  }

  get environmentsMax(): number {
    return this.#dispatcher.environmentsMax
  }

  get cpuShares(): Pick<CpuShares, 'way' | 'refills'> {
    return this.#cpuShares
  }

  functions(): readonly FunctionState[] {
    return [...this.#hosts.counted()].flatMap(([name, counters]) => {
      const record = this.#options.registry.function(name)
      if (record === undefined) return []
      const { memorySizeMb, reservedConcurrency } = record
      const executions = this.#ledger.executions(name)
      const provisioned = this.#provisioned.ready(name)
      return [{ name, executions, reservedConcurrency, memorySizeMb, counters, provisioned }]
    })
  }

  async invoke(invocation: Invocation): Promise<InvocationResult> {
    const { functionName, qualifier, requestId = randomUUID() } = invocation
    const latest = this.#options.registry.function(functionName)
    if (latest === undefined) return this.#notFound(requestId, invocation)
    const version = chooseVersion(latest, qualifier, this.#options.random ?? Math.random)
    const record = recordOf(this.#options.registry, functionName, version)
    if (record === undefined) return this.#notFound(requestId, invocation)
    if (this.#isStopping) return refusal(requestId, 'ServiceException', 'The workers are stopping.')
    const tooLarge = oversized(requestId, invocation)
    if (tooLarge !== undefined) return tooLarge
    const counters = this.#hosts.counters(functionName)
    const lent = this.#provisioned.lend(functionName, version)
    const kind = lent === undefined ? 'pooled' : 'provisioned'
    // What is ready is this copy's: there are no others to ask.
    const why =
      lent === undefined
        ? await this.#ledger.admitOrAsk(functionName)
        : this.#ledger.admitProvisioned(functionName)
    if (why !== undefined) {
      lent?.giveBack()
      return this.#throttle(requestId, counters, why)
    }
    try {
      const early = this.#paced(functionName)
      if (early !== undefined) return this.#throttle(requestId, counters, early)
      const log = new InvocationLog({
        requestId,
        logger: this.#logger(functionName),
        keepsTail: invocation.tailLog === true,
        lines: systemLines(loggingOf(record), () => this.#options.clock.now()),
        now: () => this.#options.clock.now(),
      })
      const call: Call = { counters, invocation, version, requestId, log }
      const execution =
        lent === undefined
          ? await this.#execute(call)
          : await execute(this.#request(call, { record, pool: lent.pool }))
      if (execution === 'gone') return this.#notFound(requestId, invocation)
      if (execution === 'throttled') return this.#throttle(requestId, counters, 'waiting')
      counters.ran(execution, this.#provisioned.kindOf(functionName, version, lent))
      this.#tell({ functionName, version, requestId, ...execution, report: log.report })
      const tail = invocation.tailLog === true ? log : undefined
      return resultOf({ ...call, execution, log: tail })
    } catch (error) {
      // A runtime that is not there, or no room for its environments.
      if (!(error instanceof AppError)) throw error
      return refusal(requestId, 'ServiceException', error.message)
    } finally {
      lent?.giveBack()
      this.#ledger.release(functionName, kind)
      if (this.#ledger.total === 0) this.#onIdle?.()
    }
  }

  /** Takes no more invocations; resolves when those in flight have ended or `graceMs` are over. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true
    this.#unwatch()
    if (this.#ledger.total > 0) await this.#drained(graceMs)
    await this.#provisioned.stop()
    await this.#dispatcher.close()
    await this.#processes.close()
    await this.#cpuShares.close()
    await this.#quota.stop()
  }

  /** The invariants of what this keeps; tests call it. */
  check(): string | undefined {
    return this.#ledger.check()
  }

  #tell({
    report,
    ...ended
  }: Omit<EndedInvocation, 'report'> & { report: Report | undefined }): void {
    if (report !== undefined) this.#options.onInvocation?.({ ...ended, report })
  }

  async #execute(call: Call): Promise<Execution | 'throttled' | 'gone'> {
    const { payload } = call.invocation
    const payloadBytes = typeof payload === 'string' ? payload.length : payload.sizeBytes
    if (!this.#ledger.enterQueue(payloadBytes)) return 'throttled'
    let isQueued = true
    const leaveQueue = (): void => {
      if (isQueued) this.#ledger.leaveQueue(payloadBytes)
      isQueued = false
    }
    try {
      // While a pool is opened its function may change or go: the record is read again after it.
      for (;;) {
        const { functionName } = call.invocation
        const record = recordOf(this.#options.registry, functionName, call.version)
        if (record === undefined) return 'gone'
        const pool = this.#hosts.host(functionName, call.version).pool(record)
        if (!(pool instanceof Promise))
          return await this.#dispatch(call, { record, pool }, leaveQueue)
        await pool
      }
    } finally {
      leaveQueue()
    }
  }

  #dispatch(call: Call, target: Target, onStart: () => void): Promise<Execution> {
    const askedMs = this.#options.clock.now()
    return new Promise((resolve, reject) => {
      this.#dispatcher.dispatch(target.pool, () => {
        onStart()
        const waitedMs = this.#options.clock.now() - askedMs
        call.counters.waitSeconds.observe(waitedMs / 1000)
        if (waitedMs > 0 && this.#dispatcher.isFull) call.roomWaitMs = waitedMs
        execute(this.#request(call, target)).then(resolve, reject)
      })
    })
  }

  #request({ invocation, requestId, log }: Call, { record, pool }: Target) {
    return {
      pool,
      requestId,
      version: versionOf(record),
      invokedFunctionArn:
        invocation.qualifier === undefined ? undefined : `${record.arn}:${invocation.qualifier}`,
      // Lambda: an invocation without a payload gets an empty object.
      payload: invocation.payload === '' ? '{}' : invocation.payload,
      clientContext: invocation.clientContext,
      timeoutMs: record.timeoutSeconds * 1000,
      memorySizeMb: record.memorySizeMb,
      clock: this.#options.clock,
      log,
    }
  }

  /** Whether AWS would not be so far yet. */
  #paced(name: string): Throttle | undefined {
    const pool = this.#ledger.poolOf(name)
    return this.#pace?.admit(name, {
      executions: this.#ledger.executions(name),
      limit: this.#ledger.limit(pool),
      isReserved: pool !== unreservedPool,
      nowMs: this.#options.clock.now(),
    })
  }

  #throttle(requestId: string, counters: FunctionCounters, why: Throttle): InvocationRefused {
    counters.throttles[why] += 1
    return throttled(requestId, why)
  }

  #logger(name: string): Logger {
    let logger = this.#loggers.get(name)
    if (logger === undefined) {
      logger = this.#options.logger.child(name)
      this.#loggers.set(name, logger)
    }
    return logger
  }

  #onFunctionChange(name: string): void {
    const record = this.#options.registry.function(name)
    this.#setLimits(name, record)
    this.#hosts.changed(name, record)
    if (record !== undefined) return
    this.#loggers.delete(name)
    this.#pace?.forget(name)
  }

  #setLimits(name: string, record: FunctionRecord | undefined): void {
    this.#ledger.reserve(name, record?.reservedConcurrency)
    this.#ledger.provision(name, record === undefined ? 0 : provisionedTotal(record))
  }

  #onVersionChange(name: string, version: string): void {
    this.#hosts.changed(name, this.#options.registry.version(name, version), version)
  }

  #drained(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(graceMs, resolve)
      this.#onIdle = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  #notFound(requestId: string, { functionName, qualifier }: Invocation): InvocationRefused {
    const { region, accountId } = this.#options
    const arn = `arn:aws:lambda:${region}:${accountId}:function:${functionName}`
    const text = `Function not found: ${arn}${qualifier === undefined ? '' : `:${qualifier}`}`
    return refusal(requestId, 'ResourceNotFoundException', text)
  }
}

interface Call {
  readonly counters: FunctionCounters
  readonly invocation: Invocation
  /** What runs: of an alias, the one that was chosen. */
  readonly version: string
  readonly requestId: string
  readonly log: InvocationLog
  roomWaitMs?: number
}

interface Target {
  readonly record: FunctionRecord | VersionRecord
  readonly pool: FunctionPool
}
