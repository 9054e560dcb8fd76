// Lines of a handler's own as Lambda's Node runtime writes them, in text or as JSON; which levels it leaves out.
import { format, types } from 'node:util'
import { errorForLog } from './runtime-errors.ts'

const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
export type LogLevelName = (typeof levels)[number]

export interface LogLines {
  /** Whether lines of this level are written. */
  isWritten(level: LogLevelName): boolean
  /** Of a call of the console with these arguments. */
  message(level: LogLevelName, args: readonly unknown[]): string
  /** Of an error that the runtime itself met: `Invoke Error`, `Uncaught Exception`, … */
  error(title: string, thrown: unknown): string
}

export interface LogLinesOptions {
  /** `JSON` in any case; anything else is text. */
  readonly format: string | undefined
  /** The least level; a word that is none of them means all. */
  readonly level: string | undefined
  /** Undefined outside of an invocation. */
  readonly requestId: () => string | undefined
}

export function logLines({ format: name, level, requestId }: LogLinesOptions): LogLines {
  const least = levels.indexOf((level?.toUpperCase() ?? '') as LogLevelName)
  const isWritten = (each: LogLevelName): boolean => levels.indexOf(each) >= least
  if (name?.toUpperCase() !== 'JSON') {
    const message: LogLines['message'] = (each, [first, ...rest]) =>
      textLine(requestId(), each, format(first, ...rest))
    const error: LogLines['error'] = (title, thrown) =>
      textLine(requestId(), 'ERROR', `${title} \t${errorForLog(thrown)}`)
    return { isWritten, message, error }
  }
  return {
    isWritten,
    message: (each, args) => jsonLine(requestId(), each, args),
    error: (_title, thrown) =>
      jsonLine(requestId(), 'ERROR', [types.isNativeError(thrown) ? thrown : errorOf(thrown)]),
  }
}

function textLine(requestId: string | undefined, level: string, message: string): string {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${message}\n`
}

/** An only argument is the message as JSON; of several, the text, and beside it the first error among them. */
function jsonLine(
  requestId: string | undefined,
  level: LogLevelName,
  args: readonly unknown[],
): string {
  const start = { timestamp: new Date().toISOString(), level, requestId }
  const [only, ...others] = args
  if (others.length > 0) {
    const error = args.find((each) => types.isNativeError(each))
    const fields = error === undefined ? {} : errorFields(error)
    return `${JSON.stringify({ ...start, message: format(...args), ...fields })}\n`
  }
  try {
    return `${JSON.stringify({ ...start, message: only }, withErrors)}\n`
  } catch {
    // Circular, or with a value that JSON does not know.
    return `${JSON.stringify({ ...start, message: format(only) })}\n`
  }
}

function withErrors(_key: string, value: unknown): unknown {
  return types.isNativeError(value) ? Object.assign(errorFields(value), value) : value
}

function errorFields(error: Error): object {
  return {
    errorType: error.constructor.name,
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : [],
  }
}

function errorOf(thrown: unknown): Error {
  try {
    return new Error(String(thrown))
  } catch {
    return new Error('the error could not be read')
  }
}
