// One execution environment's log stream: takes lines and raw output, gives CloudWatch's events.
import type { Clock } from '../../common/clock.ts'
import { logEventMaxBytes, logEventOverheadBytes } from '../../common/log-limits.ts'
import type { GroupWriter, Loss, WrittenStream } from '../../function-logs/group-writer.ts'
import type { LogWriter } from '../../function-logs/log-writer.ts'

export interface EnvironmentLogOptions {
  readonly writer: LogWriter
  readonly groupName: string
  readonly streamName: string
  readonly clock: Clock
}

/** Whoever runs an environment in another way than as a thread writes what it says to one of these. */
export class EnvironmentLog implements WrittenStream {
  readonly name: string
  readonly createdMs: number
  readonly #writer: LogWriter
  readonly #group: GroupWriter
  readonly #clock: Clock
  #line = ''

  constructor({ writer, groupName, streamName, clock }: EnvironmentLogOptions) {
    this.name = streamName
    this.createdMs = clock.now()
    this.#writer = writer
    this.#group = writer.group(groupName)
    this.#clock = clock
  }

  /** One event: a line of the platform, or one call of the console however many lines it has. */
  put(message: string, timestampMs = this.#clock.now()): void {
    if (message.length * 3 <= eventTextMaxBytes) return this.#append(message, timestampMs)
    for (const part of split(message)) this.#append(part, timestampMs)
  }

  /** Raw output, within an invocation or outside of one: each line is an event. */
  write(text: string): void {
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    for (const line of lines) this.put(line)
    if (this.#line.length > eventTextMaxBytes) this.endLine()
  }

  /** What was written without an end of line is a line: at the end of an invocation, as on AWS. */
  endLine(): void {
    if (this.#line === '') return
    const line = this.#line
    this.#line = ''
    this.put(line)
  }

  lossNote({ events, bytes }: Loss): string {
    return `LOGS_DROPPED Records: ${events}\tBytes: ${bytes}\tReason: more than this machine writes`
  }

  #append(message: string, timestampMs: number): void {
    // CloudWatch Logs takes no event without text; an empty line says nothing either.
    if (message === '') return
    this.#group.append(this, timestampMs, message, this.#writer.acceptsMore)
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
