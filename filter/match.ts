// Decides whether a JSON value satisfies a compiled pattern.
import { eventArrayNestingMax } from '../common/limits.ts'
import type { CompiledPattern, PatternChild, PatternNode } from './pattern.ts'

/** Whether an event, as parsed JSON, satisfies the pattern. */
export function matches(pattern: CompiledPattern, value: unknown): boolean {
  return matchesNode(pattern.root, value)
}

/**
 * Whether `value` satisfies one level of a pattern. Of an array any one element has to, with all
 * that the level asks for; an empty array counts as absent.
 */
export function matchesNode(node: PatternNode, value: unknown, nesting = 0): boolean {
  if (Array.isArray(value)) {
    if (value.length === 0) return matchesNode(node, undefined)
    if (nesting >= eventArrayNestingMax) return false
    for (const element of value as readonly unknown[]) {
      if (matchesNode(node, element, nesting + 1)) return true
    }
    return false
  }
  const members = typeof value === 'object' && value !== null ? value : undefined
  // An object is no leaf: to the conditions of its own key it is absent.
  if (!anyCondition(node, members === undefined ? value : undefined)) return false
  for (const child of node.children) {
    if (!matchesNode(child.node, memberOf(members, child))) return false
  }
  for (const branches of node.alternatives) {
    if (!anyBranch(branches, value)) return false
  }
  return true
}

function anyCondition(node: PatternNode, leaf: unknown): boolean {
  if (node.conditions === undefined) return true
  for (const condition of node.conditions) {
    if (condition(leaf)) return true
  }
  return false
}

function anyBranch(branches: readonly PatternNode[], value: unknown): boolean {
  for (const branch of branches) {
    if (matchesNode(branch, value)) return true
  }
  return false
}

function memberOf(members: object | undefined, child: PatternChild): unknown {
  if (members === undefined) return undefined
  if (Object.hasOwn(members, child.key)) return (members as Record<string, unknown>)[child.key]
  return child.node.children.length === 0 ? undefined : dottedMembers(members, child.dotted)
}

/** `{"a.b": 1}` seen from `a` is `{"b": 1}`. */
function dottedMembers(members: object, dotted: string): unknown {
  let found: Record<string, unknown> | undefined
  for (const [key, value] of Object.entries(members)) {
    if (!key.startsWith(dotted)) continue
    found ??= Object.create(null) as Record<string, unknown>
    found[key.slice(dotted.length)] = value
  }
  return found
}
