// Turns what a handler throws into the payload and the log text that Lambda's Node runtime gives.
import { types } from 'node:util'

/** An error of the runtime itself; its type is `Runtime.<kind>`. */
export class RuntimeError extends Error {
  constructor(
    kind:
      | 'ImportModuleError'
      | 'HandlerNotFound'
      | 'MalformedHandlerName'
      | 'UserCodeSyntaxError'
      | 'UnhandledPromiseRejection'
      | 'NodeJsExit'
      | 'CallbackHandlerDeprecated',
    reason: unknown,
  ) {
    super(String(reason))
    this.name = `Runtime.${kind}`
  }
}

export interface ErrorPayload {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace?: readonly string[]
}

/** `{errorType, errorMessage, trace}`; what is not an error has its JavaScript type and no trace. */
export function errorPayload(thrown: unknown): ErrorPayload {
  try {
    if (isErrorLike(thrown)) {
      const { name, message, stack } = thrown
      return { errorType: name, errorMessage: message, trace: String(stack).split('\n') }
    }
    return { errorType: typeof thrown, errorMessage: textOf(thrown), trace: [] }
  } catch {
    // A getter or toString of the handler's own threw: Lambda names such an error so.
    return { errorType: 'handled', errorMessage: 'the error could not be read' }
  }
}

/** The JSON that Lambda logs beside `Invoke Error`: also the error's own properties. */
export function errorForLog(thrown: unknown): string {
  const { errorType, errorMessage, trace } = errorPayload(thrown)
  const own = types.isNativeError(thrown) ? Object.fromEntries(Object.entries(thrown)) : {}
  try {
    return JSON.stringify({ errorType, errorMessage, ...own, stack: trace })
  } catch {
    // A property of the handler's own that JSON cannot hold.
    return JSON.stringify({ errorType, errorMessage, stack: trace })
  }
}

function isErrorLike(thrown: unknown): thrown is Error {
  if (types.isNativeError(thrown)) return true
  if (typeof thrown !== 'object' || thrown === null) return false
  const { name, message, stack } = thrown as Record<string, unknown>
  return [name, message, stack].every((part) => typeof part === 'string' && part !== '')
}

function textOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null
    ? String((thrown as { toString(): unknown }).toString())
    : String(thrown)
}
