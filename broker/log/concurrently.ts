// Runs work for many items, a few at a time.

/** Resolves when all are done; rejects with the first failure and begins no more then. */
export async function concurrently<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let isFailed = false
  const runner = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true && !isFailed; next = iterator.next()) {
      try {
        await work(next.value)
      } catch (error) {
        isFailed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: width }, runner))
}
