// Evaluates a template's Conditions, each once, from parameters and Mappings.
import { resolve, type Names } from './intrinsics.ts'
import { nameOf, type Call, type Mapping, type Tree } from './tree.ts'

/** Values of conditions by name; undefined stands for one that is wrong, which has been reported. */
export class Conditions {
  readonly #section: Mapping
  readonly #values = new Map<string, boolean | undefined>()
  readonly #open = new Set<string>()

  constructor(section: Mapping) {
    this.#section = section
  }

  /** Evaluates all of them, as a wrong one is an error even where nothing uses it. */
  check(names: Names): void {
    for (const [name, { line }] of this.#section.entries) this.value(name, line, names)
  }

  /** `line` is where the condition is used. */
  value(name: string, line: number, names: Names): boolean | undefined {
    if (this.#values.has(name)) return this.#values.get(name)
    const declared = this.#section.entries.get(name)
    if (declared === undefined) {
      return wrong(names, line, `the condition ${name} is not declared`)
    }
    if (this.#open.has(name)) return wrong(names, line, `the condition ${name} refers to itself`)
    this.#open.add(name)
    const value = evaluate(declared.value, names)
    this.#open.delete(name)
    this.#values.set(name, value)
    return value
  }
}

type Evaluate = (call: Call, names: Names) => boolean | undefined

const functions: Readonly<Record<string, Evaluate>> = {
  'Fn::And': (call, names) => combine(call, names, (values) => values.every((value) => value)),
  'Fn::Or': (call, names) => combine(call, names, (values) => values.some((value) => value)),
  'Fn::Not': not,
  'Fn::Equals': equals,
}

function evaluate(tree: Tree, names: Names): boolean | undefined {
  const name = referenceOf(tree)
  if (name !== undefined) return names.condition(name, tree.line)
  const evaluateCall =
    tree.kind === 'call' && Object.hasOwn(functions, tree.name) ? functions[tree.name] : undefined
  if (tree.kind !== 'call' || evaluateCall === undefined) {
    return wrong(names, tree.line, `${nameOf(tree)} is not a condition`)
  }
  return evaluateCall(tree, names)
}

/** `!Condition X` or `Condition: X`. */
function referenceOf(tree: Tree): string | undefined {
  const argument =
    tree.kind === 'call' && tree.name === 'Condition'
      ? tree.argument
      : tree.kind === 'mapping' && tree.entries.size === 1
        ? tree.entries.get('Condition')?.value
        : undefined
  return argument?.kind === 'text' ? argument.text : undefined
}

function combine(
  { name, argument, line }: Call,
  names: Names,
  combined: (values: readonly boolean[]) => boolean,
): boolean | undefined {
  // CloudFormation: from two to ten.
  if (argument.kind !== 'list' || argument.items.length < 2 || argument.items.length > 10) {
    return wrong(names, line, `${name}: not a list of two to ten conditions`)
  }
  const values = argument.items.map((item) => evaluate(item, names))
  const sound = values.filter((value) => value !== undefined)
  return sound.length === values.length ? combined(sound) : undefined
}

function not({ argument, line }: Call, names: Names): boolean | undefined {
  const [only, ...others] = argument.kind === 'list' ? argument.items : []
  if (only === undefined || others.length > 0) {
    return wrong(names, line, 'Fn::Not: not a list of one condition')
  }
  const value = evaluate(only, names)
  return value === undefined ? undefined : !value
}

function equals({ argument, line }: Call, names: Names): boolean | undefined {
  const resolved = resolve(argument, names)
  const [left, right, ...others] = resolved?.kind === 'list' ? resolved.items : []
  if (left?.kind === 'broken' || right?.kind === 'broken') return undefined
  if (left?.kind !== 'text' || right?.kind !== 'text' || others.length > 0) {
    return wrong(names, line, 'Fn::Equals: not a list of two texts')
  }
  return left.text === right.text
}

function wrong(names: Names, line: number, message: string): undefined {
  names.findings.error(line, message)
  return undefined
}
