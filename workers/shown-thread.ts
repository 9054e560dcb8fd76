// Keeps piscina from making anew, for each event, what it shows of each of its threads.

/**
 * `shown` is what piscina tells of a thread that it has made. It looks at all threads before each event, each time by
 * an object with six getters that it makes for it: with five threads these were a sixth of all that the main thread
 * allocated. The first one says the same as any later one, as its getters ask the thread itself. False where
 * piscina is built otherwise, and goes on as it does.
 */
export function keepShown(shown: object): boolean {
  for (const symbol of Object.getOwnPropertySymbols(shown)) {
    const thread = (shown as Record<symbol, unknown>)[symbol]
    if (typeof thread !== 'object' || thread === null || !('interface' in thread)) continue
    Object.defineProperty(thread, 'interface', { value: shown })
    return true
  }
  return false
}
