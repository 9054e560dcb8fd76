// The tree of a template: texts, lists, mappings and intrinsic function calls, each with its line.

/** A scalar as written. CloudFormation knows no types below this: `"30"` and `30` are one value. */
export interface Text {
  readonly kind: 'text'
  readonly text: string
  readonly line: number
  /** The value of a parameter with NoEcho, which no sentence shows. */
  readonly isHidden?: boolean
}

export interface List {
  readonly kind: 'list'
  readonly items: readonly Tree[]
  readonly line: number
}

export interface Mapping {
  readonly kind: 'mapping'
  readonly entries: ReadonlyMap<string, Entry>
  readonly line: number
}

/** `line` is the key's, which is where a person looks for a property. */
export interface Entry {
  readonly line: number
  readonly value: Tree
}

/** An intrinsic function by its long name (`Ref`, `Fn::Sub`), whichever form it was written in. */
export interface Call {
  readonly kind: 'call'
  readonly name: string
  readonly argument: Tree
  readonly line: number
}

/** Nothing was written where a value belongs. */
export interface Null {
  readonly kind: 'null'
  readonly line: number
}

/** Stands where a call could not be resolved; the error about it has been reported. */
export interface Broken {
  readonly kind: 'broken'
  readonly line: number
}

/** What the parser makes; a `call` is gone after resolution, a `broken` comes with it. */
export type Tree = Text | List | Mapping | Call | Null | Broken

export function emptyMapping(line: number): Mapping {
  return { kind: 'mapping', entries: new Map(), line }
}

/** What a tree is, for a sentence that expected something else. */
export function nameOf(tree: Tree): string {
  if (tree.kind === 'text') return tree.isHidden === true ? 'the value' : JSON.stringify(tree.text)
  return tree.kind === 'call' ? tree.name : kindNames[tree.kind]
}

const kindNames: Readonly<Record<Exclude<Tree['kind'], 'text' | 'call'>, string>> = {
  list: 'a list',
  mapping: 'a mapping',
  null: 'nothing',
  broken: 'a value in error',
}

/**
 * `Globals` under a resource's own properties, as SAM merges them: mappings key by key, lists one
 * after the other, and of anything else the resource's own.
 */
export function mergeTrees(global: Tree, own: Tree): Tree {
  if (global.kind === 'list' && own.kind === 'list') {
    return { ...own, items: [...global.items, ...own.items] }
  }
  if (global.kind !== 'mapping' || own.kind !== 'mapping') return own
  const entries = new Map(global.entries)
  for (const [key, entry] of own.entries) {
    const below = entries.get(key)
    const value = below === undefined ? entry.value : mergeTrees(below.value, entry.value)
    entries.set(key, { line: entry.line, value })
  }
  return { ...own, entries }
}
