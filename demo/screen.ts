// Shows the table: redrawn in place on a terminal, a plain line now and then elsewhere.
import { headerLine, rowLine, type Row } from './table.ts'

/** Standard output. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** Rows that stay on a terminal; older ones scroll out of the table. */
const rowsShown = 15
/** Without a terminal, a line of every second reading. */
const plainEvery = 2

export class Screen {
  readonly #output: Output
  readonly #rows: Row[] = []
  #readings = 0
  #drawnLines = 0

  constructor(output: Output) {
    this.#output = output
  }

  /** A line above the table that stays. */
  say(line: string): void {
    this.#output.write(`${this.#eraser()}${line}\n${this.#table()}`)
  }

  add(row: Row): void {
    this.#readings += 1
    if (this.#output.isTTY !== true) {
      if (this.#readings === 1) this.#output.write(`${headerLine()}\n`)
      if (this.#readings % plainEvery === 0) this.#output.write(`${rowLine(row)}\n`)
      return
    }
    this.#rows.push(row)
    if (this.#rows.length > rowsShown) this.#rows.shift()
    // In one write: what is erased must not be seen missing.
    this.#output.write(`${this.#eraser()}${this.#table()}`)
  }

  // ECMA-48: CPL moves to the start of a line above, ED erases from there to the end of the screen.
  #eraser(): string {
    return this.#drawnLines === 0 ? '' : `\u001B[${this.#drawnLines}F\u001B[J`
  }

  #table(): string {
    if (this.#rows.length === 0) return ''
    // A line that wraps would be counted as one and erased by half.
    const width = (this.#output.columns ?? 120) - 1
    const lines = [headerLine(), ...this.#rows.map(rowLine)].map((line) => line.slice(0, width))
    this.#drawnLines = lines.length
    return `${lines.join('\n')}\n`
  }
}
