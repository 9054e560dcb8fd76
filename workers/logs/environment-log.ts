// One execution environment's log stream: takes lines and raw output, gives CloudWatch's events.
import type { Clock } from '../../common/clock.ts'
import { logEventMaxBytes, logEventOverheadBytes } from '../../common/log-limits.ts'
import type { GroupWriter, Loss, WrittenStream } from '../../function-logs/group-writer.ts'
import type { LogWriter } from '../../function-logs/log-writer.ts'
import type { SystemLines } from './system-lines.ts'

/** An event of a function's log, as it goes to others than its file. */
export interface FunctionLogEvent {
  readonly functionName: string
  readonly version: string
  readonly stream: string
  /** Absent outside of an invocation. */
  readonly requestId: string | undefined
  readonly timestampMs: number
  readonly message: string
  /** Lambda's own: START, END and the like. */
  readonly isPlatform: boolean
}

export interface EnvironmentLogOptions {
  readonly functionName: string
  readonly version: string
  readonly streamName: string
  readonly clock: Clock
  readonly lines: SystemLines
  /** The file; without it nothing is kept. */
  readonly kept?: { readonly writer: LogWriter; readonly groupName: string } | undefined
  /** Hears of every event; must not wait. */
  readonly onEvent?: ((event: FunctionLogEvent) => void) | undefined
}

interface PutOptions {
  readonly timestampMs?: number
  readonly requestId?: string | undefined
  readonly isPlatform?: boolean
}

/** Whoever runs an environment in another way than as a thread writes what it says to one of these. */
export class EnvironmentLog implements WrittenStream {
  readonly name: string
  readonly createdMs: number
  readonly #options: EnvironmentLogOptions
  readonly #group: GroupWriter | undefined
  #line = ''
  #lineRequestId: string | undefined

  constructor(options: EnvironmentLogOptions) {
    this.name = options.streamName
    this.createdMs = options.clock.now()
    this.#options = options
    this.#group = options.kept?.writer.group(options.kept.groupName)
  }

  /** One event: a line of the platform, or one call of the console however many lines it has. */
  put(message: string, options: PutOptions = {}): void {
    if (message.length * 3 <= eventTextMaxBytes) return this.#append(message, options)
    for (const part of split(message)) this.#append(part, options)
  }

  /** Raw output, within an invocation or outside of one: each line is an event. */
  write(text: string, requestId?: string): void {
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    this.#lineRequestId = requestId
    for (const line of lines) this.put(line, { requestId })
    if (this.#line.length > eventTextMaxBytes) this.endLine()
  }

  /** What was written without an end of line is a line: at the end of an invocation, as on AWS. */
  endLine(): void {
    if (this.#line === '') return
    const line = this.#line
    this.#line = ''
    this.put(line, { requestId: this.#lineRequestId })
  }

  lossNote(loss: Loss): string {
    return this.#options.lines.dropped(loss) ?? `${loss.events} lines were dropped`
  }

  #append(message: string, { timestampMs, requestId, isPlatform = false }: PutOptions): void {
    // CloudWatch Logs takes no event without text; an empty line says nothing either.
    if (message === '') return
    const { kept, onEvent, functionName, version, clock } = this.#options
    const at = timestampMs ?? clock.now()
    this.#group?.append(this, at, message, kept?.writer.acceptsMore)
    onEvent?.({
      functionName,
      version,
      stream: this.name,
      requestId,
      timestampMs: at,
      message,
      isPlatform,
    })
  }
}

const eventTextMaxBytes = logEventMaxBytes - logEventOverheadBytes

/** In pieces that an event may have; no character is torn. */
function* split(message: string): Generator<string> {
  const bytes = Buffer.from(message)
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(bytes.length, start + eventTextMaxBytes)
    // Bytes 10xxxxxx continue a character.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
    yield bytes.toString('utf8', start, end)
    start = end
  }
}
