// Gathers lines that are written in one turn of the event loop into few writes.
import { logBurstMaxChars } from './log-limits.ts'

/**
 * A write is a call of the system, which for a line costs more than all else about it. The first line of a turn is
 * written at once; those that follow in the same turn at its end, or when they are many.
 */
export class LineBursts {
  readonly #write: (lines: string) => void
  readonly #atTurnsEnd: (callback: () => void) => void
  #held = ''
  #isWithinTurn = false

  constructor(
    write: (lines: string) => void,
    atTurnsEnd: (callback: () => void) => void = setImmediate,
  ) {
    this.#write = write
    this.#atTurnsEnd = atTurnsEnd
  }

  /** `line` has its end. */
  add(line: string): void {
    if (this.#isWithinTurn) {
      this.#held += line
      if (this.#held.length >= logBurstMaxChars) this.flush()
      return
    }
    this.#isWithinTurn = true
    this.#atTurnsEnd(() => {
      this.#isWithinTurn = false
      this.flush()
    })
    this.#write(line)
  }

  /** To be called before the process ends. */
  flush(): void {
    const held = this.#held
    this.#held = ''
    if (held !== '') this.#write(held)
  }
}
