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
  const idsOf = (bytes: Buffer | null, name: PartName): string | readonly string[] =>
    bytes === null ? [] : (wire.schemaIdOf(bytes, idHeaderOf(wire, record, name)) ?? [])
  return [
    ...(ofKeys ? [idsOf(record.key, 'key')] : []),
    ...(ofValues ? [idsOf(record.value, 'value')] : []),
  ].flat()
}

type PartName = 'key' | 'value'

/** The last of that name, as Confluent's deserializer for Java takes it. */
function idHeaderOf(
  { idHeaders }: WireFormat,
  { headers }: SourceRecord,
  part: PartName,
): Buffer | undefined {
  if (idHeaders === undefined || headers.length === 0) return undefined
  return headers.findLast(({ name }) => name === idHeaders[part])?.value
}

/** `schemaOf` knows all that `schemaIdsOf` names. A null has no schema, and stays one. */
export function decodeRecord(
  rules: DecodeRules,
  record: SourceRecord,
  schemaOf: (id: string) => Found | undefined,
): Decoded {
  const { topic, partition, offset, timestampMs, timestampType, headers } = record
  const [rawKey, rawValue] = [record.key, record.value]
  const part = (bytes: Buffer | null, name: PartName): ReadPart | FailedPart | undefined =>
    bytes === null
      ? undefined
      : partOf(rules.wire, bytes, idHeaderOf(rules.wire, record, name), schemaOf)
  const key = part(rules.ofKeys ? rawKey : null, 'key')
  const value = part(rules.ofValues ? rawValue : null, 'value')
  const plain = { topic, partition, offset, timestampMs, timestampType, headers }
  const polledBytes = polledBytesOf(record)
  for (const [name, one] of [
    ['key', key],
    ['value', value],
  ] as const) {
    if (one !== undefined && 'failure' in one) {
      const { failure, reason } = one
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
  bytes: Buffer,
  idHeader: Buffer | undefined,
  schemaOf: (id: string) => Found | undefined,
): ReadPart | FailedPart {
  const id = wire.schemaIdOf(bytes, idHeader)
  if (id === undefined) {
    const what = idHeader === undefined ? 'it does' : 'its header does'
    return {
      failure: 'DESERIALIZATION_ERROR',
      reason: `${what} not begin with the id of a schema`,
    }
  }
  const schema = schemaOf(id)
  if (schema === undefined || schema === 'missing') {
    return { failure: 'SCHEMA_NOT_FOUND', reason: `the registry has no schema ${id}` }
  }
  let source: Buffer
  try {
    source = wire.bodyOf(bytes, schema.type, idHeader)
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
