// Gives a template's Parameters their values: overrides first, then their Defaults.
import { AppError } from '../../common/errors.ts'
import type { Findings } from './findings.ts'
import { nameOf, type List, type Mapping, type Text, type Tree } from './tree.ts'

/** `["Stage=prod"]` → `{Stage: 'prod'}`. Throws AppError CONFIG_INVALID where there is no `=`. */
export function parseParameterOverrides(
  settings: readonly string[],
): Readonly<Record<string, string>> {
  const pairs = settings.map((setting) => {
    const [, name, value] = /^([^=]+)=([\s\S]*)$/.exec(setting) ?? []
    if (name === undefined || value === undefined) {
      throw new AppError('CONFIG_INVALID', {
        setting: 'parameter-overrides',
        reason: `"${setting}" is not Name=value`,
      })
    }
    return [name.trim(), value] as const
  })
  return Object.fromEntries(pairs)
}

const members = new Set([
  'Type',
  'Default',
  'AllowedValues',
  'AllowedPattern',
  'MinLength',
  'MaxLength',
  'MinValue',
  'MaxValue',
  'NoEcho',
  // For people.
  'Description',
  'ConstraintDescription',
])

/** The value of each declared parameter; errors are reported, and leave a `broken` value. */
export function parameterValues(
  section: Mapping,
  overrides: Readonly<Record<string, string>>,
  findings: Findings,
): ReadonlyMap<string, Tree> {
  for (const name of Object.keys(overrides)) {
    if (section.entries.has(name)) continue
    findings.error(section.line, `the parameter ${name} was given and is not declared`)
  }
  const values = new Map<string, Tree>()
  for (const [name, { line, value }] of section.entries) {
    if (value.kind !== 'mapping') {
      findings.error(line, `Parameters.${name}: ${nameOf(value)} is not a mapping`)
      values.set(name, { kind: 'broken', line })
      continue
    }
    const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined
    values.set(name, parameterValue(value, { name, line, override, findings }))
  }
  return values
}

interface Declared {
  readonly name: string
  readonly line: number
  readonly override: string | undefined
  readonly findings: Findings
}

function parameterValue(declaration: Mapping, declared: Declared): Tree {
  const { name, line, override, findings } = declared
  for (const [member, entry] of declaration.entries) {
    if (members.has(member)) continue
    findings.warn(entry.line, `Parameters.${name}: ${member} is not supported, and not checked`)
  }
  const type = textOf(declaration, 'Type') ?? 'String'
  const broken: Tree = { kind: 'broken', line }
  const value = override ?? textOf(declaration, 'Default')
  if (value === undefined) {
    findings.error(line, `Parameters.${name}: there is no Default, and no value was given`)
    return broken
  }
  const isHidden = /^true$/i.test(textOf(declaration, 'NoEcho') ?? '')
  const problem = problemOf(value, type, { declaration, name, findings })
  if (problem !== undefined) {
    const at = override === undefined ? (declaration.entries.get('Default')?.line ?? line) : line
    const shown = isHidden ? 'the value' : `"${value}"`
    const why = textOf(declaration, 'ConstraintDescription')
    const sentence = why === undefined ? '' : ` (${why})`
    findings.error(at, `Parameters.${name}: ${shown} ${problem}${sentence}`)
    return broken
  }
  const text: Text = { kind: 'text', text: value, line, ...(isHidden ? { isHidden } : {}) }
  return isList(type) ? listOf(text) : text
}

interface Declaration {
  readonly declaration: Mapping
  readonly name: string
  readonly findings: Findings
}

function problemOf(value: string, type: string, of: Declaration): string | undefined {
  if (type.startsWith('AWS::SSM::')) return 'would be looked up in SSM, which is not supported'
  const values = isList(type) ? value.split(',').map((item) => item.trim()) : [value]
  const checks = [
    isNumber(type) ? numberProblem(values, type, of) : undefined,
    type === 'String' ? lengthProblem(value, of) : undefined,
    wordProblem(values, of),
    patternProblem(values, of),
  ]
  return checks.find((problem) => problem !== undefined)
}

function numberProblem(
  values: readonly string[],
  type: string,
  of: Declaration,
): string | undefined {
  if (values.some((value) => value.trim() === '' || !Number.isFinite(Number(value)))) {
    return `is not a ${type}`
  }
  return rangeProblem(values.map(Number), ['MinValue', 'MaxValue'], of)
}

function lengthProblem(value: string, of: Declaration): string | undefined {
  const problem = rangeProblem([value.length], ['MinLength', 'MaxLength'], of)
  return problem === undefined ? undefined : `has a length that ${problem}`
}

function rangeProblem(
  values: readonly number[],
  [least, most]: readonly [string, string],
  of: Declaration,
): string | undefined {
  const min = bound(least, of)
  const max = bound(most, of)
  if (min !== undefined && values.some((value) => value < min)) return `is below ${least} ${min}`
  if (max !== undefined && values.some((value) => value > max)) return `is above ${most} ${max}`
  return undefined
}

function bound(member: string, { declaration, name, findings }: Declaration): number | undefined {
  const entry = declaration.entries.get(member)
  if (entry === undefined) return undefined
  const value = entry.value.kind === 'text' ? Number(entry.value.text || NaN) : NaN
  if (Number.isFinite(value)) return value
  findings.error(
    entry.line,
    `Parameters.${name}: ${member}: ${nameOf(entry.value)} is not a number`,
  )
  return undefined
}

function wordProblem(values: readonly string[], { declaration }: Declaration): string | undefined {
  const allowed = declaration.entries.get('AllowedValues')?.value
  if (allowed?.kind !== 'list') return undefined
  const words = allowed.items.map((item) => (item.kind === 'text' ? item.text : ''))
  return values.every((each) => words.includes(each))
    ? undefined
    : `is not one of ${words.join(', ')}`
}

/** CloudFormation: all of a value must match, or each item of a CommaDelimitedList. */
function patternProblem(
  values: readonly string[],
  { declaration, name, findings }: Declaration,
): string | undefined {
  const pattern = textOf(declaration, 'AllowedPattern')
  if (pattern === undefined) return undefined
  try {
    const whole = new RegExp(`^(?:${pattern})$`)
    return values.every((value) => whole.test(value)) ? undefined : `does not match ${pattern}`
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // Java's regular expressions have more than JavaScript's.
    const at = declaration.entries.get('AllowedPattern')?.line ?? declaration.line
    findings.warn(at, `Parameters.${name}: AllowedPattern is not understood, and not checked`)
    return undefined
  }
}

function isNumber(type: string): boolean {
  return type === 'Number' || type === 'List<Number>'
}

function isList(type: string): boolean {
  return type === 'CommaDelimitedList' || type.startsWith('List<')
}

function listOf({ text, line, isHidden = false }: Text): List {
  const items = text.split(',').map((item): Text => {
    return { kind: 'text', text: item.trim(), line, isHidden }
  })
  return { kind: 'list', items, line }
}

function textOf(mapping: Mapping, name: string): string | undefined {
  const value = mapping.entries.get(name)?.value
  return value?.kind === 'text' ? value.text : undefined
}
