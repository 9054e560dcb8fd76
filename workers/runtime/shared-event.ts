// Reads an event that was handed over in shared memory: JSON text, or records that are put together here.
import type { RecordEventKind } from '../../common/record-event.ts'
import { eventBuilders } from '../../events/builders.ts'
import { parseLargeJson } from './large-json.ts'

/** An event's bytes. They are the event's until its thread has answered. */
export interface SharedText {
  readonly memory: SharedArrayBuffer
  readonly sizeBytes: number
  /** Then each byte is a character, which is cheaper to read than UTF-8. */
  readonly isAscii: boolean
  /** Stands for long strings while the event is parsed. */
  readonly mark: string
}

/** Packed records. They are the event's until its thread has answered. */
export interface SharedRecords {
  readonly memory: SharedArrayBuffer
  readonly kind: RecordEventKind
}

/** Throws TypeError where a text's bytes are no UTF-8, SyntaxError where they are no JSON. */
export function readSharedEvent(event: SharedText | SharedRecords): unknown {
  if ('kind' in event) return eventBuilders[event.kind](event.memory)
  const { memory, sizeBytes, isAscii, mark } = event
  const bytes = Buffer.from(memory, 0, sizeBytes)
  if (isAscii) return parseLargeJson(bytes, mark)
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
}
