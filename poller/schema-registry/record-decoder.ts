// Turns a record as it was read into what a mapping with a schema registry has of it: JSON, or bytes without their prefix.
import type { SchemaFormat } from '../../control/registry/registry.ts'
import type { SchemaMetadata } from '../../events/raw-record.ts'
import { polledBytesOf } from '../event-poller-units.ts'
import type { SourceRecord } from '../sources/source.ts'
import type { Found } from './schema-store.ts'
import { DecodeError } from './decode-error.ts'
import type { WireFormat } from './wire-format.ts'

export interface DecodeRules {
  readonly format: SchemaFormat
  readonly wire: WireFormat
  readonly ofKeys: boolean
  readonly ofValues: boolean
}

export type Decoded =
  | { readonly record: SourceRecord }
  /** The record as it was, with the condition by which it is given up; `reason` is for people. */
  | { readonly record: SourceRecord; readonly reason: string }

/** The schemas that have to be known before the record can be decoded. */
export function schemaIdsOf(
  { wire, ofKeys, ofValues }: DecodeRules,
  record: SourceRecord,
): string[] {
  const parts = [ofKeys ? record.key : null, ofValues ? record.value : null]
  return parts.flatMap((bytes) => (bytes === null ? [] : (wire.schemaIdOf(bytes) ?? [])))
}

/** `schemaOf` knows all that `schemaIdsOf` names. A null has no schema, and stays one. */
export function decodeRecord(
  rules: DecodeRules,
  record: SourceRecord,
  schemaOf: (id: string) => Found | undefined,
): Decoded {
  const { topic, partition, offset, timestampMs, timestampType, headers } = record
  const [rawKey, rawValue] = [record.key, record.value]
  const key = partOf(rules.wire, rules.ofKeys ? rawKey : null, schemaOf)
  const value = partOf(rules.wire, rules.ofValues ? rawValue : null, schemaOf)
  const plain = { topic, partition, offset, timestampMs, timestampType, headers }
  const polledBytes = polledBytesOf(record)
  for (const [name, part] of [
    ['key', key],
    ['value', value],
  ] as const) {
    if (part !== undefined && 'failure' in part) {
      const { failure, reason } = part
      const failed = { ...plain, key: rawKey, value: rawValue, failure }
      return { record: failed, reason: `its ${name} cannot be read: ${reason}` }
    }
  }
  const read = { key: readOf(key), value: readOf(value) }
  const json = { key: read.key?.json ?? rawKey, value: read.value?.json ?? rawValue }
  const schemas = {
    ...(read.key === undefined ? {} : { key: read.key.metadata }),
    ...(read.value === undefined ? {} : { value: read.value.metadata }),
  }
  if (rules.format === 'JSON') return { record: { ...plain, ...json, schemas, polledBytes } }
  const source = { key: read.key?.source ?? rawKey, value: read.value?.source ?? rawValue }
  return { record: { ...plain, ...source, schemas, polledBytes, filtered: json } }
}

interface ReadPart {
  readonly json: Buffer
  readonly source: Buffer
  readonly metadata: SchemaMetadata
}

type FailedPart = {
  readonly failure: NonNullable<SourceRecord['failure']>
  readonly reason: string
}

function readOf(part: ReadPart | FailedPart | undefined): ReadPart | undefined {
  return part !== undefined && 'json' in part ? part : undefined
}

function partOf(
  wire: WireFormat,
  bytes: Buffer | null,
  schemaOf: (id: string) => Found | undefined,
): ReadPart | FailedPart | undefined {
  if (bytes === null) return undefined
  const id = wire.schemaIdOf(bytes)
  if (id === undefined) {
    return { failure: 'DESERIALIZATION_ERROR', reason: 'it does not begin with the id of a schema' }
  }
  const schema = schemaOf(id)
  if (schema === undefined || schema === 'missing') {
    return { failure: 'SCHEMA_NOT_FOUND', reason: `the registry has no schema ${id}` }
  }
  let source: Buffer
  try {
    source = wire.bodyOf(bytes)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { failure: 'DESERIALIZATION_ERROR', reason: error.message }
  }
  const read = schema.read(source)
  if ('reason' in read) {
    return { failure: 'DESERIALIZATION_ERROR', reason: `${read.reason} (schema ${id})` }
  }
  // Recorded: what stays of a protobuf record as it was has its message indexes.
  return { json: read.json, source, metadata: { dataFormat: schema.type, schemaId: id } }
}
