// The interface of what the producer sends: generated records or the lines of a file.

/** A record to send. Records of one key stay in their order; those without one have none. */
export interface SourceRecord {
  readonly key: string | null
  readonly value: Buffer
}

export interface RecordSource {
  /**
   * The next records, at least one and at most `max`: what is there, without waiting for more.
   * Empty means the end. Rejects with AppError INPUT_INVALID when the source cannot be read further.
   */
  take(max: number): Promise<readonly SourceRecord[]>
  /** Lets go of files. A `take` that waits for input ends with what it has: nothing. */
  close(): void
}
