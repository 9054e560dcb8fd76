// Collects violations of a request's shape and counts them in one ValidationException, as AWS does.
import { ApiError } from './api-error.ts'

/** Members' names are the wire's with a small first letter: `functionName`, `batchSize`. */
export class Violations {
  readonly #found: string[] = []

  required(name: string, value: unknown): void {
    if (value === undefined) this.#add(name, 'null', 'Member must not be null')
  }

  range(name: string, value: number | undefined, [least, most]: readonly [number, number]): void {
    if (value === undefined) return
    const quoted = `'${value}'`
    if (value < least) {
      this.#add(name, quoted, `Member must have value greater than or equal to ${least}`)
    }
    if (value > most) {
      this.#add(name, quoted, `Member must have value less than or equal to ${most}`)
    }
  }

  /** Of a text or a list. */
  length(
    name: string,
    value: string | readonly unknown[] | undefined,
    [least, most]: readonly [number, number],
  ): void {
    if (value === undefined) return
    const quoted = quote(value)
    if (value.length < least) {
      this.#add(name, quoted, `Member must have length greater than or equal to ${least}`)
    }
    if (value.length > most) {
      this.#add(name, quoted, `Member must have length less than or equal to ${most}`)
    }
  }

  /** `pattern` is AWS's own text; all of the value must match. */
  pattern(name: string, value: string | undefined, pattern: string): void {
    if (value === undefined || matchesWholly(pattern, value)) return
    const constraint = `Member must satisfy regular expression pattern: ${pattern}`
    this.#add(name, quote(value), constraint)
  }

  oneOf(name: string, value: string | undefined, words: readonly string[]): void {
    if (value === undefined || words.includes(value)) return
    const constraint = `Member must satisfy enum value set: [${words.join(', ')}]`
    this.#add(name, quote(value), constraint)
  }

  /** For a constraint that has no form of its own; AWS then leaves the value out. */
  violated(name: string, constraint: string): void {
    this.#found.push(`Value at '${name}' failed to satisfy constraint: ${constraint}`)
  }

  /** For a constraint of a map, which AWS quotes as Java writes it. */
  violatedBy(name: string, quoted: string, constraint: string): void {
    this.#add(name, `'${quoted.slice(0, quotedMaxLength)}'`, constraint)
  }

  /** Undefined when nothing was violated. */
  error(): ApiError<'ValidationException'> | undefined {
    const count = this.#found.length
    if (count === 0) return undefined
    const heading = `${count} validation error${count === 1 ? '' : 's'} detected`
    return new ApiError('ValidationException', `${heading}: ${this.#found.join('; ')}`)
  }

  #add(name: string, value: string, constraint: string): void {
    this.#found.push(`Value ${value} at '${name}' failed to satisfy constraint: ${constraint}`)
  }
}

const compiled = new Map<string, RegExp>()

/** Patterns are the few constants of the rules, so none is compiled twice. */
export function matchesWholly(pattern: string, value: string): boolean {
  let regExp = compiled.get(pattern)
  if (regExp === undefined) {
    // Classes by property of a character are of the Unicode mode, which not all of the patterns are sound in.
    regExp = new RegExp(`^(?:${pattern})$`, pattern.includes('\\p{') ? 'u' : '')
    compiled.set(pattern, regExp)
  }
  return regExp.test(value)
}

/** How much of a wrong value is told back; AWS tells all of it. */
const quotedMaxLength = 2000

function quote(value: string | readonly unknown[]): string {
  const text = typeof value === 'string' ? value : `[${value.join(', ')}]`
  return `'${text.slice(0, quotedMaxLength)}'`
}

/**
 * Whether a member says no more than its absence: null, nothing in it, or AWS's default. Parameters
 * that this platform cannot honour are accepted in that form only.
 */
export function saysNothing(value: unknown): boolean {
  // Not by recursion: a request may be nested as deep as it is long.
  const rest: unknown[] = [value]
  while (rest.length > 0) {
    const each = rest.pop()
    if (each === undefined || each === null || each === '') continue
    if (typeof each !== 'object') return false
    if (Array.isArray(each) && each.length > 0) return false
    for (const inner of Object.values(each) as unknown[]) rest.push(inner)
  }
  return true
}
