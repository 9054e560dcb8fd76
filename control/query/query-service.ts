// What a service of AWS's query protocol is: operations named in a form, each a function of plain values.
import { Violations } from '../../common/aws/validation.ts'

/** What a refused call answers: a value, as being refused is an ordinary outcome. */
export class QueryError {
  readonly code: string
  readonly message: string
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    this.code = code
    this.message = message
    this.status = status
  }
}

/** What an operation comes to: its result's members, nothing, or why it was refused. */
export type QueryOutcome = object | undefined | QueryError

export type QueryOperation = (form: QueryForm) => QueryOutcome | Promise<QueryOutcome>

export interface QueryService {
  readonly xmlns: string
  /** By AWS's names, as the form's `Action` says them. */
  readonly operations: Readonly<Record<string, QueryOperation>>
}

/** The members of a request, which are all texts: `Tags.member.1.Key`. */
export class QueryForm {
  readonly #fields: URLSearchParams
  readonly #prefix: string

  constructor(fields: URLSearchParams, prefix = '') {
    this.#fields = fields
    this.#prefix = prefix
  }

  text(name: string): string | undefined {
    return this.#fields.get(this.#prefix + name) ?? undefined
  }

  /** Anything but a number is a violation. */
  whole(name: string, violations: Violations): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (/^-?\d{1,9}$/.test(text)) return Number(text)
    violations.violated(memberName(name), 'Member must be an integer')
    return undefined
  }

  /** The members of a list of texts, in their order. */
  texts(name: string): readonly string[] {
    return this.#numbers(name).map((number) => this.text(`${name}.member.${number}`) ?? '')
  }

  /** The members of a list of structures, each as a form of its own. */
  structures(name: string): readonly QueryForm[] {
    return this.#numbers(name).map(
      (number) => new QueryForm(this.#fields, `${this.#prefix}${name}.member.${number}.`),
    )
  }

  #numbers(name: string): readonly number[] {
    const start = `${this.#prefix}${name}.member.`
    const numbers = new Set<number>()
    for (const key of this.#fields.keys()) {
      if (!key.startsWith(start)) continue
      const [, digits] = /^(\d{1,4})(?:\.|$)/.exec(key.slice(start.length)) ?? []
      if (digits !== undefined) numbers.add(Number(digits))
    }
    return [...numbers].toSorted((a, b) => a - b)
  }
}

/** As AWS names members in its violations. */
export function memberName(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}

/** These services have a code of their own for what is wrong with a request's values. */
export function violationsOf(violations: Violations): QueryError | undefined {
  const error = violations.error()
  return error === undefined ? undefined : new QueryError('ValidationError', error.message)
}
