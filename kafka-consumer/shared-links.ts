// Keeps one connection to a broker for what all consumers of a process ask it and it answers at once.
import type { BrokerAccess } from '../common/broker-access.ts'
import type { Clock } from '../common/clock.ts'
import { BrokerLink } from './broker-link.ts'
import { SharedWait, type WaitTicket } from './shared-wait.ts'
import type { Place } from './wait-request.ts'

export interface SharedLinksOptions {
  readonly clientId: string
  readonly clock: Clock
}

/** A door to a broker: its address, and how to get in. Only who gets in the same way shares a connection. */
export interface Door {
  readonly address: string
  readonly access: BrokerAccess | undefined
}

interface Entry {
  readonly opening: Promise<BrokerLink>
  readonly users: Set<object>
}

/**
 * Nothing may be asked over these links that waits at the broker, such as a join, a commit or a fetch: it would hold up
 * everybody else. What waits for records does so by `wait`, on connections of its own.
 */
export class SharedLinks {
  readonly #options: SharedLinksOptions
  readonly #entries = new Map<string, Entry>()
  readonly #waits = new Map<string, SharedWait[]>()

  constructor(options: SharedLinksOptions) {
    this.#options = options
  }

  /** Stays open until each `user` has left. Rejects as BrokerLink. */
  async link(door: Door, user: object): Promise<BrokerLink> {
    const key = keyOf(door)
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      const opening = BrokerLink.open({ ...this.#options, ...door, gathersWrites: true })
      entry = { opening, users: new Set() }
      this.#entries.set(key, entry)
      const opened = entry
      opening.catch(() => this.#forget(key, opened))
    }
    entry.users.add(user)
    const link = await entry.opening
    if (link.isGood) return link
    if (!link.isBusy) link.close()
    this.#forget(key, entry)
    return this.link(door, user)
  }

  /** From the next turn on, one fetch that waits does so for this place as well. */
  wait(door: Door, places: readonly Place[]): WaitTicket | undefined {
    const key = keyOf(door)
    const waits = this.#waits.get(key) ?? []
    this.#waits.set(key, waits)
    for (const wait of waits) {
      const ticket = wait.enter(places)
      if (ticket !== undefined) return ticket
    }
    const wait = new SharedWait({
      open: () => BrokerLink.open({ ...this.#options, ...door }),
      ended: () => this.#ended(key, wait),
    })
    waits.push(wait)
    return wait.enter(places)
  }

  leave(user: object): void {
    for (const [key, entry] of this.#entries) {
      if (!entry.users.delete(user) || entry.users.size > 0) continue
      this.#forget(key, entry)
      void closed(entry.opening)
    }
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
  }

  #ended(key: string, ended: SharedWait): void {
    const left = (this.#waits.get(key) ?? []).filter((wait) => wait !== ended)
    if (left.length > 0) this.#waits.set(key, left)
    else this.#waits.delete(key)
  }
}

function keyOf({ address, access = {} }: Door): string {
  return `${address} ${JSON.stringify([access.tls, access.sasl])}`
}

async function closed(opening: Promise<BrokerLink>): Promise<void> {
  const [outcome] = await Promise.allSettled([opening])
  if (outcome.status === 'fulfilled') outcome.value.close()
}
