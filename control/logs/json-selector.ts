// Compiles a selector of JSON events, `{ $.level = "ERROR" && $.ms > 10 }`, into a test of messages.
import { JsonApiError } from '../json/json-service.ts'
import { invalidParameter } from './log-errors.ts'

type Test = (event: unknown) => boolean
type Path = readonly (string | number)[]

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

interface Token {
  readonly kind: 'path' | 'symbol' | 'text' | 'word'
  readonly text: string
}

/** A message that is no JSON object matches none. */
export function compileJsonSelector(
  pattern: string,
): ((message: string) => boolean) | JsonApiError {
  const [, body] = /^\{([\s\S]*)\}$/.exec(pattern) ?? []
  const tokens = body === undefined ? undefined : tokensOf(body)
  const parser = new Parser(tokens ?? [])
  const test = tokens === undefined ? undefined : parser.any()
  if (test === undefined || !parser.isAtEnd) {
    return invalidParameter(`Invalid filter pattern: ${pattern}`)
  }
  return (message) => {
    const event = parse(message)
    return event !== undefined && test(event)
  }
}

function parse(message: string): unknown {
  if (!/^\s*\{/.test(message)) return undefined
  try {
    return JSON.parse(message)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const tokenPattern =
  /\s*(?:(?<path>\$(?:\.[\w$-]+|\[\d+\]|\['[^']*'\])+)|(?<symbol>&&|\|\||!=|<=|>=|[=<>()])|"(?<text>(?:[^"\\]|\\.)*)"|(?<word>[\w.*:/@+-]+))/y

function tokensOf(body: string): readonly Token[] | undefined {
  const tokens: Token[] = []
  const end = body.trimEnd().length
  tokenPattern.lastIndex = 0
  while (tokenPattern.lastIndex < end) {
    const groups = tokenPattern.exec(body)?.groups
    if (groups === undefined) return undefined
    const [kind, text] = Object.entries(groups).find(([, value]) => value !== undefined) ?? []
    if (kind === undefined || text === undefined) return undefined
    tokens.push({ kind: kind as Token['kind'], text })
  }
  return tokens
}

/** Each method answers undefined for what it cannot read. */
class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length
  }

  /** a || b: binds less than &&. */
  any(): Test | undefined {
    const tests = this.#separated('||', () => this.#all())
    return tests && ((event) => tests.some((test) => test(event)))
  }

  #all(): Test | undefined {
    const tests = this.#separated('&&', () => this.#one())
    return tests && ((event) => tests.every((test) => test(event)))
  }

  #separated(symbol: string, read: () => Test | undefined): readonly Test[] | undefined {
    const tests: Test[] = []
    do {
      const test = read()
      if (test === undefined) return undefined
      tests.push(test)
    } while (this.#takes('symbol', symbol))
    return tests
  }

  #one(): Test | undefined {
    if (this.#takes('symbol', '(')) {
      const test = this.any()
      return this.#takes('symbol', ')') ? test : undefined
    }
    const selector = this.#next()
    if (selector?.kind !== 'path') return undefined
    const path = pathOf(selector.text)
    if (this.#takes('word', 'IS')) return this.#is(path)
    if (this.#takes('word', 'NOT')) {
      return this.#takes('word', 'EXISTS')
        ? (event) => valueAt(event, path) === undefined
        : undefined
    }
    return this.#comparison(path)
  }

  #is(path: Path): Test | undefined {
    const word = this.#next()?.text.toUpperCase()
    if (word === 'NULL') return (event) => valueAt(event, path) === null
    if (word !== 'TRUE' && word !== 'FALSE') return undefined
    return (event) => valueAt(event, path) === (word === 'TRUE')
  }

  #comparison(path: Path): Test | undefined {
    const symbol = this.#next()
    const compare = symbol?.kind === 'symbol' ? comparisons[symbol.text] : undefined
    const operand = this.#next()
    if (compare === undefined || operand === undefined) return undefined
    if (operand.kind !== 'text' && operand.kind !== 'word') return undefined
    const number = operand.kind === 'word' ? Number(operand.text) : NaN
    if (!Number.isNaN(number)) {
      return (event) => {
        const value = valueAt(event, path)
        return typeof value === 'number' && compare(value, number)
      }
    }
    const isEqual = symbol?.text === '='
    if (!isEqual && symbol?.text !== '!=') return undefined
    const pieces = operand.text.replaceAll(/\\(.)/g, '$1').split('*')
    return (event) => {
      const value = valueAt(event, path)
      if (typeof value !== 'string' && typeof value !== 'boolean') return false
      return matchesPieces(String(value), pieces) === isEqual
    }
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at++]
  }

  #takes(kind: Token['kind'], text: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== kind || token.text.toUpperCase() !== text) return false
    this.#at += 1
    return true
  }
}

function pathOf(selector: string): Path {
  const steps = selector.matchAll(/\.([\w$-]+)|\[(\d+)\]|\['([^']*)'\]/g)
  return [...steps].map(([, name, index, quoted]) =>
    index === undefined ? (name ?? quoted ?? '') : Number(index),
  )
}

function valueAt(event: unknown, path: Path): unknown {
  let value = event
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string | number, unknown>)[step]
  }
  return value
}

/** Whether `text` is the pieces one after another with anything between them. */
function matchesPieces(text: string, pieces: readonly string[]): boolean {
  const [first = '', ...rest] = pieces
  if (rest.length === 0) return text === first
  if (!text.startsWith(first)) return false
  let at = first.length
  const last = rest.pop() ?? ''
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
