// A log stream that a client writes to, and not an environment.
import type { WrittenStream } from '../../function-logs/group-writer.ts'

export function writtenStream(name: string, createdMs: number): WrittenStream {
  return {
    name,
    createdMs,
    lossNote: ({ events, bytes }) => `LOGS_DROPPED Records: ${events}\tBytes: ${bytes}`,
  }
}
