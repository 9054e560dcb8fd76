// Writes a mapping's status to the registry when it changes, and not more often than is useful.
import type { Clock, Timer } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { statusIntervalMs } from '../common/limits.ts'
import { lagStatusIntervalMs } from '../common/mapping-limits.ts'
import type { Logger } from '../common/logger.ts'
import type { MappingStatus, Registry } from '../control/registry/registry.ts'

export interface StatusReporterOptions {
  readonly uuid: string
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * A change of state or revision is written at once, since the API waits for it; a change of the last
 * result, or of why it lags, at most once an interval, and the numbers of a lag seldom. One write is under way at a time, and the last word wins.
 */
export class StatusReporter {
  readonly #options: StatusReporterOptions
  #wanted: MappingStatus | undefined
  #writing = false
  #notBeforeMs = 0
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: StatusReporterOptions) {
    this.#options = options
  }

  /** What the registry has, of this life or an earlier one. */
  get stored(): MappingStatus | undefined {
    return this.#options.registry.status(this.#options.uuid)
  }

  report(status: Omit<MappingStatus, 'uuid'>): void {
    if (this.#isClosed) return
    this.#wanted = { uuid: this.#options.uuid, ...status }
    this.#flush()
  }

  /** Writes nothing from now on. */
  close(): void {
    this.#isClosed = true
    this.#wanted = undefined
    this.#timer?.cancel()
  }

  #flush(): void {
    this.#timer?.cancel()
    const { wanted, stored } = { wanted: this.#wanted, stored: this.stored }
    if (this.#writing || wanted === undefined || isSame(wanted, stored)) return
    const { clock } = this.#options
    const isUrgent = wanted.state !== stored?.state || wanted.revision !== stored.revision
    const delayMs = this.#notBeforeMs - clock.now()
    if (!isUrgent && delayMs > 0) {
      this.#timer = clock.after(delayMs, () => this.#flush())
      return
    }
    void this.#write(wanted)
  }

  async #write(status: MappingStatus): Promise<void> {
    const { registry, clock, logger } = this.#options
    this.#writing = true
    try {
      await registry.putStatus(status)
      this.#writing = false
      this.#notBeforeMs = clock.now() + statusIntervalMs
      this.#flush()
    } catch (error) {
      this.#writing = false
      if (!(error instanceof AppError)) throw error
      logger.warn('status not written, trying again', { reason: error.message })
      this.#timer = clock.after(statusIntervalMs, () => this.#flush())
    }
  }
}

function isSame(one: MappingStatus, other: MappingStatus | undefined): boolean {
  return (
    one.revision === other?.revision &&
    one.state === other.state &&
    one.lastProcessingResult === other.lastProcessingResult &&
    one.stateTransitionReason === other.stateTransitionReason &&
    isLagSame(one.lag, other.lag)
  )
}

/**
 * Numbers alone that have changed can wait, but for the last ones: of a mapping that has caught up nobody reports again.
 * Nothing is written of one that is never behind.
 */
function isLagSame(one: MappingStatus['lag'], other: MappingStatus['lag']): boolean {
  if (one === undefined || one === other) return true
  if (one.cause !== (other?.cause ?? 'none')) return false
  if (other === undefined) return true
  if (one.records === 0) return other.records === 0
  return one.atMs - other.atMs < lagStatusIntervalMs
}
