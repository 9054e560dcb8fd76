// Replaces intrinsic function calls by their values; knows what each function does, not what names mean.
import type { Findings } from './findings.ts'
import { nameOf, type Call, type Entry, type Text, type Tree } from './tree.ts'

/**
 * What names mean in a template. Both report what they do not find, and return `broken` then;
 * undefined stands for a value that is left out (AWS::NoValue).
 */
export interface Names {
  readonly findings: Findings
  ref(name: string, line: number): Tree | undefined
  attribute(logicalId: string, attribute: string, line: number): Tree | undefined
  /** Undefined after it has reported that there is no such condition, or that it is wrong. */
  condition(name: string, line: number): boolean | undefined
  /** The value of a key of a key of one of the Mappings. */
  inMap(map: string, keys: readonly [string, string], line: number): Tree
  /** `us-east-1` */
  readonly region: string
}

/** A reference to a name of the template, and where it is made. */
export interface Reference {
  readonly name: string
  readonly line: number
}

/**
 * The tree without calls; undefined where nothing is left. Values have the line of the call that
 * they come from. What cannot be resolved is reported and becomes `broken`; a function that exists in
 * CloudFormation and not yet here is warned of, and its value left out.
 */
export function resolve(tree: Tree, names: Names): Tree | undefined {
  if (tree.kind === 'call') return call(tree, names)
  if (tree.kind === 'list') {
    const items = tree.items.map((item) => resolve(item, names))
    return { ...tree, items: items.filter((item) => item !== undefined) }
  }
  if (tree.kind !== 'mapping') return tree
  const entries = new Map<string, Entry>()
  for (const [key, { line, value }] of tree.entries) {
    const resolved = resolve(value, names)
    if (resolved !== undefined) entries.set(key, { line, value: resolved })
  }
  return { ...tree, entries }
}

/** The names that a tree refers to, unresolved; those that its own Fn::Sub defines are not among them. */
export function referencesOf(tree: Tree): readonly Reference[] {
  if (tree.kind === 'call') return [...ownReferences(tree), ...referencesOf(tree.argument)]
  if (tree.kind === 'list') return tree.items.flatMap(referencesOf)
  if (tree.kind !== 'mapping') return []
  return [...tree.entries.values()].flatMap(({ value }) => referencesOf(value))
}

function ownReferences({ name, argument, line }: Call): readonly Reference[] {
  if (name === 'Ref' && argument.kind === 'text') return [{ name: argument.text, line }]
  if (name === 'Fn::GetAtt') {
    const target = attributeTarget(argument)
    return target === undefined ? [] : [{ name: target.logicalId, line }]
  }
  if (name !== 'Fn::Sub') return []
  const own = variablesOf(argument)
  return placeholdersOf(templateOf(argument)?.text ?? '')
    .filter((placeholder) => !own.has(placeholder))
    .map((placeholder) => ({ name: placeholder.split('.')[0] ?? placeholder, line }))
}

type Evaluate = (call: Call, names: Names) => Tree | undefined

/** One row per function that is supported. */
const functions: Readonly<Record<string, Evaluate>> = {
  Ref: ({ argument, line }, names) =>
    argument.kind === 'text'
      ? names.ref(argument.text, line)
      : broken(names, line, `Ref: ${nameOf(argument)} is not a name`),
  'Fn::GetAtt': getAtt,
  'Fn::Sub': sub,
  'Fn::Join': join,
  'Fn::Split': split,
  'Fn::Select': select,
  'Fn::If': choose,
  'Fn::FindInMap': findInMap,
  'Fn::Base64': base64,
  'Fn::ImportValue': importValue,
  'Fn::GetAZs': availabilityZones,
}

const notYet = new Set(
  (
    'Cidr Contains EachMemberEquals EachMemberIn ForEach Length RefAll ToJsonString Transform ' +
    'ValueOf ValueOfAll'
  ).split(' '),
)

const belongInConditions = new Set(['Condition', 'Fn::And', 'Fn::Equals', 'Fn::Not', 'Fn::Or'])

function call(tree: Call, names: Names): Tree | undefined {
  const evaluate = Object.hasOwn(functions, tree.name) ? functions[tree.name] : undefined
  if (evaluate !== undefined) {
    const value = evaluate(tree, names)
    return value === undefined ? undefined : { ...value, line: tree.line }
  }
  if (belongInConditions.has(tree.name)) {
    return broken(names, tree.line, `${tree.name} has its place in Conditions`)
  }
  if (notYet.has(tree.name.replace('Fn::', ''))) {
    names.findings.warn(tree.line, `${tree.name} is not supported yet: its value is left out`)
    return undefined
  }
  return broken(names, tree.line, `${tree.name} is not an intrinsic function`)
}

function broken(names: Names, line: number, message: string): Tree {
  names.findings.error(line, message)
  return { kind: 'broken', line }
}

function text(value: string, line: number): Text {
  return { kind: 'text', text: value, line }
}

function getAtt({ argument, line }: Call, names: Names): Tree | undefined {
  const target = attributeTarget(argument)
  return target === undefined
    ? broken(names, line, `Fn::GetAtt: ${nameOf(argument)} is not LogicalId.Attribute`)
    : names.attribute(target.logicalId, target.attribute, line)
}

/** `X.Arn` or `[X, Arn]`; an attribute may have dots of its own. */
function attributeTarget(
  argument: Tree,
): { readonly logicalId: string; readonly attribute: string } | undefined {
  const parts = argument.kind === 'list' ? argument.items : [argument]
  const path = parts.map((part) => (part.kind === 'text' ? part.text : '')).join('.')
  const [, logicalId, attribute] = /^([^.]+)\.(.+)$/.exec(path) ?? []
  return logicalId === undefined || attribute === undefined ? undefined : { logicalId, attribute }
}

/** `${Name}`, `${Name.Attribute}`; `${!Name}` is the way to write `${Name}` itself. */
const placeholder = /\$\{([^!}][^}]*)\}/g

function placeholdersOf(template: string): readonly string[] {
  return [...template.matchAll(placeholder)].map(([, name]) => (name ?? '').trim())
}

function templateOf(argument: Tree): Text | undefined {
  const [first] = argument.kind === 'list' ? argument.items : [argument]
  return first?.kind === 'text' ? first : undefined
}

function variablesOf(argument: Tree): ReadonlyMap<string, Entry> {
  const second = argument.kind === 'list' ? argument.items[1] : undefined
  return second?.kind === 'mapping' ? second.entries : new Map<string, Entry>()
}

function sub({ argument, line }: Call, names: Names): Tree | undefined {
  const template = templateOf(argument)
  const isPair = argument.kind === 'list' && argument.items.length === 2
  if (template === undefined || (argument.kind === 'list' && !isPair)) {
    return broken(names, line, 'Fn::Sub: neither a text nor a list of a text and a mapping')
  }
  const own = variablesOf(argument)
  const values = new Map<string, string>()
  for (const name of placeholdersOf(template.text)) {
    const value = valueOfPlaceholder(name, { own, names, line })
    if (value?.kind === 'broken') return value
    if (value?.kind !== 'text') return broken(names, line, `Fn::Sub: \${${name}} is not a text`)
    values.set(name, value.text)
  }
  const filled = template.text
    .replace(placeholder, (_, name: string) => values.get(name.trim()) ?? '')
    .replaceAll('${!', '${')
  return text(filled, line)
}

function valueOfPlaceholder(
  name: string,
  at: {
    readonly own: ReadonlyMap<string, Entry>
    readonly names: Names
    readonly line: number
  },
): Tree | undefined {
  const variable = at.own.get(name)
  if (variable !== undefined) return resolve(variable.value, at.names)
  const dot = name.indexOf('.')
  if (dot < 0) return at.names.ref(name, at.line)
  return at.names.attribute(name.slice(0, dot), name.slice(dot + 1), at.line)
}

function join({ argument, line }: Call, names: Names): Tree | undefined {
  const [delimiter, list] = listOf(argument, names)
  if (delimiter?.kind !== 'text' || list?.kind !== 'list') {
    return broken(names, line, 'Fn::Join: not a delimiter and a list of texts')
  }
  const texts = list.items.map((item) => (item.kind === 'text' ? item.text : undefined))
  if (texts.includes(undefined)) return broken(names, line, 'Fn::Join: an item is not a text')
  return text(texts.join(delimiter.text), line)
}

function split({ argument, line }: Call, names: Names): Tree | undefined {
  const [delimiter, source] = listOf(argument, names)
  if (delimiter?.kind !== 'text' || source?.kind !== 'text') {
    return broken(names, line, 'Fn::Split: not a delimiter and a text')
  }
  const items = source.text.split(delimiter.text).map((part) => text(part, line))
  return { kind: 'list', items, line }
}

function select({ argument, line }: Call, names: Names): Tree | undefined {
  const [index, list] = listOf(argument, names)
  if (index?.kind !== 'text' || !/^\d+$/.test(index.text) || list?.kind !== 'list') {
    return broken(names, line, 'Fn::Select: not an index and a list')
  }
  return (
    list.items[Number(index.text)] ??
    broken(names, line, `Fn::Select: no item ${index.text} in a list of ${list.items.length}`)
  )
}

/** Only the branch that is taken is looked at: the other may refer to what is not there. */
function choose({ argument, line }: Call, names: Names): Tree | undefined {
  const [condition, then, otherwise, ...others] = argument.kind === 'list' ? argument.items : []
  if (condition?.kind !== 'text' || then === undefined || otherwise === undefined) {
    return broken(names, line, 'Fn::If: not a condition and two values')
  }
  if (others.length > 0) return broken(names, line, 'Fn::If: not a condition and two values')
  const value = names.condition(condition.text, line)
  if (value === undefined) return { kind: 'broken', line }
  return resolve(value ? then : otherwise, names)
}

function findInMap({ argument, line }: Call, names: Names): Tree | undefined {
  const items = listOf(argument, names)
  const broke = items.find((item) => item?.kind === 'broken')
  if (broke !== undefined) return broke
  const [map, first, second, ...others] = items
  if (map?.kind !== 'text' || first?.kind !== 'text' || second?.kind !== 'text') {
    return broken(names, line, 'Fn::FindInMap: not the names of a mapping and of two keys')
  }
  if (others.length > 0) {
    return broken(names, line, 'Fn::FindInMap: a DefaultValue is not supported')
  }
  return names.inMap(map.text, [first.text, second.text], line)
}

function base64({ argument, line }: Call, names: Names): Tree | undefined {
  const value = resolve(argument, names)
  if (value?.kind === 'broken') return value
  return value?.kind === 'text'
    ? text(Buffer.from(value.text).toString('base64'), line)
    : broken(names, line, 'Fn::Base64: not a text')
}

function importValue({ argument, line }: Call, names: Names): Tree | undefined {
  const value = resolve(argument, names)
  if (value?.kind === 'broken') return value
  if (value?.kind !== 'text') return broken(names, line, 'Fn::ImportValue: not a text')
  names.findings.warn(
    line,
    `the text "${value.text}" takes the place of what another stack exports`,
  )
  return value
}

function availabilityZones({ argument, line }: Call, names: Names): Tree | undefined {
  const value = resolve(argument, names)
  const region = value?.kind === 'text' && value.text !== '' ? value.text : names.region
  names.findings.warn(line, `zones a, b and c take the place of those that ${region} has`)
  return { kind: 'list', items: ['a', 'b', 'c'].map((zone) => text(region + zone, line)), line }
}

function listOf(argument: Tree, names: Names): readonly (Tree | undefined)[] {
  const resolved = resolve(argument, names)
  return resolved?.kind === 'list' ? resolved.items : []
}
