// Reads the lines of an NDJSON file or of standard input as records, without holding the whole of it.
import { createReadStream, openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { AppError, reasonOf, systemCode } from '../common/errors.ts'
import * as limits from '../common/limits.ts'
import { LineSplitter, type Line, type LineTooLong } from './lines.ts'
import type { RecordSource, SourceRecord } from './record-source.ts'

export interface FileRecordsOptions {
  /** A path, or `-` for standard input. */
  readonly file: string
  readonly stdin: Readable
  /** Names of fields from the outside in; empty means records without keys. */
  readonly keyPath: readonly string[]
  /** Whether the file starts again at its end. Not for standard input. */
  readonly loop: boolean
}

/**
 * A record a line, its value the line's bytes unchanged; empty lines are skipped. With a key path
 * each line must be JSON; a record without that field has no key. `take` rejects with AppError
 * INPUT_INVALID, naming the line, after all records before it have been handed out.
 */
export class FileRecords implements RecordSource {
  readonly #options: FileRecordsOptions
  readonly #name: string
  #stream: Readable
  #chunks: AsyncIterator<Buffer>
  #splitter = new LineSplitter(limits.producerLineMaxBytes)
  #ready: SourceRecord[] = []
  #recordsOfPass = 0
  #failure: AppError | undefined
  #closed = false

  constructor(options: FileRecordsOptions) {
    this.#options = options
    this.#name = options.file === '-' ? 'standard input' : options.file
    this.#stream = this.#open()
    this.#chunks = chunksOf(this.#stream)
  }

  async take(max: number): Promise<readonly SourceRecord[]> {
    while (this.#ready.length === 0) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#closed || !(await this.#read())) return []
    }
    return this.#ready.splice(0, max)
  }

  close(): void {
    this.#closed = true
    this.#stream.destroy()
  }

  #open(): Readable {
    const { file, stdin } = this.#options
    if (file === '-') return stdin
    try {
      // Opened at once, so that a missing file is known before anything is sent.
      return createReadStream(file, { fd: openSync(file, 'r'), highWaterMark: 256 * 1024 })
    } catch (error) {
      throw this.#unreadable(error)
    }
  }

  /** Reads a chunk; false at the end of the source. */
  async #read(): Promise<boolean> {
    const { value: chunk, done } = await this.#nextChunk()
    this.#accept(done === true ? this.#splitter.end() : this.#splitter.push(chunk))
    if (done !== true || this.#failure !== undefined) return true
    if (!this.#options.loop || this.#closed) return this.#ready.length > 0
    if (this.#recordsOfPass === 0) throw this.#invalid('it has no records to loop over')
    this.#splitter = new LineSplitter(limits.producerLineMaxBytes)
    this.#stream = this.#open()
    this.#chunks = chunksOf(this.#stream)
    this.#recordsOfPass = 0
    return true
  }

  async #nextChunk(): Promise<IteratorResult<Buffer, undefined>> {
    try {
      return await this.#chunks.next()
    } catch (error) {
      if (this.#closed) return { done: true, value: undefined }
      throw this.#unreadable(error)
    }
  }

  #unreadable(error: unknown): unknown {
    const code = systemCode(error)
    if (code === undefined) return error
    const reason = readFailures[code] ?? reasonOf(error)
    return new AppError('INPUT_INVALID', { source: this.#name, reason }, error)
  }

  #accept(lines: readonly Line[] | LineTooLong): void {
    if ('tooLong' in lines) {
      const bound = limits.producerLineMaxBytes
      this.#failure = this.#invalid(`line ${lines.tooLong} is longer than ${bound} bytes`)
      return
    }
    for (const { number, bytes } of lines) {
      if (isBlank(bytes)) continue
      const key = this.#keyOf(number, bytes)
      if (key === undefined) return
      this.#ready.push({ key, value: bytes })
      this.#recordsOfPass += 1
    }
  }

  #keyOf(lineNumber: number, bytes: Buffer): string | null | undefined {
    if (this.#options.keyPath.length === 0) return null
    try {
      return keyAt(JSON.parse(bytes.toString('utf8')), this.#options.keyPath)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      this.#failure = this.#invalid(`line ${lineNumber} is not JSON: ${error.message}`)
      return undefined
    }
  }

  #invalid(reason: string): AppError {
    return new AppError('INPUT_INVALID', { source: this.#name, reason })
  }
}

const readFailures: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
}

/**
 * The text at a path of a JSON value: strings as they are, anything else as JSON; null where there
 * is none.
 */
export function keyAt(value: unknown, path: readonly string[]): string | null {
  let found = value
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return null
    found = (found as Readonly<Record<string, unknown>>)[name]
  }
  if (found === null) return null
  return typeof found === 'string' ? found : JSON.stringify(found)
}

function chunksOf(stream: Readable): AsyncIterator<Buffer> {
  return (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09)
}
