// Judges what a stream's shards hold against what its producers were answered.

export interface Put {
  readonly key: string
  /** Counts the records of its key, in the order in which they were sent. */
  readonly sequence: number
  /** What the answer said; undefined where there was none. */
  place?: { readonly shard: string; readonly number: string }
}

/** A record as it was read: shards one after the other, parents before their children. */
export interface Found {
  readonly shard: string
  readonly number: string
  readonly key: string
  /** `key:sequence` */
  readonly text: string
}

/**
 * In words: an acknowledged record that is not where the answer said, one that nobody sent, one that is there twice, numbers of a
 * shard that do not grow, and records of a key out of the order in which they were sent.
 */
export function streamViolations(puts: readonly Put[], found: readonly Found[]): readonly string[] {
  const violations: string[] = []
  const sent = new Map(puts.map((put) => [`${put.key}:${put.sequence}`, put]))
  const seen = new Map<string, Found>()
  const lastNumber = new Map<string, bigint>()
  const lastSequence = new Map<string, number>()
  for (const record of found) {
    const { shard, number, key, text } = record
    const put = sent.get(text)
    if (put === undefined || put.key !== key) violations.push(`${text} of ${key} was never sent`)
    if (seen.has(text)) violations.push(`${text} is there twice`)
    seen.set(text, record)
    const value = BigInt(number)
    if (value <= (lastNumber.get(shard) ?? -1n)) violations.push(`${text}: ${number} does not grow`)
    lastNumber.set(shard, value)
    const sequence = put?.sequence ?? 0
    if (sequence <= (lastSequence.get(key) ?? -1)) violations.push(`${text} is out of order`)
    lastSequence.set(key, sequence)
  }
  for (const [text, { place }] of sent) {
    if (place === undefined) continue
    const record = seen.get(text)
    if (record === undefined) violations.push(`${text} was acknowledged and is missing`)
    else if (record.shard !== place.shard || record.number !== place.number) {
      violations.push(`${text} was acknowledged as ${place.number} and is ${record.number}`)
    }
  }
  return violations
}
