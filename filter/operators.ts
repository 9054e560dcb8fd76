// The table of match operators: each compiles its operand into a test of one value.
import { compileCidr } from './cidr.ts'
import { compileNumeric } from './numeric.ts'
import { compileWildcard } from './wildcard.ts'

/**
 * Whether one leaf of an event satisfies a condition. `undefined` stands for an absent leaf; only
 * `exists: false` holds for it.
 */
export type Condition = (value: unknown) => boolean

/** A condition, or the reason why the operand is wrong, in EventBridge's words. */
export type Compiled = Condition | string

type Operator = (operand: unknown) => Compiled

/** Every operator by its name in a pattern. One more operator is one more row. */
const operators: Readonly<Record<string, Operator>> = {
  prefix: (operand) => affix('prefix', operand),
  suffix: (operand) => affix('suffix', operand),
  'equals-ignore-case': equalsIgnoreCase,
  wildcard: (operand) =>
    typeof operand === 'string'
      ? onStrings(compileWildcard(operand))
      : 'wildcard match pattern must be a string',
  numeric: (operand) => {
    const test = compileNumeric(operand)
    return typeof test === 'string' ? test : (value) => typeof value === 'number' && test(value)
  },
  exists: (operand) => {
    if (typeof operand !== 'boolean') return 'exists match pattern must be either true or false.'
    return operand ? (value) => value !== undefined : (value) => value === undefined
  },
  // The text about prefix is EventBridge's own for a block that is not a string.
  cidr: (operand) =>
    typeof operand === 'string'
      ? onStrings(compileCidr(operand))
      : 'prefix match pattern must be a string',
  'anything-but': anythingBut,
}

/** Operators that may stand inside `anything-but`. */
const negatable = new Set(['prefix', 'suffix', 'equals-ignore-case', 'wildcard'])

/** One element of a leaf's array: a literal, or an object with exactly one operator. */
export function compileCondition(element: unknown): Compiled {
  if (Array.isArray(element)) return 'Match value must be String, number, true, false, or null'
  if (typeof element !== 'object' || element === null) return (value) => value === element
  const [entry, ...others] = Object.entries(element)
  if (entry === undefined || others.length > 0) return 'Only one key allowed in match expression'
  const [name, operand] = entry
  if (!Object.hasOwn(operators, name)) return `Unrecognized match type ${name}`
  return operators[name]?.(operand) ?? `Unrecognized match type ${name}`
}

function affix(side: 'prefix' | 'suffix', operand: unknown): Compiled {
  const matchPart = (text: string, part: string): boolean =>
    side === 'prefix' ? text.startsWith(part) : text.endsWith(part)
  if (typeof operand === 'string') return onStrings((text) => matchPart(text, operand))
  const folded = foldedOperand(operand)
  if (folded === undefined) return `${side} match pattern must be a string`
  return onStrings((text) => matchPart(fold(text), folded))
}

/** The text of `{"equals-ignore-case": text}`, folded. */
function foldedOperand(operand: unknown): string | undefined {
  if (typeof operand !== 'object' || operand === null) return undefined
  const [entry, ...others] = Object.entries(operand)
  if (entry?.[0] !== 'equals-ignore-case' || others.length > 0) return undefined
  return typeof entry[1] === 'string' ? fold(entry[1]) : undefined
}

function equalsIgnoreCase(operand: unknown): Compiled {
  if (typeof operand !== 'string') return 'equals-ignore-case match pattern must be a string'
  const folded = fold(operand)
  return onStrings((text) => fold(text) === folded)
}

function anythingBut(operand: unknown): Compiled {
  if (typeof operand === 'string' || typeof operand === 'number') return exclude([operand])
  if (Array.isArray(operand)) return anythingButList(operand)
  if (typeof operand !== 'object' || operand === null) {
    return 'Value of anything-but must be an array or single string/number value.'
  }
  const [entry, ...others] = Object.entries(operand)
  if (entry === undefined || others.length > 0) return 'Only one key allowed in match expression'
  return anythingButNested(entry[0], entry[1])
}

function anythingButList(list: readonly unknown[]): Compiled {
  if (list.length === 0) return 'Empty arrays are not allowed'
  const plain = list.every((item) => typeof item === 'string' || typeof item === 'number')
  if (!plain) return 'Inside anything but list, start|null|boolean is not supported.'
  return exclude(list)
}

function anythingButNested(name: string, operand: unknown): Compiled {
  if (!negatable.has(name)) return `Unsupported anything-but pattern: ${name}`
  const items: readonly unknown[] = Array.isArray(operand) ? operand : [operand]
  if (items.length === 0) return 'Empty arrays are not allowed'
  const excluded: Condition[] = []
  for (const item of items) {
    if (typeof item !== 'string') return `${name} match pattern must be a string`
    if (item === '' && (name === 'prefix' || name === 'suffix')) {
      return 'Null prefix/suffix not allowed'
    }
    const condition = operators[name]?.(item)
    if (typeof condition !== 'function') return condition ?? `Unrecognized match type ${name}`
    excluded.push(condition)
  }
  return (value) => value !== undefined && !excluded.some((condition) => condition(value))
}

// An absent field is not "anything but"; null is.
function exclude(list: readonly unknown[]): Condition {
  const excluded = new Set(list)
  return (value) => value !== undefined && !excluded.has(value)
}

function onStrings(test: ((text: string) => boolean) | string): Compiled {
  return typeof test === 'string' ? test : (value) => typeof value === 'string' && test(value)
}

function fold(text: string): string {
  return text.toLowerCase()
}
