// Follows what copies of the workers say of themselves, and takes those for dead that fall silent.
import type { Clock } from '../../common/clock.ts'
import { workersSilenceMs } from '../../common/concurrency-limits.ts'
import type { Registry, WorkersStatus } from './registry.ts'

/** By this process's own clock: when each copy was heard last, whatever its machine's clock says. */
export class LiveCopies {
  readonly #registry: Registry
  readonly #clock: Clock
  readonly #heardMs = new Map<string, number>()
  readonly #unwatch: () => void

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry
    this.#clock = clock
    for (const { copy } of registry.workers()) this.#heardMs.set(copy, clock.now())
    this.#unwatch = registry.watch((change) => {
      if (change.kind !== 'workers') return
      if (registry.workers().some(({ copy }) => copy === change.copy)) {
        this.#heardMs.set(change.copy, clock.now())
      } else this.#heardMs.delete(change.copy)
    })
  }

  /** In the order of their names, the same for everyone. */
  alive(): readonly WorkersStatus[] {
    const sinceMs = this.#clock.now() - workersSilenceMs
    return this.#registry
      .workers()
      .filter(({ copy }) => (this.#heardMs.get(copy) ?? 0) >= sinceMs)
      .toSorted((a, b) => (a.copy < b.copy ? -1 : 1))
  }

  close(): void {
    this.#unwatch()
  }
}
