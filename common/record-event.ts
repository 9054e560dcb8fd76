// An event of records as they were read: it becomes JSON text only where a text is needed.

/** Whose builder makes Lambda's event of what was packed; one for each source of records. */
export type RecordEventKind = 'kafka' | 'kinesis'

/** It does not change, and may be packed and made text as often as it is sent. */
export interface RecordEvent {
  readonly kind: RecordEventKind
  /** Of its JSON text, exactly. */
  readonly sizeBytes: number
  /** So much memory is enough to pack it. */
  readonly packedMaxBytes: number
  /** Writes it for the builder of its kind, which reads it in another thread. */
  pack(memory: SharedArrayBuffer): void
  text(): string
}
