// Waits for something that another process brings about, and says what was missing when it is not.

/**
 * Calls `probe` until it returns something other than undefined, at most `withinMs`; then rejects
 * with the sentence that `describe` gives.
 */
export async function eventually<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  describe: () => string,
  withinMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const found = await probe()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${describe()}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
