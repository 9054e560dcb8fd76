// Reads an event that was handed over in shared memory.
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

/** Throws TypeError where the bytes are no UTF-8, SyntaxError where they are no JSON. */
export function parseSharedText({ memory, sizeBytes, isAscii, mark }: SharedText): unknown {
  const bytes = Buffer.from(memory, 0, sizeBytes)
  if (isAscii) return parseLargeJson(bytes, mark)
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
}
