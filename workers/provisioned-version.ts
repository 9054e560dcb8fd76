// The environments that one version keeps ready: made ahead, made again when they die, lent to invocations.
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../common/clock.ts'
import { provisionedInitMaxMs, provisionedRetryMaxMs } from '../common/concurrency-limits.ts'
import type { Logger } from '../common/logger.ts'
import { loggingOf } from '../control/registry/function-logging.ts'
import type { VersionRecord } from '../control/registry/registry.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { FunctionPool } from './function-pool.ts'
import { InvocationLog } from './invocation-log.ts'
import { systemLines } from './logs/system-lines.ts'

/** AWS's word for an initialisation that fails. */
export const initFailure = 'FUNCTION_ERROR_INIT_FAILURE'

export interface ProvisionedVersionOptions {
  readonly record: VersionRecord
  /** Opens a pool for one environment, which calls `onChange` whenever it has changed. */
  readonly openPool: (onChange: () => void) => Promise<FunctionPool>
  readonly dispatcher: Dispatcher
  /** Called whenever `ready` or `failure` may have changed. */
  readonly onChange: () => void
  readonly clock: Clock
  readonly logger: Logger
}

/** An environment of its own for one invocation at a time. */
export interface Lent {
  readonly pool: FunctionPool
  /** To be called when the invocation has ended. */
  giveBack(): void
}

interface Slot {
  pool: FunctionPool | undefined
  state: 'starting' | 'ready' | 'lent' | 'waiting' | 'ended'
  failures: number
  timer: Timer | undefined
}

/**
 * A slot has a pool of one environment each, so that what is made ahead is known one by one.
 *
 *   starting ──▶ ready ⇄ lent       any ──(died)──▶ starting
 *      └─(init failed)─▶ waiting ─▶ starting
 *
 * Invariant: a slot is `ready` only while its environment is initialised and idle.
 */
export class ProvisionedVersion {
  readonly #options: ProvisionedVersionOptions
  readonly #slots: Slot[] = []
  #failure: string | undefined

  constructor(options: ProvisionedVersionOptions) {
    this.#options = options
  }

  get slots(): number {
    return this.#slots.length
  }

  /** Initialised, whether an invocation has them or not. */
  get ready(): number {
    return this.#slots.filter(({ state }) => state === 'ready' || state === 'lent').length
  }

  /** Why some are not. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Keeps as many as that; those too many end when they have nothing to do. */
  keep(count: number): void {
    while (this.#slots.length < count) {
      const slot: Slot = { pool: undefined, state: 'starting', failures: 0, timer: undefined }
      this.#slots.push(slot)
      void this.#start(slot)
    }
    // Rather those that are not ready yet.
    const surplus = this.#slots.length - count
    const order = this.#slots.toSorted((a, b) => Number(isReady(a)) - Number(isReady(b)))
    for (const slot of order.slice(0, Math.max(0, surplus))) this.#end(slot)
    if (count === 0) this.#failure = undefined
  }

  /** One that is ready; undefined where none is. */
  lend(): Lent | undefined {
    const slot = this.#slots.find(({ state }) => state === 'ready')
    const pool = slot?.pool
    if (slot === undefined || pool === undefined || pool.idle === 0) return undefined
    slot.state = 'lent'
    return {
      pool,
      giveBack: () => {
        if (slot.state !== 'lent') return
        slot.state = 'ready'
        this.#look(slot)
      },
    }
  }

  async #start(slot: Slot): Promise<void> {
    slot.state = 'starting'
    try {
      slot.pool ??= await this.#options.openPool(() => this.#look(slot))
    } catch (error) {
      return this.#failed(slot, error instanceof Error ? error.message : String(error))
    }
    const { pool } = slot
    if (hasEnded(slot)) return this.#retire(pool)
    this.#options.dispatcher.dispatch(pool, () => void this.#initialise(slot, pool))
  }

  async #initialise(slot: Slot, pool: FunctionPool): Promise<void> {
    const { clock, record, logger } = this.#options
    const requestId = randomUUID()
    const log = new InvocationLog({
      requestId,
      logger: logger.child(record.name),
      keepsTail: false,
      lines: systemLines(loggingOf(record), () => clock.now()),
      now: () => clock.now(),
    })
    const running = pool.run(
      { requestId, payload: '{}', announce: true, initOnly: true },
      {
        onMessage: (said) => {
          if (said.type === 'log') log.write(said.text, said.isRaw)
        },
        // What fails is made again by its turn.
        repeats: () => false,
      },
    )
    log.follow(() => running.log())
    const timer = clock.after(Math.max(provisionedInitMaxMs, record.timeoutSeconds * 1000), () =>
      running.stop(),
    )
    const outcome = await running.outcome
    timer.cancel()
    running.forget()
    if (hasEnded(slot)) return
    if (outcome.kind !== 'result' || outcome.result.outcome === 'failed') {
      return this.#failed(slot, initFailure)
    }
    slot.state = 'ready'
    slot.failures = 0
    this.#failure = undefined
    this.#options.onChange()
    this.#look(slot)
  }

  /** Tries again, later each time: a module that throws would take a processor for itself. */
  #failed(slot: Slot, failure: string): void {
    if (hasEnded(slot)) return
    const { clock, onChange } = this.#options
    slot.state = 'waiting'
    slot.failures += 1
    this.#failure = failure
    const delayMs = Math.min(1000 * 2 ** (slot.failures - 1), provisionedRetryMaxMs)
    slot.timer = clock.after(delayMs, () => void this.#start(slot))
    onChange()
  }

  /** Whether the environment is still there: it may have died in an invocation, or by itself. */
  #look(slot: Slot): void {
    if (slot.state !== 'ready' || slot.pool === undefined || slot.pool.idle > 0) return
    void this.#start(slot)
    this.#options.onChange()
  }

  #end(slot: Slot): void {
    slot.timer?.cancel()
    slot.state = 'ended'
    this.#slots.splice(this.#slots.indexOf(slot), 1)
    if (slot.pool !== undefined) this.#retire(slot.pool)
  }

  #retire(pool: FunctionPool): void {
    pool.retire()
    this.#options.dispatcher.pump()
  }
}

function isReady({ state }: Slot): boolean {
  return state === 'ready' || state === 'lent'
}

// In a function of its own: the compiler does not know that a slot ends while another step waits.
function hasEnded({ state }: Slot): boolean {
  return state === 'ended'
}
