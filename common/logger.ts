// Writes one line per event to standard error, as text for people or JSON for machines.
import { writeSync } from 'node:fs'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export const logFormats = ['text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

export type LogFields = Readonly<Record<string, unknown>>

/** A named source of log lines. `fields` are facts, not prose: ids, sizes, reasons. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same logger under a longer name: `broker` → `broker.log`. */
  child(name: string): Logger
}

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Where a finished line goes; standard error unless told. */
  readonly write?: (line: string) => void
}

/** A logger that drops lines below `level`. */
export function createLogger(name: string, options: LoggerOptions): Logger {
  const least = logLevels.indexOf(options.level)
  const write = options.write ?? writeToStandardError
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (logLevels.indexOf(level) < least) return
    write(render[options.format]({ level, name, message, fields: fields ?? {} }))
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (suffix) => createLogger(`${name}.${suffix}`, options),
  }
}

/** Drops everything; for tests of things that log on their way. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}

interface Line {
  readonly level: LogLevel
  readonly name: string
  readonly message: string
  readonly fields: LogFields
}

const render: Record<LogFormat, (line: Line) => string> = {
  json: (line) =>
    `${JSON.stringify({ time: new Date().toISOString(), level: line.level, logger: line.name, message: line.message, ...line.fields })}\n`,
  text: (line) => {
    const fields = Object.entries(line.fields).map(([k, v]) => ` ${k}=${plain(v)}`)
    const time = new Date().toISOString().slice(11, 23)
    return `${time} ${line.level.padEnd(5)} ${line.name}: ${line.message}${fields.join('')}\n`
  },
}

function plain(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value) ?? 'undefined'
}

/** Synchronous, and to the descriptor: a line of a worker thread must not wait for the main thread. */
export function writeToStandardError(lines: string): void {
  try {
    let left = Buffer.from(lines)
    while (left.length > 0) left = left.subarray(writeSync(2, left))
  } catch {
    // A full or closed pipe must not take the platform down with its log.
  }
}
