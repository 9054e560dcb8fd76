// Names the object that a bucket keeps of an event's end, as Lambda does.
import type { Ending, QueuedEvent } from './event.ts'

/** `aws/lambda/async/<function>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<request id>`: the same at every try. */
export function objectKeyOf(
  { functionName, id }: Pick<QueuedEvent, 'functionName' | 'id'>,
  { endedMs }: Pick<Ending, 'endedMs'>,
): string {
  const time = new Date(endedMs).toISOString()
  const day = time.slice(0, 10).replaceAll('-', '/')
  const second = time.slice(0, 19).replaceAll(':', '.')
  return `aws/lambda/async/${functionName}/${day}/${second}-${id}`
}
