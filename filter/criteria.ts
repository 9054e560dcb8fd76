// Applies an event source mapping's filters to Kafka records.
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
}

export type CriteriaResult =
  | { readonly ok: true; readonly criteria: Criteria }
  | { readonly ok: false; readonly reason: string }

/** Patterns, OR-ed; none at all lets everything through. */
export interface Criteria {
  readonly patterns: readonly CompiledPattern[]
  readonly dataKey: 'value'
}

/** Compiles a mapping's filters; the reason of the first that does not compile, otherwise. */
export function compileCriteria(patterns: readonly string[], dataKey: 'value'): CriteriaResult {
  if (patterns.length > filtersMax) {
    return { ok: false, reason: `More than ${filtersMax} filters` }
  }
  const compiled: CompiledPattern[] = []
  for (const json of patterns) {
    const result = compilePattern(json)
    if (!result.ok) return result
    compiled.push(result.pattern)
  }
  return { ok: true, criteria: { patterns: compiled, dataKey } }
}

/**
 * Whether any filter lets the record through. Lambda, Kafka: where a pattern on the data and the data
 * are of different kinds (JSON, plain string), or the data is not UTF-8, only metadata is filtered.
 */
export function criteriaMatches(criteria: Criteria, record: FilterableRecord): boolean {
  if (criteria.patterns.length === 0) return true
  const view = new RecordView(record, criteria.dataKey)
  for (const { root } of criteria.patterns) {
    if (view.satisfies(root)) return true
  }
  return false
}

const undecodable = Symbol('not UTF-8')

/** A record under the eyes of filters; its data is decoded at most once, and only if asked for. */
class RecordView {
  readonly #record: FilterableRecord
  readonly #dataKey: string
  #decoded = false
  #data: unknown = undefined

  constructor(record: FilterableRecord, dataKey: string) {
    this.#record = record
    this.#dataKey = dataKey
  }

  satisfies(root: PatternNode): boolean {
    for (const { key, node } of root.children) {
      const holds =
        key === this.#dataKey
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
    if (this.#data === undecodable) return true
    const isJson = typeof this.#data === 'object'
    const wantsJson = node.conditions === undefined
    if (this.#data !== null && isJson !== wantsJson) return true
    return matchesNode(node, this.#data)
  }

  #metadata(key: string, node: PatternNode): unknown {
    const record = this.#record
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
