// A record as it was read from Kafka: where its parts lie in bytes that it shares with others.

export interface RecordHeader {
  readonly name: string
  readonly value: Buffer
}

/** Positions are in `bytes`; a length of -1 is a null. */
export interface RawRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly timestampType: 'CREATE_TIME' | 'LOG_APPEND_TIME'
  readonly bytes: Buffer
  readonly keyStart: number
  readonly keyBytes: number
  readonly valueStart: number
  readonly valueBytes: number
  /** How many `headers` there are, which may be made by each access. */
  readonly headerCount: number
  readonly headers: readonly RecordHeader[]
}

export function keyOf({ bytes, keyStart, keyBytes }: RawRecord): Buffer | null {
  return keyBytes < 0 ? null : bytes.subarray(keyStart, keyStart + keyBytes)
}

export function valueOf({ bytes, valueStart, valueBytes }: RawRecord): Buffer | null {
  return valueBytes < 0 ? null : bytes.subarray(valueStart, valueStart + valueBytes)
}
