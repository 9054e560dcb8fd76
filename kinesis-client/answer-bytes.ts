// Takes the answers of an HTTP/1.1 server from the bytes that a socket reads, bodies into memory of their own; does no I/O.
import { answerHeadMaxBytes, kinesisAnswerMaxBytes } from '../common/kinesis-client-limits.ts'

export interface AnswerHead {
  readonly status: number
  /** By their names in small letters. */
  readonly headers: ReadonlyMap<string, string>
}

export type AnswerPart =
  | { readonly kind: 'head'; readonly head: AnswerHead }
  /** Of the body: all of it where its length was told before, else a chunk or what came. */
  | { readonly kind: 'piece'; readonly bytes: Buffer }
  /** `isLast`: the connection does not go on. */
  | { readonly kind: 'end'; readonly isLast: boolean }

/** Why bytes are no answer. */
export class AnswerFlaw extends Error {}

/**
 *   head ──▶ body of so many bytes ─────────────────────────────▶ end ──▶ head …
 *     │ ▲──── an answer of 1xx, which tells of another to come
 *     ├────▶ chunk's line ⇄ chunk ──▶ trailers ─────────────────▶ end
 *     └────▶ all that comes until the connection ends ──────────▶ end
 */
type State = 'head' | 'body' | 'chunkLine' | 'chunk' | 'chunkEnd' | 'trailers' | 'rest'

const smallestInboxBytes = 1024
const lineMaxBytes = 4096

export class AnswerBytes {
  readonly #allocate: (bytes: number) => Buffer
  /** Lines, and what comes with them. */
  #inbox = Buffer.allocUnsafeSlow(smallestInboxBytes)
  #start = 0
  #end = 0
  #state: State = 'head'
  /** A body or a chunk that is being read into memory of its own. */
  #piece: Buffer | undefined
  #filled = 0
  #isLast = false

  constructor(allocate: (bytes: number) => Buffer = Buffer.allocUnsafe) {
    this.#allocate = allocate
  }

  /** Whether no answer has begun. */
  get isBetween(): boolean {
    return this.#state === 'head' && this.#start === this.#end
  }

  /** Where the next bytes go: at least one. */
  get room(): Buffer {
    if (this.#piece !== undefined) return this.#piece.subarray(this.#filled)
    return this.#inbox.subarray(this.#end)
  }

  /** So many bytes are in what `room` gave. Throws AnswerFlaw. */
  fill(bytes: number): readonly AnswerPart[] {
    const parts: AnswerPart[] = []
    if (this.#piece === undefined) this.#end += bytes
    else this.#filled += bytes
    while (this.#step(parts));
    this.#makeRoom()
    return parts
  }

  /** The connection has ended. Throws AnswerFlaw where that is amid an answer. */
  ended(): readonly AnswerPart[] {
    if (this.isBetween) return []
    if (this.#state !== 'rest') throw new AnswerFlaw('it was cut off')
    this.#state = 'head'
    return [{ kind: 'end', isLast: true }]
  }

  /** Whether there is more to do with what is there. */
  #step(parts: AnswerPart[]): boolean {
    if (this.#piece !== undefined) return this.#ofPiece(this.#piece, parts)
    switch (this.#state) {
      case 'head':
        return this.#head(parts)
      case 'chunkLine':
        return this.#chunkLine()
      case 'chunkEnd':
        return this.#chunkEnd()
      case 'trailers':
        return this.#trailer(parts)
      case 'rest':
        return this.#rest(parts)
      default:
        return false
    }
  }

  #ofPiece(piece: Buffer, parts: AnswerPart[]): boolean {
    if (this.#filled < piece.length) return false
    parts.push({ kind: 'piece', bytes: piece })
    this.#piece = undefined
    if (this.#state === 'body') this.#over(parts)
    else this.#state = 'chunkEnd'
    return true
  }

  #head(parts: AnswerPart[]): boolean {
    const at = this.#inbox.subarray(0, this.#end).indexOf('\r\n\r\n', this.#start)
    const bytes = (at < 0 ? this.#end : at) - this.#start
    if (bytes > answerHeadMaxBytes) throw new AnswerFlaw('its head is too large')
    if (at < 0) return false
    const head = parseHead(this.#inbox.toString('latin1', this.#start, at))
    this.#start = at + 4
    // It is going on, and the answer is still to come.
    if (head.status < 200 && head.status !== 101) return true
    parts.push({ kind: 'head', head })
    this.#isLast = endsConnection(head)
    const length = bodyOf(head)
    if (length === 'chunked') this.#state = 'chunkLine'
    else if (length === 'untilClose') this.#state = 'rest'
    else if (length === 0) this.#over(parts)
    else this.#begin('body', length)
    return true
  }

  #chunkLine(): boolean {
    const line = this.#line()
    if (line === undefined) return false
    // What follows a semicolon is for nobody.
    const [size = ''] = line.split(';', 1)
    if (!/^[0-9a-f]{1,8}$/i.test(size.trim())) throw new AnswerFlaw('a chunk has no size')
    const bytes = Number.parseInt(size.trim(), 16)
    if (bytes === 0) this.#state = 'trailers'
    else this.#begin('chunk', bytes)
    return true
  }

  #chunkEnd(): boolean {
    if (this.#end - this.#start < 2) return false
    if (this.#inbox[this.#start] !== 0x0d || this.#inbox[this.#start + 1] !== 0x0a) {
      throw new AnswerFlaw('a chunk is longer than it says')
    }
    this.#start += 2
    this.#state = 'chunkLine'
    return true
  }

  #trailer(parts: AnswerPart[]): boolean {
    const line = this.#line()
    if (line === undefined) return false
    if (line === '') this.#over(parts)
    return true
  }

  #rest(parts: AnswerPart[]): boolean {
    if (this.#end > this.#start) {
      const bytes = Buffer.from(this.#inbox.subarray(this.#start, this.#end))
      parts.push({ kind: 'piece', bytes })
    }
    this.#start = this.#end
    return false
  }

  /** A body or a chunk, of which a part is there already. */
  #begin(state: 'body' | 'chunk', bytes: number): void {
    if (bytes > kinesisAnswerMaxBytes) {
      throw new AnswerFlaw(`it has more than ${kinesisAnswerMaxBytes} bytes`)
    }
    this.#state = state
    const piece = this.#allocate(bytes)
    const present = Math.min(bytes, this.#end - this.#start)
    this.#inbox.copy(piece, 0, this.#start, this.#start + present)
    this.#start += present
    this.#piece = piece
    this.#filled = present
  }

  #over(parts: AnswerPart[]): void {
    this.#state = 'head'
    parts.push({ kind: 'end', isLast: this.#isLast })
  }

  #line(): string | undefined {
    const at = this.#inbox.subarray(0, this.#end).indexOf('\r\n', this.#start)
    if ((at < 0 ? this.#end : at) - this.#start > lineMaxBytes) {
      throw new AnswerFlaw('a line is too long')
    }
    if (at < 0) return undefined
    const line = this.#inbox.toString('latin1', this.#start, at)
    this.#start = at + 2
    return line
  }

  #makeRoom(): void {
    if (this.#start > 0) this.#inbox.copyWithin(0, this.#start, this.#end)
    this.#end -= this.#start
    this.#start = 0
    if (this.#end < this.#inbox.length) return
    const larger = Buffer.allocUnsafeSlow(2 * this.#inbox.length)
    this.#inbox.copy(larger)
    this.#inbox = larger
  }
}

function parseHead(text: string): AnswerHead {
  const [first = '', ...lines] = text.split('\r\n')
  const [, status] = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first) ?? []
  if (status === undefined) throw new AnswerFlaw('it is not of HTTP/1.1')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value = ''] =
      /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    if (name === undefined) throw new AnswerFlaw('a header cannot be read')
    const key = name.toLowerCase()
    const before = headers.get(key)
    headers.set(key, before === undefined ? value : `${before}, ${value}`)
  }
  if (first.startsWith('HTTP/1.0') && !headers.has('connection')) headers.set('connection', 'close')
  return { status: Number(status), headers }
}

function endsConnection({ status, headers }: AnswerHead): boolean {
  return status === 101 || /\bclose\b/i.test(headers.get('connection') ?? '')
}

/** RFC 9112, 6.3: how long a body is. */
function bodyOf({ status, headers }: AnswerHead): number | 'chunked' | 'untilClose' {
  if (status === 204 || status === 304) return 0
  const coding = headers.get('transfer-encoding')
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked' || headers.has('content-length')) {
      throw new AnswerFlaw('its length is told in no way that is known')
    }
    return 'chunked'
  }
  const length = headers.get('content-length')
  if (length === undefined) return 'untilClose'
  if (!/^\d{1,15}$/.test(length)) throw new AnswerFlaw('its length is no number')
  return Number(length)
}
