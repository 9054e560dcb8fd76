// Reads resolved trees into typed values by tables of properties; says with the line what is wrong.
import type { Findings } from './findings.ts'
import { resolve, type Names } from './intrinsics.ts'
import { nameOf, type Mapping, type Tree } from './tree.ts'

/** Where a value stands: its path for sentences (`Environment.Variables`), and who hears of errors. */
export interface Place {
  readonly path: string
  readonly findings: Findings
}

/** Returns undefined after it has reported what is wrong. */
export type Reader<T> = (tree: Tree, place: Place) => T | undefined

export type Readers = Readonly<Record<string, Reader<unknown>>>

export type ValuesOf<Table extends Readers> = {
  readonly [Name in keyof Table]?: Table[Name] extends Reader<infer Value> ? Value : never
}

/** The properties of one kind of thing: which are read, needed, or of no consequence here. */
export interface PropertyTable<Table extends Readers> {
  readonly read: Table
  readonly required?: readonly (keyof Table & string)[]
  /** Accepted without a word: they mean nothing on one's own machine. */
  readonly ignored?: readonly string[]
}

/** A mapping to be read. `subject` opens its sentences; `line` is where a missing property is missing. */
export interface Subject {
  readonly subject: string
  /** Opens a warning in its place, so that one of a property of Globals is given once for all. */
  readonly kind?: string
  readonly line: number
  readonly names: Names
}

/**
 * Reads the properties of `mapping` that `table` lists, resolving each first. Others are named in a
 * warning, wrong and missing ones in an error; the values are those that could be read.
 */
export function readProperties<Table extends Readers>(
  mapping: Mapping,
  table: PropertyTable<Table>,
  { subject, kind = subject, line, names }: Subject,
): ValuesOf<Table> {
  const values: Record<string, unknown> = {}
  const { findings } = names
  const present = new Set<string>()
  for (const [name, entry] of mapping.entries) {
    if (table.ignored?.includes(name) === true) continue
    const reader = Object.hasOwn(table.read, name) ? table.read[name] : undefined
    if (reader === undefined) {
      findings.warn(entry.line, `${kind}: ${unsupported(name, table.read)}`)
      continue
    }
    const tree = resolve(entry.value, names)
    if (tree === undefined) continue
    present.add(name)
    const value = reader(tree, { path: `${subject}: ${name}`, findings })
    if (value !== undefined) values[name] = value
  }
  for (const name of table.required ?? []) {
    if (!present.has(name)) findings.error(line, `${subject}: ${name} is missing`)
  }
  return values as ValuesOf<Table>
}

function unsupported(name: string, known: Readers): string {
  const near = Object.keys(known).find((other) => distanceAtMostTwo(name, other))
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`
  return `the property ${name} is not supported${hint}`
}

/** Whether one name becomes the other by up to two letters more, less or changed. */
function distanceAtMostTwo(a: string, b: string): boolean {
  const within = (i: number, j: number, left: number): boolean => {
    if (left < 0) return false
    if (i === a.length || j === b.length) return a.length - i + (b.length - j) <= left
    if (a[i] === b[j]) return within(i + 1, j + 1, left)
    return (
      within(i + 1, j + 1, left - 1) || within(i + 1, j, left - 1) || within(i, j + 1, left - 1)
    )
  }
  return within(0, 0, 2)
}

function wrong(tree: Tree, { path, findings }: Place, expected: string): undefined {
  if (tree.kind !== 'broken')
    findings.error(tree.line, `${path}: ${nameOf(tree)} is not ${expected}`)
  return undefined
}

function scalar<T>(expected: string, parse: (text: string) => T | undefined): Reader<T> {
  return (tree, place) => {
    const value = tree.kind === 'text' ? parse(tree.text) : undefined
    return value ?? wrong(tree, place, expected)
  }
}

export const text: Reader<string> = scalar('a text', (value) => value)

export const switchValue: Reader<boolean> = scalar('true or false', (value) => {
  if (/^true$/i.test(value)) return true
  return /^false$/i.test(value) ? false : undefined
})

export function wholeNumber(least: number, most: number): Reader<number> {
  return scalar(`a whole number from ${least} to ${most}`, (value) => {
    const number = /^-?\d+$/.test(value) ? Number(value) : NaN
    return number >= least && number <= most ? number : undefined
  })
}

/** Seconds since the epoch, with or without a fraction. */
export const epochSeconds: Reader<number> = scalar('a time in seconds since 1970', (value) =>
  /^\d{1,11}(?:\.\d+)?$/.test(value) ? Number(value) : undefined,
)

export function oneOf<const Word extends string>(...words: readonly Word[]): Reader<Word> {
  return scalar(`one of ${words.join(', ')}`, (value) => words.find((word) => word === value))
}

/** Any value as plain data, in which every scalar is a text. */
export const anything: Reader<unknown> = (tree) => plain(tree)

function plain(tree: Tree): unknown {
  if (tree.kind === 'text') return tree.text
  if (tree.kind === 'list') return tree.items.map(plain)
  if (tree.kind !== 'mapping') return undefined
  return Object.fromEntries([...tree.entries].map(([name, { value }]) => [name, plain(value)]))
}

/** A list in which every item can be read. */
export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (tree, place) => {
    if (tree.kind !== 'list') return wrong(tree, place, 'a list')
    const values = tree.items.map((each, index) =>
      item(each, { ...place, path: `${place.path}[${index}]` }),
    )
    return values.includes(undefined) ? undefined : (values as T[])
  }
}

/** A mapping of any names to values of one kind. */
export function record<T>(value: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (tree, place) => {
    if (tree.kind !== 'mapping') return wrong(tree, place, 'a mapping')
    const entries = [...tree.entries].map(
      ([name, entry]) =>
        [name, value(entry.value, { ...place, path: `${place.path}.${name}` })] as const,
    )
    if (entries.some(([, each]) => each === undefined)) return undefined
    return Object.fromEntries(entries) as Record<string, T>
  }
}

/** A mapping of these names, all optional; another name is an error, as what it asks for is unclear. */
export function object<Table extends Readers>(table: Table): Reader<ValuesOf<Table>> {
  return (tree, place) => {
    if (tree.kind !== 'mapping') return wrong(tree, place, 'a mapping')
    const values: Record<string, unknown> = {}
    let complete = true
    for (const [name, { line, value }] of tree.entries) {
      const reader = Object.hasOwn(table, name) ? table[name] : undefined
      if (reader === undefined) {
        place.findings.error(line, `${place.path}: ${name} does not belong here`)
        complete = false
        continue
      }
      values[name] = reader(value, { ...place, path: `${place.path}.${name}` })
      complete &&= values[name] !== undefined
    }
    return complete ? (values as ValuesOf<Table>) : undefined
  }
}

/** What either of two readers makes of a tree: `mapping` of a mapping, `otherwise` of the rest. */
export function either<A, B>(mapping: Reader<A>, otherwise: Reader<B>): Reader<A | B> {
  return (tree, place) => (tree.kind === 'mapping' ? mapping(tree, place) : otherwise(tree, place))
}
