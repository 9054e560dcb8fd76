// How long a rebalance waits for its members to join.

/**
 * A group that has members gives them until the longest of their rebalance timeouts. A group that was
 * empty may gather first (Kafka's group.initial.rebalance.delay.ms): it waits a delay in any case, and
 * another one while members keep arriving, up to the rebalance timeout.
 */
export class JoinPhase {
  #deadlineMs = Infinity
  #gatherUntilMs: number | undefined
  #arrived = false

  /** Infinity while no rebalance is under way. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  get isGathering(): boolean {
    return this.#gatherUntilMs !== undefined
  }

  /** `gatherMs` above 0 makes the phase a gathering one. */
  start(now: number, timeoutMs: number, gatherMs: number): void {
    this.#gatherUntilMs = gatherMs > 0 ? now + timeoutMs : undefined
    this.#deadlineMs = now + (gatherMs > 0 ? gatherMs : timeoutMs)
    this.#arrived = false
  }

  memberArrived(): void {
    this.#arrived = true
  }

  /** At the deadline: whether the phase goes on because more members came while it gathered. */
  extend(now: number, gatherMs: number): boolean {
    const untilMs = this.#gatherUntilMs
    if (untilMs === undefined || !this.#arrived || now >= untilMs) return false
    this.#arrived = false
    this.#deadlineMs = Math.min(now + gatherMs, untilMs)
    return true
  }

  end(): void {
    this.#deadlineMs = Infinity
    this.#gatherUntilMs = undefined
  }
}
