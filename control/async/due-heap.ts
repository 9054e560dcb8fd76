// Keeps things in the order of their time, the earliest on top.

interface Due {
  readonly dueMs: number
}

/** Invariant: nothing is earlier than what stands above it. Equals come out in any order. */
export class DueHeap<T extends Due> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = items[above]
      if (other === undefined || other.dueMs <= item.dueMs) break
      items[at] = other
      at = above
    }
    items[at] = item
  }

  pop(): T | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (items.length > 0 && last !== undefined) this.#sink(last)
    return top
  }

  #sink(item: T): void {
    const items = this.#items
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      const [left, right] = [items[below], items[below + 1]]
      if (left === undefined) break
      if (right !== undefined && right.dueMs < left.dueMs) below += 1
      const earlier = items[below]
      if (earlier === undefined || earlier.dueMs >= item.dueMs) break
      items[at] = earlier
      at = below
    }
    items[at] = item
  }
}
