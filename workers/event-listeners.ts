// Knows who hears what is said of a running event, and holds on to nothing of one that has ended.
import type { EventListener } from './environment-pool.ts'

/**
 * A Map replaces its table as that fills, and in V8 the old one points to the new: once a table has grown old, all after it
 * outlive every small collection, with what is in them. Events held like that, with their records, were copied twice
 * and left to the next full collection. So the map has a box for each, which is emptied.
 */
export class EventListeners {
  readonly #boxes = new Map<string, { listener: EventListener | undefined }>()

  /** Returns how to forget it. */
  add(requestId: string, listener: EventListener): () => void {
    const box: { listener: EventListener | undefined } = { listener }
    this.#boxes.set(requestId, box)
    return () => {
      box.listener = undefined
      this.#boxes.delete(requestId)
    }
  }

  of(requestId: string): EventListener | undefined {
    return this.#boxes.get(requestId)?.listener
  }
}
