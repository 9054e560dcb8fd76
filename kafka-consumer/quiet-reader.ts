// Lets a reader to whom nothing comes wait together with others, and gives up its own connection meanwhile.
import type { Cluster } from './cluster.ts'
import type { WaitTicket } from './shared-wait.ts'
import type { Place } from './wait-request.ts'

/** Of one reader at one broker. */
export class QuietReader {
  readonly #cluster: Cluster
  readonly #nodeId: number
  #ticket: WaitTicket | undefined

  constructor(cluster: Cluster, nodeId: number) {
    this.#cluster = cluster
    this.#nodeId = nodeId
  }

  /** Nothing was there: what to wait for now in place of a fetch; undefined for the next fetch. */
  foundNothing(places: readonly Place[]): Promise<void> | undefined {
    if (this.#ticket === undefined || this.#ticket.isOver) {
      this.#ticket = this.#cluster.wait(this.#nodeId, places)
    } else if (this.#ticket.isIn) {
      this.#cluster.restFetches(this.#nodeId)
      return this.#ticket.over
    }
    return undefined
  }

  /** There was something, or it reads nothing any more. */
  leave(): void {
    this.#ticket?.leave()
    this.#ticket = undefined
  }
}
