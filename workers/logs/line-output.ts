// Writes lines to a descriptor that may be slow or gone, without ever waiting for it.
import type { Clock } from '../../common/clock.ts'
import { logLineRetryMs, logLinesMaxBytes } from '../../common/log-limits.ts'

/** Writes a piece of the data and says how much of it: `fs.write` of a descriptor. */
export type WriteSome = (
  data: Uint8Array,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void

/** One write at a time; what does not fit meanwhile is dropped and counted, in the output too. */
export class LineOutput {
  readonly #write: WriteSome
  readonly #clock: Clock
  readonly #noteOf: (lines: number) => string
  #waiting: string[] = []
  #waitingBytes = 0
  #isWriting = false
  #isBroken = false
  #unnoted = 0
  #dropped = 0
  #onIdle: (() => void)[] = []

  /** `noteOf` is the line that says that so many are missing. */
  constructor(write: WriteSome, clock: Clock, noteOf: (lines: number) => string) {
    this.#write = write
    this.#clock = clock
    this.#noteOf = noteOf
  }

  get dropped(): number {
    return this.#dropped
  }

  /** `line` is without its end. */
  add(line: string): void {
    const bytes = line.length + 1
    if (this.#isBroken || this.#waitingBytes + bytes > logLinesMaxBytes) {
      this.#dropped += 1
      this.#unnoted += 1
      return
    }
    if (this.#unnoted > 0) {
      this.#waiting.push(this.#noteOf(this.#unnoted))
      this.#unnoted = 0
    }
    this.#waiting.push(line)
    this.#waitingBytes += bytes
    if (!this.#isWriting) this.#next()
  }

  /** Resolves when all is written, or after `graceMs`. */
  flush(graceMs: number): Promise<void> {
    if (!this.#isWriting) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#clock.after(graceMs, resolve)
      this.#onIdle.push(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #next(): void {
    const lines = this.#waiting
    this.#isWriting = lines.length > 0
    if (!this.#isWriting) {
      for (const tell of this.#onIdle.splice(0)) tell()
      return
    }
    this.#waiting = []
    const bytes = this.#waitingBytes
    this.#send(Buffer.from(`${lines.join('\n')}\n`), () => {
      this.#waitingBytes -= bytes
      this.#next()
    })
  }

  #send(data: Buffer, done: () => void): void {
    this.#write(data, (error, written) => {
      if (error === null && written === data.length) return done()
      if (error === null) return this.#send(data.subarray(written), done)
      // A pipe that is full and does not wait; its reader goes on when it likes.
      if (error.code === 'EAGAIN') {
        this.#clock.after(logLineRetryMs, () => this.#send(data, done))
        return
      }
      this.#isBroken = true
      done()
    })
  }
}
