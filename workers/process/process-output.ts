// Cuts what a process writes into lines, sends them on, and keeps only the end of what is too much.
import { StringDecoder } from 'node:string_decoder'
import { invocationLogMaxBytes, invocationLogTailBytes } from '../../common/limits.ts'

/** Opens a line of our own runtimes that stands for an event of several lines, as JSON text. */
const eventMark = '\u001e\u0002event:'

/**
 * Lines go on as they come, so that a runtime which hangs has been heard. After `invocationLogMaxBytes`
 * of one invocation they are read and dropped but for the end, which goes with the result.
 */
export class ProcessOutput {
  readonly #send: (line: string) => void
  readonly #decoder = new StringDecoder('utf8')
  #line = ''
  #left = 0
  #sent = 0
  #late = ''
  #chunks = 0

  constructor(send: (line: string) => void) {
    this.#send = send
  }

  /** How many chunks were written so far. */
  get chunks(): number {
    return this.#chunks
  }

  begin(): void {
    this.#left = invocationLogMaxBytes
    this.#sent = 0
    this.#late = ''
  }

  write(chunk: Buffer): void {
    this.#chunks += 1
    const lines = (this.#line + this.#decoder.write(chunk)).split('\n')
    this.#line = lines.pop() ?? ''
    for (const line of lines) this.#takeLine(line)
    // A line without an end must not grow for ever.
    if (this.#line.length > invocationLogMaxBytes) {
      this.#take(this.#line)
      this.#line = ''
    }
  }

  /** Ends an invocation: a line that was begun counts as one. */
  end(): { logMessages: number; lateOutput: string } {
    if (this.#line !== '') this.#take(`${this.#line}\n`)
    this.#line = ''
    return { logMessages: this.#sent, lateOutput: this.#late }
  }

  /** An event begins amid a line where something was written before it without an end of line. */
  #takeLine(line: string): void {
    const start = line.indexOf(eventMark)
    const event = start < 0 ? undefined : eventOf(line.slice(start + eventMark.length))
    if (event === undefined) return this.#take(`${line}\n`)
    if (start > 0) this.#take(`${line.slice(0, start)}\n`)
    this.#take(`${event}\n`)
  }

  #take(line: string): void {
    if (line.length > this.#left) {
      this.#left = 0
      this.#late = (this.#late + line.slice(-invocationLogTailBytes)).slice(-invocationLogTailBytes)
      return
    }
    this.#left -= line.length
    this.#sent += 1
    this.#send(line)
  }
}

/** A handler may write the mark itself: what is no event is a line. */
function eventOf(json: string): string | undefined {
  try {
    const text: unknown = JSON.parse(json)
    return typeof text === 'string' ? text : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
