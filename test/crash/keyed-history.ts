// Judges what a function was given of numbered records: nothing lost, and each key in its order.

export interface GivenRecord {
  readonly key?: string
  /** The number of the record among those of its key. */
  readonly value: string
}

export interface KeyedVerdict {
  /** Acknowledged records that the function was not given. */
  readonly missing: number
  readonly violations: readonly string[]
}

/**
 * `given` in the order in which it was; `acknowledged` is how many records of each key were, from 0 on. Being given a
 * record again is no violation: delivery is at least once. Being given one before the one before it is.
 */
export function keyedViolations(
  given: readonly GivenRecord[],
  acknowledged: ReadonlyMap<string, number>,
): KeyedVerdict {
  const seen = new Map<string, number>()
  const violations: string[] = []
  for (const [line, { key = '', value }] of given.entries()) {
    const number = Number(value)
    const expected = seen.get(key) ?? 0
    if (number > expected) {
      violations.push(`line ${line}: ${key} ${number} came before ${key} ${expected}`)
    }
    if (number >= expected) seen.set(key, number + 1)
  }
  let missing = 0
  for (const [key, count] of acknowledged) missing += Math.max(0, count - (seen.get(key) ?? 0))
  return { missing, violations }
}
