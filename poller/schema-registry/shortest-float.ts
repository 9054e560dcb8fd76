// Says which number a float of 32 bits stands for: 0.1, not what it is as a double.

/** The shortest decimal that is the same float; what is no number stays what it is. */
export function shortestFloat(value: number): number {
  if (!Number.isFinite(value)) return value
  // Six digits always survive a float, and nine always tell it.
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}
