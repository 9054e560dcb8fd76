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

/** Members of a parameter that are for people, or for CloudFormation's console. */
const forPeople = ['Description', 'NoEcho', 'ConstraintDescription']
const members = new Set(['Type', 'Default', 'AllowedValues', ...forPeople])

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
  const problem = problemOf(value, type, declaration)
  if (problem !== undefined) {
    const at = override === undefined ? (declaration.entries.get('Default')?.line ?? line) : line
    findings.error(at, `Parameters.${name}: "${value}" ${problem}`)
    return broken
  }
  const text: Text = { kind: 'text', text: value, line }
  return isList(type) ? listOf(text) : text
}

function problemOf(value: string, type: string, declaration: Mapping): string | undefined {
  if (type.startsWith('AWS::SSM::')) return 'would be looked up in SSM, which is not supported'
  const numbers = type === 'List<Number>' ? value.split(',') : type === 'Number' ? [value] : []
  if (numbers.some((number) => number.trim() === '' || !Number.isFinite(Number(number)))) {
    return `is not a ${type}`
  }
  const allowed = declaration.entries.get('AllowedValues')?.value
  if (allowed?.kind !== 'list') return undefined
  const words = allowed.items.map((item) => (item.kind === 'text' ? item.text : ''))
  const values = isList(type) ? value.split(',').map((item) => item.trim()) : [value]
  return values.every((each) => words.includes(each))
    ? undefined
    : `is not one of ${words.join(', ')}`
}

function isList(type: string): boolean {
  return type === 'CommaDelimitedList' || type.startsWith('List<')
}

function listOf({ text, line }: Text): List {
  const items = text.split(',').map((item): Text => ({ kind: 'text', text: item.trim(), line }))
  return { kind: 'list', items, line }
}

function textOf(mapping: Mapping, name: string): string | undefined {
  const value = mapping.entries.get(name)?.value
  return value?.kind === 'text' ? value.text : undefined
}
