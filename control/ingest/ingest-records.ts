// Takes the body of an ingestion apart into records: one JSON object, an array, or a line each; finds their partition keys.
import { isUtf8 } from 'node:buffer'
import { ingestRecordsMax, partitionKeyMaxLength } from '../../common/kinesis-call-limits.ts'

/** A record to put, or why it cannot be. */
export type IngestRecord =
  | { readonly ok: true; readonly data: Buffer; readonly partitionKey: string }
  | { readonly ok: false; readonly reason: string }

export interface IngestBody {
  readonly records: readonly IngestRecord[]
  /** The body is one object, and its answer one place. */
  readonly isSingle: boolean
}

export interface KeySource {
  /** Of all records. */
  readonly key?: string | undefined
  /** Of each record its own; names of members, the outer one first. */
  readonly path?: readonly string[] | undefined
  /** For records where neither is asked for. */
  readonly random: () => string
}

/**
 * Each record's data is as it was sent, but for spaces around it; elements of an array are written anew. A line that is no
 * JSON fails alone. A text is why none of it can be taken.
 */
export function ingestRecords(
  body: Buffer,
  isLines: boolean,
  keys: KeySource,
): IngestBody | string {
  if (!isUtf8(body)) return 'The body is not UTF-8.'
  const text = body.toString('utf8').trim()
  if (text === '') return 'The body is empty.'
  const whole = isLines ? undefined : parse(text)
  if (whole === undefined && (isLines || text.includes('\n'))) return ofLines(text, keys)
  if (whole === undefined) return 'The body is neither JSON nor lines of JSON.'
  const { value } = whole
  if (Array.isArray(value)) {
    if (value.length === 0) return 'The array has no records.'
    if (value.length > ingestRecordsMax) return tooMany
    const records = value.map((element: unknown) => record(JSON.stringify(element), element, keys))
    return { records, isSingle: false }
  }
  if (typeof value !== 'object' || value === null) {
    return 'The body is neither an object nor an array of records.'
  }
  return { records: [record(text, value, keys)], isSingle: true }
}

const tooMany = `There are more than ${ingestRecordsMax} records.`

function ofLines(text: string, keys: KeySource): IngestBody | string {
  const records: IngestRecord[] = []
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line === '') continue
    if (records.length === ingestRecordsMax) return tooMany
    const parsed = parse(line)
    records.push(
      parsed === undefined
        ? { ok: false, reason: 'The line is not JSON.' }
        : record(line, parsed.value, keys),
    )
  }
  return { records, isSingle: false }
}

function record(text: string, value: unknown, { key, path, random }: KeySource): IngestRecord {
  const partitionKey = key ?? (path === undefined ? random() : keyAt(value, path))
  if (partitionKey === undefined) {
    return { ok: false, reason: `The record has no partition key at ${(path ?? []).join('.')}.` }
  }
  if (partitionKey.length === 0 || partitionKey.length > partitionKeyMaxLength) {
    const reason = `The partition key has ${partitionKey.length} characters: 1 to ${partitionKeyMaxLength} are allowed.`
    return { ok: false, reason }
  }
  return { ok: true, data: Buffer.from(text), partitionKey }
}

function keyAt(value: unknown, path: readonly string[]): string | undefined {
  let at = value
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Readonly<Record<string, unknown>>)[name]
  }
  return typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean'
    ? String(at)
    : undefined
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
