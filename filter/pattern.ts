// Compiles an event pattern's JSON into a tree that matches events fast.
import { filterPatternMaxLength, filterOrCombinationsMax } from '../common/limits.ts'
import { compileCondition, type Condition } from './operators.ts'

/**
 * One level of a pattern. Everything present must hold: `conditions` (any one of them) for the leaf
 * itself, every child for its member, and of each of `alternatives` (a `$or`) any one.
 */
export interface PatternNode {
  conditions?: Condition[]
  readonly children: PatternChild[]
  readonly alternatives: PatternNode[][]
}

/** `dotted` is the key with a dot after it: events may spell a member's path in one key. */
export interface PatternChild {
  readonly key: string
  readonly dotted: string
  readonly node: PatternNode
}

/** A pattern that compiled; `matches` and the criteria take it. */
export interface CompiledPattern {
  readonly root: PatternNode
}

export type PatternResult =
  | { readonly ok: true; readonly pattern: CompiledPattern }
  | { readonly ok: false; readonly reason: string }

/**
 * Compiles the JSON text of one filter. Reasons are EventBridge's texts; Lambda hides them behind
 * `Invalid filter pattern definition.`
 */
export function compilePattern(json: string): PatternResult {
  if (json.length > filterPatternMaxLength) {
    return { ok: false, reason: `Filter is longer than ${filterPatternMaxLength} characters` }
  }
  const pattern = parseJson(json)
  if (!isObject(pattern)) return { ok: false, reason: 'Filter is not an object' }
  const root = emptyNode()
  const reason = compileObject(pattern, root) ?? tooManyCombinations(root)
  return reason === undefined ? { ok: true, pattern: { root } } : { ok: false, reason }
}

/** Returns the reason why it does not compile, or undefined when `node` holds it. */
function compileObject(
  pattern: Readonly<Record<string, unknown>>,
  node: PatternNode,
): string | undefined {
  const entries = Object.entries(pattern)
  if (entries.length === 0) return 'Empty objects are not allowed'
  for (const [key, value] of entries) {
    const reason = key === '$or' ? compileOr(value, node) : compileMember(key, value, node)
    if (reason !== undefined) return reason
  }
  return undefined
}

function compileMember(key: string, value: unknown, node: PatternNode): string | undefined {
  const target = descend(node, key)
  if (isObject(value)) return compileObject(value, target)
  if (!Array.isArray(value)) return `"${key}" must be an object or an array`
  if (value.length === 0) return 'Empty arrays are not allowed'
  const conditions: Condition[] = []
  for (const element of value as readonly unknown[]) {
    const condition = compileCondition(element)
    if (typeof condition === 'string') return condition
    conditions.push(condition)
  }
  target.conditions = conditions
  return undefined
}

function compileOr(value: unknown, node: PatternNode): string | undefined {
  if (!Array.isArray(value)) return '"$or" must be an array'
  if (value.length < 2) return '"$or" must have at least two objects'
  const branches: PatternNode[] = []
  for (const branch of value as readonly unknown[]) {
    if (!isObject(branch)) return '"$or" must have only objects'
    const target = emptyNode()
    const reason = compileObject(branch, target)
    if (reason !== undefined) return reason
    branches.push(target)
  }
  node.alternatives.push(branches)
  return undefined
}

// Keys are flattened by dots, so `{"a.b": …}` and `{"a": {"b": …}}` are one pattern.
function descend(node: PatternNode, path: string): PatternNode {
  let current = node
  for (const key of path.split('.')) {
    let child = current.children.find((candidate) => candidate.key === key)
    if (child === undefined) {
      child = { key, dotted: `${key}.`, node: emptyNode() }
      current.children.push(child)
    }
    current = child.node
  }
  return current
}

function tooManyCombinations(root: PatternNode): string | undefined {
  if (combinations(root) <= filterOrCombinationsMax) return undefined
  return `Rule is too complex - more than ${filterOrCombinationsMax} combinations of $or`
}

function combinations(node: PatternNode): number {
  let total = 1
  for (const { node: child } of node.children) total *= combinations(child)
  for (const branches of node.alternatives) {
    total *= branches.reduce((sum, branch) => sum + combinations(branch), 0)
  }
  return total
}

function emptyNode(): PatternNode {
  return { children: [], alternatives: [] }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
