// Parses a template, YAML or JSON, into a tree that keeps line numbers and short tags.
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Alias,
  type Document,
  type Node,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import { templateMaxBytes, templateMaxDepth, templateMaxNodes } from '../../common/limits.ts'
import type { Findings } from './findings.ts'
import type { Entry, Mapping, Tree } from './tree.ts'

/** The template's root, or undefined when errors were found. */
export function parseTemplate(text: string, findings: Findings): Mapping | undefined {
  if (Buffer.byteLength(text) > templateMaxBytes) {
    findings.error(1, `a template has at most ${templateMaxBytes} bytes`)
    return undefined
  }
  const lines = new LineCounter()
  // Everything stays text: CloudFormation decides by the property what a value is, and an account id
  // such as 012345678901 must not become a number on the way.
  const document = parseDocument(text, {
    schema: 'failsafe',
    lineCounter: lines,
    prettyErrors: false,
    // Ours are reported per tag, with a better sentence.
    logLevel: 'error',
  })
  for (const error of document.errors) {
    findings.error(lines.linePos(error.pos[0]).line, error.message)
  }
  if (document.errors.length > 0) return undefined
  const builder = new TreeBuilder({ text, document, lines, findings })
  const root = builder.build(document.contents, 0)
  if (findings.errors().length > 0) return undefined
  if (root.kind === 'mapping') return root
  findings.error(root.line, 'a template is a mapping with Resources')
  return undefined
}

interface Source {
  readonly text: string
  readonly document: Document
  readonly lines: LineCounter
  readonly findings: Findings
}

class TreeBuilder {
  readonly #source: Source
  readonly #targets = new Map<Alias, Node>()
  #nodes = 0
  #exceeded = false

  constructor(source: Source) {
    this.#source = source
  }

  build(node: unknown, depth: number): Tree {
    const line = this.#lineOf(node)
    if (this.#exceeds(line, depth)) return { kind: 'broken', line }
    if (isAlias(node)) return this.build(this.#target(node), depth + 1)
    if (isScalar(node)) return this.#tagged(node, scalar(node, line))
    if (isSeq(node)) {
      const items = node.items.map((item) => this.build(item, depth + 1))
      return this.#tagged(node, { kind: 'list', items, line })
    }
    if (isMap(node)) return this.#tagged(node, this.#mapping(node, { line, depth }))
    return { kind: 'null', line }
  }

  /** Finding an anchor walks the document, so each alias looks for its own once. */
  #target(alias: Alias): unknown {
    const known = this.#targets.get(alias)
    if (known !== undefined) return known
    const target = alias.resolve(this.#source.document)
    if (target !== undefined) this.#targets.set(alias, target)
    return target
  }

  // Aliases let a short file describe an endless tree.
  #exceeds(line: number, depth: number): boolean {
    this.#nodes += 1
    if (this.#exceeded) return true
    if (depth <= templateMaxDepth && this.#nodes <= templateMaxNodes) return false
    this.#exceeded = true
    this.#source.findings.error(line, 'the template is nested too deeply, or repeats itself')
    return true
  }

  #mapping(node: YAMLMap, at: { readonly line: number; readonly depth: number }): Tree {
    const entries = new Map<string, Entry>()
    for (const { key, value } of node.items) {
      const line = this.#lineOf(key)
      if (!isScalar(key)) {
        this.#source.findings.error(line, 'a key is a text')
        continue
      }
      const built = this.build(value, at.depth + 1)
      // An empty value has no place of its own in the text, so it has its key's.
      entries.set(String(key.value), {
        line,
        value: built.kind === 'null' ? { ...built, line } : built,
      })
    }
    const [first] = entries
    if (entries.size === 1 && first !== undefined && /^(?:Ref|Fn::\w+)$/.test(first[0])) {
      return { kind: 'call', name: first[0], argument: first[1].value, line: first[1].line }
    }
    return { kind: 'mapping', entries, line: at.line }
  }

  /** `!Sub x` is `Fn::Sub: x`; `!Ref` alone has no prefix. */
  #tagged(node: { tag?: string }, tree: Tree): Tree {
    const { tag } = node
    if (tag === undefined || /^tag:yaml\.org,2002:(?:str|seq|map)$/.test(tag)) return tree
    if (!/^!\w/.test(tag)) {
      this.#source.findings.error(tree.line, `the tag ${tag} is not known in templates`)
      return tree
    }
    const name = tag.slice(1)
    const long = name === 'Ref' || name === 'Condition' ? name : `Fn::${name}`
    return { kind: 'call', name: long, argument: tree, line: this.#lineOfTag(node, tag) }
  }

  #lineOf(node: unknown): number {
    return this.#source.lines.linePos(startOf(node)).line || 1
  }

  // A node starts after its tag, which may stand a line above.
  #lineOfTag(node: unknown, tag: string): number {
    const start = this.#source.text.lastIndexOf(tag, startOf(node))
    return this.#source.lines.linePos(Math.max(0, start)).line
  }
}

function scalar(node: Scalar, line: number): Tree {
  const text = typeof node.value === 'string' ? node.value : ''
  if (node.type === 'PLAIN' && /^(?:|~|null|Null|NULL)$/.test(text) && node.tag === undefined) {
    return { kind: 'null', line }
  }
  return { kind: 'text', text, line }
}

function startOf(node: unknown): number {
  const hasRange = typeof node === 'object' && node !== null && 'range' in node
  return hasRange && Array.isArray(node.range) ? Number(node.range[0]) : 0
}
