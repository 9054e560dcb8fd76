// Who runs which mapping: the interface, and the poller that is alone and runs them all.

/** What has to begin and to end with a lease. */
export interface LeaseHolder {
  /** The mapping is this copy's to run. */
  gained(uuid: string): void
  /**
   * It is not any more: given back, or found to be another's (`taken`). Resolves when nothing of it
   * runs here; until then a lease that is given back is still held.
   */
  lost(uuid: string, how: 'given back' | 'taken'): Promise<void>
}

/** Shares mappings out among pollers: at any moment, one that all can see holds a mapping's lease. */
export interface Leases {
  /** How many mappings this copy holds. */
  readonly held: number
  /** Call once. From now on the holder is told. */
  start(holder: LeaseHolder): void
  /** The mapping exists: somebody has to run it. */
  add(uuid: string): void
  /** It does not exist any more. */
  remove(uuid: string): void
  /** Gives everything back; resolves when nothing runs here. */
  stop(): Promise<void>
}

export class LocalLeases implements Leases {
  readonly #held = new Set<string>()
  #holder: LeaseHolder | undefined

  get held(): number {
    return this.#held.size
  }

  start(holder: LeaseHolder): void {
    this.#holder = holder
  }

  add(uuid: string): void {
    if (this.#held.has(uuid)) return
    this.#held.add(uuid)
    this.#holder?.gained(uuid)
  }

  remove(uuid: string): void {
    if (this.#held.delete(uuid)) void this.#holder?.lost(uuid, 'given back')
  }

  async stop(): Promise<void> {
    const held = [...this.#held]
    this.#held.clear()
    await Promise.all(held.map(async (uuid) => this.#holder?.lost(uuid, 'given back')))
  }
}
