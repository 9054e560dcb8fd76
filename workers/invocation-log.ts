// The log of one invocation: Lambda's lines around the handler's own, to its environment's stream.
import { invocationLogTailBytes } from '../common/limits.ts'
import type { Logger } from '../common/logger.ts'
import type { EnvironmentLog } from './logs/environment-log.ts'
import type { FailedInit, Report, SystemLines } from './logs/system-lines.ts'

export interface InvocationLogOptions {
  readonly requestId: string
  readonly logger: Logger
  /** Whether the end of the log is kept for the caller. */
  readonly keepsTail: boolean
  /** As the function's log format has them. */
  readonly lines: SystemLines
  readonly now: () => number
}

interface Line {
  readonly timestampMs: number
  readonly text: string
  /** Raw output is cut into lines; anything else is one event, Lambda's own or the handler's. */
  readonly kind: 'raw' | 'message' | 'platform'
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
  #hasStarted = false
  #report: Report | undefined

  constructor(options: InvocationLogOptions) {
    this.#options = options
  }

  /** `find` is asked with each line until it knows the environment. */
  follow(find: () => EnvironmentLog | undefined): void {
    this.#find = find
  }

  /** Lambda tells of an initialisation by itself only when it failed; before START, as there. */
  initFailed(init: FailedInit): void {
    this.#own(this.#options.lines.initFailed(init))
    // It is repeated in a new environment, which has a stream of its own.
    this.#environment = undefined
  }

  /** Once, however often it is called. */
  start(version: string): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    this.#own(this.#options.lines.start(this.#options.requestId, version))
  }

  /** What the handler wrote: a message of the console, or with `isRaw` any piece of output. */
  write(text: string, isRaw = false): void {
    this.#options.logger.info(text.endsWith('\n') ? text.slice(0, -1) : text)
    this.#append(text, isRaw ? 'raw' : 'message')
  }

  /** Lambda: in this form whatever the function's log format. */
  timedOut(seconds: string): void {
    const { requestId, now } = this.#options
    this.write(
      `${new Date(now()).toISOString()} ${requestId} Task timed out after ${seconds} seconds\n`,
    )
  }

  /** Lambda's line of a runtime that ended itself or could not be started, with the error that it fails with. */
  exited({ errorType, errorMessage }: { errorType: string; errorMessage: string }): void {
    const isSandboxes =
      errorType === 'Runtime.ExitError' || errorType === 'Runtime.InvalidEntrypoint'
    if (isSandboxes) this.write(`${errorMessage}\n${errorType}\n`)
  }

  /** What came too late to be shown line by line. */
  late(text: string): void {
    if (text === '') return
    this.#options.logger.info('output beyond the limit was dropped', {
      requestId: this.#options.requestId,
    })
    this.#append(text, 'raw')
  }

  end(report: Report): void {
    const { requestId, lines } = this.#options
    this.#report = report
    this.#environment?.endLine()
    this.#own(lines.end(requestId, report))
    this.#own(lines.report(requestId, report))
  }

  /** What the invocation took; undefined before its end. */
  get report(): Report | undefined {
    return this.#report
  }

  /** Base64 of the last 4 KB, as Lambda's header carries it. */
  tail(): string {
    return Buffer.from(this.#tail).subarray(-invocationLogTailBytes).toString('base64')
  }

  #own(line: string | undefined): void {
    if (line === undefined) return
    this.#options.logger.debug(line.trimEnd())
    this.#append(`${line}\n`, 'platform')
  }

  #append(text: string, kind: Line['kind']): void {
    if (this.#options.keepsTail) {
      this.#tail = (this.#tail + text).slice(-invocationLogTailBytes)
    }
    this.#store({ timestampMs: this.#options.now(), text, kind })
  }

  #store(line: Line): void {
    this.#environment ??= this.#find()
    if (this.#environment === undefined) {
      this.#held.push(line)
      return
    }
    for (const held of this.#held.splice(0)) this.#put(this.#environment, held)
    this.#put(this.#environment, line)
  }

  #put(environment: EnvironmentLog, { text, kind, timestampMs }: Line): void {
    const { requestId } = this.#options
    if (kind === 'raw') return environment.write(text, requestId)
    environment.endLine()
    const message = text.endsWith('\n') ? text.slice(0, -1) : text
    // What was held is not older than the environment that it is about.
    environment.put(message, {
      timestampMs: Math.max(timestampMs, environment.createdMs),
      requestId,
      isPlatform: kind === 'platform',
    })
  }
}
