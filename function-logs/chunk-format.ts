// Writes and reads the lines of a chunk file; a torn end is no line, and what is no line is passed over.

/**
 * A chunk is a text file of lines, written by one process and only ever appended to.
 *
 *   S <stream> <created> "<name>"            a log stream, and its number in this chunk
 *   E <stream> <timestamp> <delay> "<text>"  an event; ingested `delay` after its timestamp
 *   D <time> "<name>"                        what was ingested into the stream until then is deleted
 *
 * Times are milliseconds since the epoch, texts are JSON. The marks of lines are one byte each.
 */
export interface ChunkVisitor {
  stream(number: number, createdMs: number, name: string): void
  event(event: RawEvent): void
  deletion(untilMs: number, name: string): void
}

/** An event as it lies in `source`; `message` reads its text. Valid only within the call. */
export interface RawEvent {
  readonly stream: number
  readonly timestampMs: number
  readonly ingestionMs: number
  /** Where its line begins in the file. */
  readonly position: number
  /** Bytes of the text as JSON: a little more than the text itself. */
  readonly sizeBytes: number
  message(): string | undefined
}

export function streamLine(number: number, createdMs: number, name: string): string {
  return `S ${number} ${createdMs} ${JSON.stringify(name)}\n`
}

export function eventLine(
  stream: number,
  { timestampMs, ingestionMs }: { readonly timestampMs: number; readonly ingestionMs: number },
  message: string,
): string {
  return `E ${stream} ${timestampMs} ${ingestionMs - timestampMs} ${JSON.stringify(message)}\n`
}

export function deletionLine(untilMs: number, name: string): string {
  return `D ${untilMs} ${JSON.stringify(name)}\n`
}

const lineEnd = 0x0a
const space = 0x20
const minus = 0x2d
const digitZero = 0x30
const marks = { stream: 0x53, event: 0x45, deletion: 0x44 } as const

/** Reads the whole lines of `source`, which lies at `base` in its file; returns how many bytes they are. */
export function readLines(source: Buffer, base: number, visitor: ChunkVisitor): number {
  let start = 0
  for (;;) {
    const end = source.indexOf(lineEnd, start)
    if (end < 0) return start
    readLine(new LineCursor(source, start, end), base + start, visitor)
    start = end + 1
  }
}

function readLine(cursor: LineCursor, position: number, visitor: ChunkVisitor): void {
  switch (cursor.mark()) {
    case marks.event: {
      const [stream, timestampMs, delayMs] = [cursor.integer(), cursor.integer(), cursor.integer()]
      if (Number.isNaN(stream + timestampMs + delayMs)) return
      return visitor.event({
        stream,
        timestampMs,
        ingestionMs: timestampMs + delayMs,
        position,
        sizeBytes: cursor.left,
        message: () => cursor.text(),
      })
    }
    case marks.stream: {
      const [number, createdMs, name] = [cursor.integer(), cursor.integer(), cursor.text()]
      if (Number.isNaN(number + createdMs) || name === undefined) return
      return visitor.stream(number, createdMs, name)
    }
    case marks.deletion: {
      const [untilMs, name] = [cursor.integer(), cursor.text()]
      if (Number.isNaN(untilMs) || name === undefined) return
      return visitor.deletion(untilMs, name)
    }
  }
}

/** Reads one line from left to right; a number that is none reads as NaN. */
class LineCursor {
  readonly #source: Buffer
  readonly #end: number
  #at: number

  constructor(source: Buffer, start: number, end: number) {
    this.#source = source
    this.#at = start
    this.#end = end
  }

  get left(): number {
    return this.#end - this.#at
  }

  mark(): number {
    const mark = this.#source[this.#at] ?? 0
    if (this.#source[this.#at + 1] !== space) return 0
    this.#at += 2
    return mark
  }

  integer(): number {
    const isNegative = this.#source[this.#at] === minus
    let at = isNegative ? this.#at + 1 : this.#at
    const first = at
    let value = 0
    for (; at < this.#end; at++) {
      const digit = (this.#source[at] ?? 0) - digitZero
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    if (at === first || this.#source[at] !== space || value > Number.MAX_SAFE_INTEGER) return NaN
    this.#at = at + 1
    return isNegative ? -value : value
  }

  text(): string | undefined {
    try {
      const value: unknown = JSON.parse(this.#source.toString('utf8', this.#at, this.#end))
      return typeof value === 'string' ? value : undefined
    } catch (error) {
      if (error instanceof SyntaxError) return undefined
      throw error
    }
  }
}
