// What the queue of asynchronous invocations knows of an event, beside its payload.

/** Why the queue is done with an event, in the words of Lambda's records. */
export const conditions = [
  'Success',
  'RetriesExhausted',
  'EventAgeExceeded',
  'ZeroReservedConcurrency',
] as const
export type Condition = (typeof conditions)[number]

/** Who hears of an event's end. */
export const hearers = ['onSuccess', 'onFailure', 'deadLetter'] as const
export type Hearer = (typeof hearers)[number]

/** How it ended. The event's body is then the payload followed by the function's last answer. */
export interface Ending {
  readonly condition: Condition
  readonly endedMs: number
  readonly payloadBytes: number
  /** Absent where the function did not run, or its answer is not known any more. */
  readonly executedVersion?: string
  readonly functionError?: string
  /** Those that have not been told yet; never empty. */
  readonly hearers: readonly Hearer[]
}

/** Immutable: a change makes another one under the same id. */
export interface QueuedEvent {
  /** The request id, the same at every try. */
  readonly id: string
  readonly functionName: string
  /** The version or alias that was asked for; absent: `$LATEST`. */
  readonly qualifier?: string
  readonly receivedMs: number
  /** Functions whose destinations it has come through. */
  readonly hops: number
  /** Times that the function ran for it. */
  readonly attempts: number
  /** Refusals in a row; once it has ended, deliveries that failed in a row. */
  readonly setbacks: number
  readonly dueMs: number
  /** Absent while the function is still to run. */
  readonly ending?: Ending
}
