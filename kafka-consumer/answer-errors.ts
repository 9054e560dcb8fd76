// Kafka's error codes as a consumer takes them: their names, and what they amount to where nothing else helps.
import { AppError } from '../common/errors.ts'
import { DecodeError } from '../protocol/decode-error.ts'
import { errorCodes, type KafkaErrorName } from '../protocol/error-codes.ts'

const names = new Map<number, KafkaErrorName>(
  Object.entries(errorCodes).map(([name, code]) => [code, name as KafkaErrorName]),
)

/** A code that this version has no name for is an unknown error. */
export function errorName(code: number): KafkaErrorName {
  return names.get(code) ?? 'UNKNOWN_SERVER_ERROR'
}

/** What a broker's refusal is to an operator. */
export function refused(
  brokers: string,
  request: string,
  error: KafkaErrorName,
  text?: string | null,
): AppError {
  const reason = text === undefined || text === null || text === '' ? error : `${error}, ${text}`
  return new AppError('BROKER_REFUSED', { brokers, request, reason }, new KafkaError(error))
}

/** What a reader failed by; what bytes could not be read is told as what a broker answered. */
export function readFailure(error: unknown, brokers: string, topic: string): unknown {
  if (!(error instanceof DecodeError)) return error
  const details = { brokers, request: `read topic ${topic}`, reason: error.message }
  return new AppError('BROKER_ANSWER_INVALID', details, error)
}

/** What a broker answered, by Kafka's name. */
class KafkaError extends Error {
  readonly type: KafkaErrorName

  constructor(type: KafkaErrorName) {
    super(type)
    this.name = 'KafkaError'
    this.type = type
  }
}

/** The other side closed the connection, without a word. */
export class HangUp extends Error {
  constructor() {
    super('it closed the connection')
    this.name = 'HangUp'
  }
}

export function isHangUp(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (error instanceof HangUp) return true
  }
  return false
}

/** The connection is gone, or was not made: another one, or another broker, may do. */
export function isUnreachable(thrown: unknown): thrown is AppError {
  return thrown instanceof AppError && thrown.code === 'BROKER_UNREACHABLE'
}
