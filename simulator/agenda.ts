// Keeps what is going to happen in a simulation, in the order of its time.

/** What is due at the same time happens in the order in which it was put down. */
export class Agenda {
  /** A heap of the times at which there is something; far fewer than things. */
  readonly #times: number[] = []
  readonly #acts = new Map<number, (() => void)[]>()

  get nextMs(): number {
    return this.#times[0] ?? Infinity
  }

  at(atMs: number, act: () => void): void {
    const acts = this.#acts.get(atMs)
    if (acts !== undefined) {
      acts.push(act)
      return
    }
    this.#acts.set(atMs, [act])
    this.#rise(atMs)
  }

  /** Lets everything happen that is due by then, and what that brings about by then. */
  run(untilMs: number): void {
    for (let atMs = this.nextMs; atMs <= untilMs; atMs = this.nextMs) {
      // An act may put down another one for the same moment: it is run as well.
      for (const act of this.#acts.get(atMs) ?? []) act()
      this.#acts.delete(atMs)
      this.#removeFirst()
    }
  }

  #rise(time: number): void {
    const heap = this.#times
    let index = heap.length
    heap.push(time)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent] ?? -Infinity
      if (above <= time) break
      heap[index] = above
      index = parent
    }
    heap[index] = time
  }

  #removeFirst(): void {
    const heap = this.#times
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if ((heap[child + 1] ?? Infinity) < (heap[child] ?? Infinity)) child += 1
      const below = heap[child] ?? Infinity
      if (below >= last) break
      heap[index] = below
      index = child
    }
    heap[index] = last
  }
}
