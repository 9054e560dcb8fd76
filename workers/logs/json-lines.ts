// Writes each event of functions' logs as one line of JSON.
import type { FunctionLogEvent } from './environment-log.ts'
import { eventLevel } from './event-level.ts'

export function jsonLine(event: FunctionLogEvent): string {
  return JSON.stringify({
    function: event.functionName,
    version: event.version,
    stream: event.stream,
    requestId: event.requestId,
    timestamp: new Date(event.timestampMs).toISOString(),
    level: eventLevel(event.message),
    message: event.message,
  })
}

export function droppedLine(lines: number): string {
  return JSON.stringify({ level: 'WARN', message: `${lines} lines of functions were dropped here` })
}
