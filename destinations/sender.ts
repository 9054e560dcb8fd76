// What takes records for queues, topics, buckets and buses, whatever is behind it.
import type { Target } from './target.ts'

export interface Message {
  /** JSON text. */
  readonly body: string
  /** Of a message to a queue or a topic; a number is sent as one. */
  readonly attributes?: Readonly<Record<string, string | number>>
  /** Where a bucket keeps it. */
  readonly objectKey: string
  /** What a bus says of it beside the body. */
  readonly busEvent?: BusEvent
}

export interface BusEvent {
  readonly detailType: string
  readonly resources: readonly string[]
}

export interface Sender {
  /**
   * Resolves when the target has the message. Rejects with AppError DESTINATION_FAILED where another try
   * may go better, DESTINATION_REFUSED where none will.
   */
  send(target: Target, message: Message): Promise<void>
  close(): void
}
