// Collects what is wrong with a template or not supported of it, each with the line it is about.

/** A sentence about one line of a file. */
export interface Finding {
  readonly file: string
  readonly line: number
  readonly message: string
}

/** Findings come out once each, in the order of their lines. */
export class Findings {
  readonly #file: string
  readonly #warnings = new Map<string, Finding>()
  readonly #errors = new Map<string, Finding>()

  constructor(file: string) {
    this.#file = file
  }

  /** Something that is left out, or done differently than the template's author may think. */
  warn(line: number, message: string): void {
    this.#warnings.set(`${line} ${message}`, { file: this.#file, line, message })
  }

  /** Something that keeps the template from being deployed. */
  error(line: number, message: string): void {
    this.#errors.set(`${line} ${message}`, { file: this.#file, line, message })
  }

  warnings(): readonly Finding[] {
    return [...this.#warnings.values()].sort((a, b) => a.line - b.line)
  }

  errors(): readonly Finding[] {
    return [...this.#errors.values()].sort((a, b) => a.line - b.line)
  }
}

/** `template.yaml:12: Handler is missing`. */
export function formatFinding({ file, line, message }: Finding): string {
  return `${file}:${line}: ${message}`
}
