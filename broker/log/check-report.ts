// What a check of a data directory finds, and what it has looked at.

/**
 * `damage`: something of what was acknowledged is gone, or a start or a read would fail over it. `note`: what a
 * crash leaves and a start puts right.
 */
export interface Finding {
  readonly kind: 'damage' | 'note'
  readonly file: string
  /** A byte in the file, where it is one that matters. */
  readonly position?: number
  readonly problem: string
  /** What a start of the broker would do with it, in words. */
  readonly start: string
}

/** What a start does with damage that it does not go on with. */
export const refuses = 'ends with LOG_CORRUPT'

export interface CheckedCounts {
  topics: number
  partitions: number
  segments: number
  batches: number
  /** Of segments and write-ahead files, read so far. */
  bytes: number
  /** The same, of all there are. */
  bytesInAll: number
}

export class CheckReport {
  readonly findings: Finding[] = []
  readonly counts: CheckedCounts = {
    topics: 0,
    partitions: 0,
    segments: 0,
    batches: 0,
    bytes: 0,
    bytesInAll: 0,
  }

  damage(file: string, position: number | undefined, problem: string, start: string): void {
    this.#add('damage', { file, position, problem, start })
  }

  note(file: string, position: number | undefined, problem: string, start: string): void {
    this.#add('note', { file, position, problem, start })
  }

  #add(
    kind: Finding['kind'],
    found: { file: string; position: number | undefined; problem: string; start: string },
  ): void {
    const { file, position, problem, start } = found
    this.findings.push({
      kind,
      file,
      ...(position === undefined ? {} : { position }),
      problem,
      start,
    })
  }
}
