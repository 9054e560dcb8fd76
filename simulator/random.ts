// Makes random numbers that a seed brings back, and the distributions that a simulation draws from.

/** In [0, 1). */
export type Random = () => number

/** Mulberry32; `stream` keeps what different parts draw apart, so that one more draw here changes nothing there. */
export function randomFrom(seed: number, stream: string): Random {
  let state = seed | 0
  for (const letter of stream) state = Math.imul(state ^ letter.charCodeAt(0), 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Of mean 0 and standard deviation 1 (Box and Muller). */
export function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** How many trials it takes to the first success, each with `chance`; from 1. */
export function geometric(random: Random, chance: number): number {
  if (chance >= 1) return 1
  return 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - chance))
}

/** A wait until something that happens `perHour` times an hour, in milliseconds; Infinity where it never does. */
export function exponentialMs(random: Random, perHour: number): number {
  return perHour <= 0 ? Infinity : (-Math.log(1 - random()) * 3_600_000) / perHour
}
