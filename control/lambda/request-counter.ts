// Counts answered requests by operation and HTTP status.

export interface RequestCount {
  readonly operation: string
  readonly status: number
  readonly count: number
}

/** Operations and statuses are few and ours, so the table cannot grow without end. */
export class RequestCounter {
  readonly #counts = new Map<string, RequestCount>()

  add(operation: string, status: number): void {
    const key = `${operation} ${status}`
    const count = (this.#counts.get(key)?.count ?? 0) + 1
    this.#counts.set(key, { operation, status, count })
  }

  read(): readonly RequestCount[] {
    return [...this.#counts.values()]
  }
}
