// Applies an event source mapping's filters to records of Kafka and of Kinesis.
import { isUtf8 } from 'node:buffer'
import { filtersMax } from '../common/limits.ts'
import { matchesNode } from './match.ts'
import { compilePattern, type CompiledPattern, type PatternNode } from './pattern.ts'

/** A record as filters see it; `value` is the data, the rest is metadata. */
export interface FilterableRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch: `timestamp` in a pattern. */
  readonly timestampMs: number
  readonly timestampType: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Of a record of a stream alone. */
  readonly stream?: StreamMetadata
}

export interface StreamMetadata {
  readonly shardId: string
  readonly partitionKey: string
  readonly sequenceNumber: string
}

/** Under which key a pattern has the data; it says of which source the records are. */
export type DataKey = 'value' | 'data'

export type CriteriaResult =
  | { readonly ok: true; readonly criteria: Criteria }
  | { readonly ok: false; readonly reason: string }

/** Patterns, OR-ed; none at all lets everything through. */
export interface Criteria {
  readonly patterns: readonly CompiledPattern[]
  readonly dataKey: DataKey
  /** Members that all events of the source have alike. */
  readonly constants: Readonly<Record<string, string>>
}

/** Compiles a mapping's filters; the reason of the first that does not compile, otherwise. */
export function compileCriteria(
  patterns: readonly string[],
  dataKey: DataKey,
  constants: Criteria['constants'] = {},
): CriteriaResult {
  if (patterns.length > filtersMax) {
    return { ok: false, reason: `More than ${filtersMax} filters` }
  }
  const compiled: CompiledPattern[] = []
  for (const json of patterns) {
    const result = compilePattern(json)
    if (!result.ok) return result
    if (dataKey === 'data' && looksForText(result.pattern.root)) {
      return { ok: false, reason: 'data must be an object' }
    }
    compiled.push(result.pattern)
  }
  return { ok: true, criteria: { patterns: compiled, dataKey, constants } }
}

/** Lambda, Kinesis: a pattern of plain text on the data is refused. */
function looksForText({ children, alternatives }: PatternNode): boolean {
  return (
    children.some(({ key, node }) => key === 'data' && node.conditions !== undefined) ||
    alternatives.some((branches) => branches.some(looksForText))
  )
}

/**
 * Whether any filter lets the record through. Where a pattern on the data and the data are of different
 * kinds (JSON, plain string), or the data is not UTF-8, Lambda filters records of Kafka by their metadata alone, and
 * drops those of Kinesis.
 */
export function criteriaMatches(criteria: Criteria, record: FilterableRecord): boolean {
  if (criteria.patterns.length === 0) return true
  const view = new RecordView(record, criteria)
  for (const { root } of criteria.patterns) {
    if (view.satisfies(root)) return true
  }
  return false
}

const undecodable = Symbol('not UTF-8')

/** A record under the eyes of filters; its data is decoded at most once, and only if asked for. */
class RecordView {
  readonly #record: FilterableRecord
  readonly #criteria: Criteria
  #decoded = false
  #data: unknown = undefined

  constructor(record: FilterableRecord, criteria: Criteria) {
    this.#record = record
    this.#criteria = criteria
  }

  satisfies(root: PatternNode): boolean {
    for (const { key, node } of root.children) {
      const holds =
        key === this.#criteria.dataKey
          ? this.#dataSatisfies(node)
          : matchesNode(node, this.#metadata(key, node))
      if (!holds) return false
    }
    for (const branches of root.alternatives) {
      if (!branches.some((branch) => this.satisfies(branch))) return false
    }
    return true
  }

  #dataSatisfies(node: PatternNode): boolean {
    if (!this.#decoded) {
      this.#decoded = true
      this.#data = decode(this.#record.value)
    }
    // The two kinds differ: see `criteriaMatches`.
    const ofOtherKind = this.#criteria.dataKey === 'value'
    if (this.#data === undecodable) return ofOtherKind
    const isJson = typeof this.#data === 'object'
    const wantsJson = node.conditions === undefined
    if (this.#data !== null && isJson !== wantsJson) return ofOtherKind
    return matchesNode(node, this.#data)
  }

  #metadata(key: string, node: PatternNode): unknown {
    const record = this.#record
    if (record.stream !== undefined) {
      return streamMetadata(record, record.stream, key) ?? this.#criteria.constants[key]
    }
    switch (key) {
      case 'topic':
        return record.topic
      case 'partition':
        return record.partition
      case 'offset':
        return record.offset
      case 'timestamp':
        return record.timestampMs
      case 'timestampType':
        return record.timestampType
      case 'key':
        return keyOf(record.key, node)
      default:
        return undefined
    }
  }
}

/** As the event names them, without the `kinesis` around. */
function streamMetadata(
  { timestampMs }: FilterableRecord,
  { shardId, partitionKey, sequenceNumber }: StreamMetadata,
  key: string,
): unknown {
  switch (key) {
    case 'partitionKey':
      return partitionKey
    case 'sequenceNumber':
      return sequenceNumber
    case 'approximateArrivalTimestamp':
      return timestampMs / 1000
    case 'eventID':
      return `${shardId}:${sequenceNumber}`
    default:
      return undefined
  }
}

// A record without a value (a tombstone) is JSON null to every pattern.
function decode(value: Buffer | null): unknown {
  if (value === null) return null
  if (!isUtf8(value)) return undecodable
  const text = value.toString('utf8')
  const parsed = parseJson(text)
  return parsed === undefined ? text : parsed
}

// A key is text, unless the pattern looks into it.
function keyOf(key: Buffer | null, node: PatternNode): unknown {
  if (key === null || !isUtf8(key)) return undefined
  const text = key.toString('utf8')
  return node.conditions === undefined ? parseJson(text) : text
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
