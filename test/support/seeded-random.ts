// Random numbers that a seed brings back: SEED= replays the run that a test's title names.
import { randomInt } from 'node:crypto'

/** From `SEED=`, else a new one; put it in the titles of the tests that depend on it. */
export const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31))

/** Numbers from 0 up to 1, the same for the same start (Marsaglia's xorshift of 32 bits). */
export function randomFrom(start: number): () => number {
  let state = start | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
