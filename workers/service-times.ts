// Knows how long the events of one pool take in their environments, and which of those that run take longer.

/** An event that runs. */
export interface BegunEvent {
  readonly atMs: number
}

/**
 * Of the usual time the latest event is so much, and counts for at most `latestMaxTimes` of it and a bit: on a machine that is
 * busy some events take a hundred times what most take, and more environments would only make it busier. A lasting
 * change shows within some thirty events.
 */
const latestShare = 1 / 4
const latestMaxTimes = 2
const latestMaxMs = 0.5

export class ServiceTimes {
  /** In the order in which they began. */
  readonly #running = new Set<BegunEvent>()
  #usualMs: number | undefined

  /** What an event took lately, its environment's start apart; undefined before the first has ended. */
  get usualMs(): number | undefined {
    return this.#usualMs
  }

  /** `end` must follow. */
  begin(nowMs: number): BegunEvent {
    const begun = { atMs: nowMs }
    this.#running.add(begun)
    return begun
  }

  end(begun: BegunEvent, durationMs: number): void {
    this.#running.delete(begun)
    this.#usualMs ??= durationMs
    const latestMs = Math.min(durationMs, this.#usualMs * latestMaxTimes + latestMaxMs)
    this.#usualMs += (latestMs - this.#usualMs) * latestShare
  }

  /** How many of those that run began before then. */
  begunBefore(timeMs: number): number {
    let count = 0
    for (const { atMs } of this.#running) {
      if (atMs >= timeMs) break
      count += 1
    }
    return count
  }
}
