// The messages between the main thread and the broker's thread.
import { AppError, type ErrorCode } from '../common/errors.ts'
import type { MetricSample } from '../common/metrics.ts'

/** To the thread. `id` comes back with the samples. */
export type ToThread = { readonly type: 'collect'; readonly id: number } | { readonly type: 'stop' }

/** From the thread. */
export type FromThread =
  | { readonly type: 'started'; readonly doors: Readonly<Record<string, string>> }
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'collected'; readonly id: number; readonly samples: readonly MetricSample[] }
  | { readonly type: 'problems'; readonly problems: readonly string[] }
  | { readonly type: 'stopped' }

/** An AppError, whose class and code a structured clone would lose. */
export interface PlainError {
  readonly code: ErrorCode
  readonly message: string
}

export function toPlain({ code, message }: AppError): PlainError {
  return { code, message }
}

export function fromPlain({ code, message }: PlainError): AppError {
  const error = new AppError(code, {})
  error.message = message
  return error
}
