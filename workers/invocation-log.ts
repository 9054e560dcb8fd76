// The log of one invocation: Lambda's lines around the handler's own, of which the end is kept.
import { invocationLogTailBytes } from '../common/limits.ts'
import type { Logger } from '../common/logger.ts'

export interface Report {
  readonly durationMs: number
  readonly memorySizeMb: number
  readonly memoryUsedMb: number | undefined
  readonly initMs: number | undefined
}

/**
 * The handler's lines go to the platform's log at info, Lambda's START, END and REPORT at debug: they
 * are too many under load. The last 4 KB of all of them are kept if asked for.
 */
export class InvocationLog {
  readonly #requestId: string
  readonly #logger: Logger
  readonly #keep: boolean
  #tail = ''

  constructor(requestId: string, logger: Logger, keep: boolean) {
    this.#requestId = requestId
    this.#logger = logger
    this.#keep = keep
  }

  start(version: string): void {
    this.#own(`START RequestId: ${this.#requestId} Version: ${version}\n`)
  }

  /** What the handler wrote, as it came: a line of the console, or any piece of text. */
  write(text: string): void {
    this.#logger.info(text.endsWith('\n') ? text.slice(0, -1) : text)
    this.#append(text)
  }

  /** What came too late to be shown line by line. */
  late(text: string): void {
    if (text === '') return
    this.#logger.info('output beyond the limit was dropped', { requestId: this.#requestId })
    this.#append(text)
  }

  end({ durationMs, memorySizeMb, memoryUsedMb, initMs }: Report): void {
    const fields = [
      `REPORT RequestId: ${this.#requestId}`,
      `Duration: ${durationMs.toFixed(2)} ms`,
      `Billed Duration: ${Math.ceil(durationMs)} ms`,
      `Memory Size: ${memorySizeMb} MB`,
      `Max Memory Used: ${memoryUsedMb ?? memorySizeMb} MB`,
      ...(initMs === undefined ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
    ]
    this.#own(`END RequestId: ${this.#requestId}\n`)
    this.#own(`${fields.join('\t')}\t\n`)
  }

  /** Base64 of the last 4 KB, as Lambda's header carries it. */
  tail(): string {
    return Buffer.from(this.#tail).subarray(-invocationLogTailBytes).toString('base64')
  }

  #own(line: string): void {
    this.#logger.debug(line.trimEnd())
    this.#append(line)
  }

  #append(text: string): void {
    if (this.#keep) this.#tail = (this.#tail + text).slice(-invocationLogTailBytes)
  }
}
