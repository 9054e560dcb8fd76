// What takes the records that a mapping gives up, whatever is behind it.

export interface DestinationMessage {
  readonly key: Buffer | null
  /** Of records of a stream: the shard that they all are of. */
  readonly shardId?: string
  /** JSON text. */
  readonly value: string
  /** The same without the records themselves, for a destination that takes nothing as large. */
  readonly withoutPayload: string
}

export interface Destination {
  /** As the API has it: `kafka://topic`, or an ARN. */
  readonly name: string
  /** Whether each record is a message, or all that were given up together. */
  readonly takes: 'records' | 'batches'
  /**
   * Resolves when all of them are durable there. Rejects with AppError DESTINATION_FAILED; some of them
   * may be there then, and sending all of them again is how to go on.
   */
  send(messages: readonly DestinationMessage[]): Promise<void>
  close(): Promise<void>
}
