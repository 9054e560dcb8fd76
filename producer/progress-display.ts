// Shows the progress of a run while it goes on: in place on a terminal, a line now and then elsewhere.
import type { Clock, Timer } from '../common/clock.ts'
import { progressLine, type Snapshot } from './report.ts'

/** Standard output or standard error. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
}

export interface ProgressDisplayOptions {
  readonly clock: Clock
  readonly output: Output
  readonly snapshot: () => Snapshot
}

const terminalEveryMs = 500
const plainEveryMs = 2000
/** Carriage return, and erase to the end of the line (ECMA-48). */
const lineStart = '\r\u001B[K'

export class ProgressDisplay {
  readonly #options: ProgressDisplayOptions
  #before: Snapshot
  #timer: Timer

  constructor(options: ProgressDisplayOptions) {
    this.#options = options
    this.#before = options.snapshot()
    this.#timer = this.#arm()
  }

  /** Leaves a terminal's line empty for what follows. */
  stop(): void {
    this.#timer.cancel()
    if (this.#inPlace) this.#options.output.write(lineStart)
  }

  get #inPlace(): boolean {
    return this.#options.output.isTTY === true
  }

  #arm(): Timer {
    const everyMs = this.#inPlace ? terminalEveryMs : plainEveryMs
    return this.#options.clock.after(everyMs, () => {
      const now = this.#options.snapshot()
      const line = progressLine(this.#before, now)
      this.#options.output.write(this.#inPlace ? `${lineStart}${line}` : `${line}\n`)
      this.#before = now
      this.#timer = this.#arm()
    })
  }
}
