// Judges what tumbling windows had when they ended: every record in one window, and a window always the same ones.

/** What a final invocation was given as its state: key and number of each record by its sequence number. */
export interface WindowLine {
  readonly shard: string
  readonly window: string
  readonly records: Readonly<Record<string, string>>
}

export interface WindowVerdict {
  /** Acknowledged records that were in no window that has ended. */
  readonly missing: number
  readonly violations: readonly string[]
}

/** A window may end again where its end was not written down; `acknowledged` is as of keyedViolations. */
export function windowViolations(
  lines: readonly WindowLine[],
  acknowledged: ReadonlyMap<string, number>,
): WindowVerdict {
  const violations: string[] = []
  const windowOf = new Map<string, string>()
  const sizes = new Map<string, number>()
  const counted = new Set<string>()
  for (const { shard, window, records } of lines) {
    const name = `${shard} ${window}`
    const numbers = Object.keys(records)
    const before = sizes.get(name) ?? numbers.length
    if (before !== numbers.length) {
      violations.push(`${name} ended with ${before} records and again with ${numbers.length}`)
    }
    sizes.set(name, numbers.length)
    for (const number of numbers) {
      const other = windowOf.get(number) ?? name
      if (other !== name) violations.push(`record ${number} is in ${other} and in ${name}`)
      windowOf.set(number, name)
      counted.add(records[number] ?? '')
    }
  }
  let missing = 0
  for (const [key, count] of acknowledged) {
    for (let number = 0; number < count; number++) if (!counted.has(`${key}:${number}`)) missing++
  }
  return { missing, violations }
}
