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

/** The schema that a key or a value was read by, as Lambda's event has it. */
export interface SchemaMetadata {
  readonly dataFormat: 'AVRO' | 'PROTOBUF' | 'JSON'
  readonly schemaId: string
}

export interface RecordSchemas {
  readonly key?: SchemaMetadata
  readonly value?: SchemaMetadata
}

/** Lambda's words for why a registry's schemas do not get at a record. */
export type SchemaFailure = 'SCHEMA_NOT_FOUND' | 'DESERIALIZATION_ERROR'

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
  /** Of a mapping with a schema registry alone. */
  readonly schemas?: RecordSchemas
  /** The function never gets it; it is as it was read. */
  readonly failure?: SchemaFailure
}

export function keyOf({ bytes, keyStart, keyBytes }: RawRecord): Buffer | null {
  return keyBytes < 0 ? null : bytes.subarray(keyStart, keyStart + keyBytes)
}

export function valueOf({ bytes, valueStart, valueBytes }: RawRecord): Buffer | null {
  return valueBytes < 0 ? null : bytes.subarray(valueStart, valueStart + valueBytes)
}
