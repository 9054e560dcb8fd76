// Runs work for many items, a few at a time, and waits for all of it whatever fails.

/**
 * Resolves when all are done. After a failure no more are begun; it rejects with the first once those that were are
 * over, so that nothing of them goes on beside what the caller does next.
 */
export async function concurrently<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const failures: unknown[] = []
  const runner = async (): Promise<void> => {
    while (failures.length === 0) {
      const next = iterator.next()
      if (next.done === true) return
      try {
        await work(next.value)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: width }, runner))
  if (failures.length > 0) throw failures[0]
}

/** Resolves when all that was begun is over; rejects then with the first failure. */
export async function allOver(begun: Iterable<Promise<void>>): Promise<void> {
  for (const outcome of await Promise.allSettled(begun)) {
    if (outcome.status === 'rejected') throw outcome.reason
  }
}
