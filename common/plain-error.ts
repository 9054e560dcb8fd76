// An AppError on its way between threads, whose class and code a structured clone would lose.
import { AppError, type ErrorCode } from './errors.ts'

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
