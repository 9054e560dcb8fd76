// Waits by one fetch at a broker for records at the places of many readers; what comes they read themselves.
import { sharedWaitPartitionsMax } from '../common/consumer-limits.ts'
import { AppError } from '../common/errors.ts'
import type { BrokerLink } from './broker-link.ts'
import { askWait, placeKey, type Place } from './wait-request.ts'

export interface SharedWaitOptions {
  readonly open: () => Promise<BrokerLink>
  /** It waits for nobody any more, and takes nobody. */
  readonly ended: () => void
}

/** A reader's part in a wait. Until `isIn` it has to look for records itself. */
export interface WaitTicket {
  readonly isIn: boolean
  readonly isOver: boolean
  /** Resolves when the reader has to look again. */
  readonly over: Promise<void>
  leave(): void
}

class Ticket implements WaitTicket {
  readonly places: readonly Place[]
  readonly #over = Promise.withResolvers<void>()
  isIn = false
  isOver = false

  readonly #left: () => void

  constructor(places: readonly Place[], left: () => void) {
    this.places = places
    this.#left = left
  }

  get over(): Promise<void> {
    return this.#over.promise
  }

  leave(): void {
    if (this.isOver) return
    this.isOver = true
    this.#over.resolve()
    this.#left()
  }
}

/**
 * A fetch that is under way takes nobody in: who comes meanwhile is in with the next one, at the latest when this one has
 * waited its time. Whatever goes wrong sends all readers back to their own fetches, which find out what it is.
 *
 * Invariant: of each partition there is one place, at which all its readers stand.
 */
export class SharedWait {
  readonly #options: SharedWaitOptions
  readonly #places = new Map<string, { place: Place; readers: number }>()
  #tickets: Ticket[] = []
  /** Those that are not over. */
  #waiting = 0
  #link: BrokerLink | undefined
  #hasEnded = false

  constructor(options: SharedWaitOptions) {
    this.#options = options
  }

  /** Undefined where there is no room, or others of a partition stand elsewhere. */
  enter(places: readonly Place[]): WaitTicket | undefined {
    if (this.#hasEnded || !this.#hasRoomFor(places)) return undefined
    const ticket = new Ticket(places, () => {
      this.#waiting -= 1
      // Nobody is to be kept, such as a process that ends, by a wait for nobody.
      if (this.#waiting === 0) this.#link?.close()
    })
    this.#waiting += 1
    for (const place of places) {
      const held = this.#places.get(placeKey(place)) ?? { place, readers: 0 }
      held.readers += 1
      this.#places.set(placeKey(place), held)
    }
    this.#tickets.push(ticket)
    if (this.#tickets.length === 1) void this.#run()
    return ticket
  }

  #hasRoomFor(places: readonly Place[]): boolean {
    let more = 0
    for (const place of places) {
      const held = this.#places.get(placeKey(place))?.place
      if (held === undefined) more += 1
      else if (held.offset !== place.offset || held.leaderEpoch !== place.leaderEpoch) return false
    }
    return this.#places.size + more <= sharedWaitPartitionsMax
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        this.#dropOver()
        if (this.#tickets.length === 0) break
        const link = this.#link?.isGood === true ? this.#link : await this.#openAnew()
        for (const ticket of this.#tickets) ticket.isIn = true
        if (this.#waiting === 0) break
        const asked = [...this.#places.values()].map(({ place }) => place)
        const found = new Set([...(await askWait(link, asked))].map(placeKey))
        for (const ticket of this.#tickets) {
          if (ticket.isIn && ticket.places.some((place) => found.has(placeKey(place))))
            ticket.leave()
        }
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
    } finally {
      this.#hasEnded = true
      for (const ticket of this.#tickets) ticket.leave()
      this.#link?.close()
      this.#options.ended()
    }
  }

  async #openAnew(): Promise<BrokerLink> {
    this.#link?.close()
    this.#link = await this.#options.open()
    // Those who left meanwhile are not asked for.
    this.#dropOver()
    return this.#link
  }

  #dropOver(): void {
    for (const { places } of this.#tickets.filter(({ isOver }) => isOver)) {
      for (const key of places.map(placeKey)) {
        const held = this.#places.get(key)
        if (held === undefined) continue
        held.readers -= 1
        if (held.readers === 0) this.#places.delete(key)
      }
    }
    this.#tickets = this.#tickets.filter(({ isOver }) => !isOver)
  }
}
