// Keeps what is provisioned ready in this copy of the workers, and says in the registry how far it is.
import type { Clock, Timer } from '../common/clock.ts'
import { reasonOf } from '../common/errors.ts'
import { workersBeatMs } from '../common/concurrency-limits.ts'
import type { Logger } from '../common/logger.ts'
import { LiveCopies } from '../control/registry/live-copies.ts'
import { provisionedByVersion } from '../control/registry/provisioned.ts'
import type { ProvisionedStatus, Registry, VersionRecord } from '../control/registry/registry.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { FunctionPool } from './function-pool.ts'
import type { InvocationKind } from './function-counters.ts'
import { evenShare } from './pool-share.ts'
import { ProvisionedVersion, type Lent } from './provisioned-version.ts'

export interface ProvisionedFleetOptions {
  readonly registry: Registry
  /** This copy's name among all. */
  readonly copy: string
  readonly dispatcher: Dispatcher
  readonly openPool: (record: VersionRecord, onChange: () => void) => Promise<FunctionPool>
  readonly clock: Clock
  readonly logger: Logger
}

/** What a version's environments are for: another content under the same number begins anew. */
interface Kept {
  readonly contentId: string
  readonly functionName: string
  readonly version: string
  readonly host: ProvisionedVersion
  wanted: number
}

/**
 * Copies share each version's environments evenly, by the order of their names among those that are heard
 * of. A copy has an entry in the registry while anything is provisioned, and renews it.
 */
export class ProvisionedFleet {
  readonly #options: ProvisionedFleetOptions
  readonly #copies: LiveCopies
  readonly #kept = new Map<string, Kept>()
  readonly #unwatch: () => void
  #beat = 0
  #beatTimer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #isDirty = false
  #isSaid = false
  #isStopping = false

  constructor(options: ProvisionedFleetOptions) {
    this.#options = options
    const { registry, clock, copy } = options
    this.#copies = new LiveCopies(registry, clock)
    this.#unwatch = registry.watch((change) => {
      const isOther = change.kind === 'workers' && change.copy !== copy
      if (change.kind === 'function' || change.kind === 'version' || isOther) this.#plan()
    })
    this.#isSaid = registry.workers().some((status) => status.copy === copy)
    this.#plan()
    // What this copy said in a former life counts no more.
    if (this.#isSaid) this.#say()
  }

  lend(functionName: string, version: string): Lent | undefined {
    return this.#kept.get(keyOf(functionName, version))?.host.lend()
  }

  /** Where an invocation of this version ran: `spillover`, since none of those kept ready was free. */
  kindOf(functionName: string, version: string, lent: Lent | undefined): InvocationKind {
    if (lent !== undefined) return 'provisioned'
    return this.#kept.has(keyOf(functionName, version)) ? 'spillover' : 'pooled'
  }

  /** Of all versions; undefined where none has any to be ready. */
  ready(functionName: string): number | undefined {
    const own = [...this.#kept.values()].filter((kept) => kept.functionName === functionName)
    if (own.length === 0) return undefined
    return own.reduce((sum, { host }) => sum + host.ready, 0)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#unwatch()
    this.#copies.close()
    this.#beatTimer?.cancel()
    for (const { host } of this.#kept.values()) host.keep(0)
    await this.#writing
    if (this.#isSaid)
      await this.#write(() => this.#options.registry.removeWorkers(this.#options.copy))
  }

  #plan(): void {
    if (this.#isStopping) return
    const { registry, copy } = this.#options
    const others = this.#copies.alive().map((status) => status.copy)
    const copies = [...new Set([...others, copy])].toSorted()
    const seen = new Set<string>()
    let room = Math.max(1, this.#options.dispatcher.environmentsMax - 1)
    for (const latest of registry.functions()) {
      for (const [version, count] of provisionedByVersion(latest)) {
        const record = registry.version(latest.name, version)
        if (record === undefined) continue
        const wanted = evenShare(count, copies.length, copies.indexOf(copy))
        const keeping = Math.min(wanted, room)
        room -= keeping
        seen.add(keyOf(latest.name, version))
        this.#keep(record, wanted, keeping)
      }
    }
    for (const [key, { host }] of this.#kept) {
      if (seen.has(key)) continue
      host.keep(0)
      this.#kept.delete(key)
    }
    if (this.#kept.size > 0 || this.#isSaid) this.#say()
  }

  #keep(record: VersionRecord, wanted: number, keeping: number): void {
    const key = keyOf(record.name, record.version)
    let kept = this.#kept.get(key)
    if (kept !== undefined && kept.contentId !== record.revisionId) {
      kept.host.keep(0)
      kept = undefined
    }
    kept ??= {
      contentId: record.revisionId,
      functionName: record.name,
      version: record.version,
      host: new ProvisionedVersion({
        ...this.#options,
        record,
        openPool: (onChange) => this.#options.openPool(record, onChange),
        onChange: () => this.#say(),
      }),
      wanted,
    }
    kept.wanted = wanted
    this.#kept.set(key, kept)
    kept.host.keep(keeping)
  }

  /** Soon: what changes while a word is written is in the next one. */
  #say(): void {
    if (this.#isStopping || this.#isDirty) return
    this.#isDirty = true
    this.#writing = this.#writing.then(async () => {
      this.#isDirty = false
      if (this.#isStopping) return
      this.#beatTimer?.cancel()
      const { registry, copy, clock } = this.#options
      const provisioned = [...this.#kept.values()].map(statusOf)
      if (provisioned.length === 0) {
        this.#isSaid = false
        return this.#write(() => registry.removeWorkers(copy))
      }
      this.#isSaid = true
      this.#beat = Math.max(this.#beat + 1, clock.now())
      this.#beatTimer = clock.after(workersBeatMs, () => {
        // Another copy may have fallen silent.
        this.#plan()
      })
      await this.#write(() => registry.putWorkers({ copy, beat: this.#beat, provisioned }))
    })
  }

  async #write(write: () => Promise<void>): Promise<void> {
    try {
      await write()
    } catch (error) {
      // Said again at the next beat; what is ready stays ready.
      this.#options.logger.warn('provisioned concurrency not reported', { reason: reasonOf(error) })
    }
  }
}

function keyOf(functionName: string, version: string): string {
  return `${functionName}@${version}`
}

function statusOf({ functionName, version, host, wanted }: Kept): ProvisionedStatus {
  const lacking = wanted - host.slots
  const failure =
    host.failure ??
    (lacking > 0 ? `the workers have no room for ${lacking} environments of these` : undefined)
  return {
    functionName,
    version,
    wanted,
    ready: Math.min(host.ready, wanted),
    ...(failure === undefined ? {} : { failure }),
  }
}
