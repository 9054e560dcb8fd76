// Keeps the environments of one version of a function in step with its code: one pool per revision.
import { availableParallelism } from 'node:os'
import type { Clock } from '../common/clock.ts'
import { keptIdleTimeoutMs } from '../common/concurrency-limits.ts'
import type { Logger } from '../common/logger.ts'
import { versionOf } from '../control/registry/function-version.ts'
import type { FunctionRecord, VersionRecord } from '../control/registry/registry.ts'
import { CodeSignature } from './code-signature.ts'
import { coresOf } from './cpu/cores.ts'
import type { CpuShares } from './cpu/cpu-shares.ts'
import type { Dispatcher } from './dispatcher.ts'
import { environmentOf } from './environment.ts'
import type { EnvironmentPool, EnvironmentUse } from './environment-pool.ts'
import type { FunctionCounters } from './function-counters.ts'
import { FunctionPool } from './function-pool.ts'
import { environmentLogs, type FunctionLogTargets } from './logs/function-logs.ts'
import type { ProcessRuntimes } from './process/process-runtimes.ts'
import { openThreadPool } from './thread-pool.ts'

export interface FunctionHostOptions extends FunctionLogTargets {
  /** Of the function with all its versions. */
  readonly counters: FunctionCounters
  readonly dispatcher: Dispatcher
  /** For functions that are not of a Node runtime. */
  readonly processes: ProcessRuntimes
  readonly region: string
  readonly idleTimeoutMs: number
  readonly cpuShares: CpuShares
  readonly clock: Clock
  readonly logger: Logger
}

/** New invocations use the newest revision's pool; older pools finish what they have and end. */
export class FunctionHost {
  readonly counters: FunctionCounters
  readonly #options: FunctionHostOptions
  #signature: CodeSignature | undefined
  #version = ''
  #pool: FunctionPool | undefined
  #opening: Promise<FunctionPool> | undefined

  constructor(options: FunctionHostOptions) {
    this.#options = options
    this.counters = options.counters
  }

  /** The pool for `record` as its code is now; at once when it is open already. */
  pool(record: FunctionRecord | VersionRecord): FunctionPool | Promise<FunctionPool> {
    const version = this.#versionOf(record)
    if (version !== this.#version) {
      this.retire()
      this.#version = version
      this.#opening = this.#open(record, version)
    }
    return this.#pool ?? this.#opening ?? this.#open(record, version)
  }

  /** Opens a pool for one environment that is made ahead and stays; its owner retires it. */
  async openKept(record: VersionRecord, onChange: () => void): Promise<FunctionPool> {
    const { dispatcher, clock } = this.#options
    const environments = await this.#openEnvironments(record, onChange)
    const pool = new FunctionPool(environments, clock, { isKept: true })
    dispatcher.add(pool)
    return pool
  }

  /** To be called when the record has changed: a pool of other code or configuration ends. */
  follow(record: FunctionRecord): void {
    if (this.#version !== '' && this.#versionOf(record) !== this.#version) this.retire()
  }

  /** The current pool takes no more invocations. */
  retire(): void {
    this.#pool?.retire()
    this.#pool = undefined
    this.#opening = undefined
    this.#version = ''
    this.#options.dispatcher.pump()
  }

  /** The id changes with code and configuration, and with a function of the same name anew. */
  #versionOf(record: FunctionRecord): string {
    const { directory } = record.code
    const version = `${record.contentId ?? record.revisionId} ${directory}`
    if (record.code.kind === 'zip') return version
    if (this.#signature?.directory !== directory) {
      this.#signature = new CodeSignature(directory, this.#options.clock)
    }
    return `${version}\n${this.#signature.read()}`
  }

  async #open(record: FunctionRecord | VersionRecord, version: string): Promise<FunctionPool> {
    const { dispatcher, clock } = this.#options
    this.#warnOfCores(record)
    try {
      const pool = new FunctionPool(await this.#openEnvironments(record), clock, {
        onUp: () => dispatcher.pump(),
      })
      dispatcher.add(pool)
      // A newer revision may have come while this one was opened.
      if (this.#version === version) this.#pool = pool
      else pool.retire()
      return pool
    } catch (error) {
      // What was missing may be there at the next invocation.
      if (this.#version === version) this.retire()
      throw error
    }
  }

  /** With `onKept` they are made ahead and kept, and it is called whenever one has changed. */
  #openEnvironments(
    record: FunctionRecord | VersionRecord,
    onKept?: () => void,
  ): Promise<EnvironmentPool> {
    const { dispatcher, processes, region, idleTimeoutMs, cpuShares, clock, logger } = this.#options
    const common = {
      environment: environmentOf(
        record,
        region,
        onKept === undefined ? 'on-demand' : 'provisioned-concurrency',
      ),
      idleTimeoutMs: onKept === undefined ? idleTimeoutMs : keptIdleTimeoutMs,
      onChange: () => {
        dispatcher.pump()
        onKept?.()
      },
      onUse: (use: EnvironmentUse) => this.counters.use(use),
      cpuShares,
      throttled: this.counters.throttled,
      onUnheld: (reason: string) => {
        logger.warn('an environment runs without its share of the processor', {
          function: record.name,
          reason,
        })
      },
      openLog: environmentLogs(record, this.#options),
    }
    if (!record.runtime.startsWith('nodejs')) return processes.openPool({ ...common, record })
    const nodeOptions = record.environment['NODE_OPTIONS']
    return openThreadPool({
      ...common,
      settings: {
        functionName: record.name,
        functionArn: record.arn,
        functionVersion: versionOf(record),
        runtime: record.runtime,
        handler: record.handler,
        directory: record.code.directory,
        ...(record.layers === undefined ? {} : { opt: record.layers.directory }),
        memorySizeMb: record.memorySizeMb,
        timeoutMs: record.timeoutSeconds * 1000,
        ephemeralStorageMb: record.ephemeralStorageMb,
        ...(nodeOptions === undefined ? {} : { nodeOptions }),
      },
      threadsMax: onKept === undefined ? dispatcher.environmentsMax : 1,
      clock,
    })
  }

  // What the machine does not have cannot be given: a function that counts on it is to know.
  #warnOfCores({ name, memorySizeMb }: FunctionRecord | VersionRecord): void {
    const { cpuShares, logger } = this.#options
    const machine = availableParallelism()
    const due = Number(coresOf(memorySizeMb).toFixed(2))
    if (cpuShares.way === 'off' || due <= machine) return
    logger.warn('the memory size is due more processor cores than there are', {
      function: name,
      due,
      machine,
    })
  }
}
