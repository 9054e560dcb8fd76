// The log of one invocation: Lambda's lines around the handler's own, to its environment's stream.
import { invocationLogTailBytes } from '../common/limits.ts'
import type { Logger } from '../common/logger.ts'
import type { EnvironmentLog } from './logs/environment-log.ts'

export interface Report {
  readonly durationMs: number
  readonly memorySizeMb: number
  readonly memoryUsedMb: number | undefined
  readonly initMs: number | undefined
}

export interface InvocationLogOptions {
  readonly requestId: string
  readonly logger: Logger
  /** Whether the end of the log is kept for the caller. */
  readonly keepsTail: boolean
  readonly now: () => number
}

interface Line {
  readonly timestampMs: number
  readonly text: string
  /** Raw output is cut into lines; anything else is one event. */
  readonly isRaw: boolean
}

/**
 * The handler's lines go to the platform's own log at info, Lambda's START, END and REPORT at debug: they
 * are too many under load. All of them go to the environment's log stream, and are held until it is
 * known which environment it is. The last 4 KB are kept if asked for.
 */
export class InvocationLog {
  readonly #options: InvocationLogOptions
  readonly #held: Line[] = []
  #environment: EnvironmentLog | undefined
  #find: () => EnvironmentLog | undefined = () => undefined
  #tail = ''

  constructor(options: InvocationLogOptions) {
    this.#options = options
  }

  /** `find` is asked with each line until it knows the environment. */
  follow(find: () => EnvironmentLog | undefined): void {
    this.#find = find
  }

  start(version: string): void {
    this.#own(`START RequestId: ${this.#options.requestId} Version: ${version}\n`)
  }

  /** What the handler wrote: a message of the console, or with `isRaw` any piece of output. */
  write(text: string, isRaw = false): void {
    this.#options.logger.info(text.endsWith('\n') ? text.slice(0, -1) : text)
    this.#append(text, isRaw)
  }

  /** What came too late to be shown line by line. */
  late(text: string): void {
    if (text === '') return
    this.#options.logger.info('output beyond the limit was dropped', {
      requestId: this.#options.requestId,
    })
    this.#append(text, true)
  }

  end({ durationMs, memorySizeMb, memoryUsedMb, initMs }: Report): void {
    const { requestId } = this.#options
    this.#environment?.endLine()
    const fields = [
      `REPORT RequestId: ${requestId}`,
      `Duration: ${durationMs.toFixed(2)} ms`,
      `Billed Duration: ${Math.ceil(durationMs)} ms`,
      `Memory Size: ${memorySizeMb} MB`,
      `Max Memory Used: ${memoryUsedMb ?? memorySizeMb} MB`,
      ...(initMs === undefined ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
    ]
    this.#own(`END RequestId: ${requestId}\n`)
    this.#own(`${fields.join('\t')}\t\n`)
  }

  /** Base64 of the last 4 KB, as Lambda's header carries it. */
  tail(): string {
    return Buffer.from(this.#tail).subarray(-invocationLogTailBytes).toString('base64')
  }

  #own(line: string): void {
    this.#options.logger.debug(line.trimEnd())
    this.#append(line, false)
  }

  #append(text: string, isRaw: boolean): void {
    if (this.#options.keepsTail) {
      this.#tail = (this.#tail + text).slice(-invocationLogTailBytes)
    }
    this.#store({ timestampMs: this.#options.now(), text, isRaw })
  }

  #store(line: Line): void {
    this.#environment ??= this.#find()
    if (this.#environment === undefined) {
      this.#held.push(line)
      return
    }
    for (const held of this.#held.splice(0)) put(this.#environment, held)
    put(this.#environment, line)
  }
}

function put(environment: EnvironmentLog, { text, isRaw, timestampMs }: Line): void {
  if (isRaw) return environment.write(text)
  environment.endLine()
  environment.put(text.endsWith('\n') ? text.slice(0, -1) : text, timestampMs)
}
