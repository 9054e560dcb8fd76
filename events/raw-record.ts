// A record as it was read: where its parts lie in bytes that it shares with others.

export interface RecordHeader {
  readonly name: string
  readonly value: Buffer
}

/** What a record of a Kinesis stream has in place of key and offset; the offset is then a number of the source's own. */
export interface StreamPlace {
  readonly shardId: string
  readonly sequenceNumber: string
  readonly partitionKey: string
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
  /** Of a record of a stream alone. */
  readonly stream?: StreamPlace
}

export function keyOf({ bytes, keyStart, keyBytes }: RawRecord): Buffer | null {
  return keyBytes < 0 ? null : bytes.subarray(keyStart, keyStart + keyBytes)
}

export function valueOf({ bytes, valueStart, valueBytes }: RawRecord): Buffer | null {
  return valueBytes < 0 ? null : bytes.subarray(valueStart, valueStart + valueBytes)
}
