// What a group has yet to write: events, streams and deletions in their order, and what they are in a chunk.
import { deletionLine, eventLine, streamLine } from './chunk-format.ts'

/** A log stream as its writer knows it. */
export interface WrittenStream {
  readonly name: string
  readonly createdMs: number
  /** The line that says what was dropped. */
  lossNote(loss: Loss): string
}

export interface Loss {
  readonly events: number
  readonly bytes: number
}

export interface PendingEvent {
  readonly kind: 'event'
  readonly stream: WrittenStream
  readonly timestampMs: number
  readonly message: string
  /** As CloudWatch Logs counts it: its text and 26 bytes. */
  readonly bytes: number
}

export type Pending =
  | PendingEvent
  | { readonly kind: 'stream'; readonly stream: WrittenStream }
  | { readonly kind: 'deletion'; readonly name: string; readonly untilMs: number }

/** The streams of a chunk have numbers of its own. */
export interface StreamNumbers {
  readonly streams: Map<string, number>
  /** The number of its next stream. */
  next: number
}

/** Takes the oldest events out until the others fit: they are what would be dropped first once it is written. */
export function fitting(
  pending: readonly Pending[],
  maxBytes: number,
): { readonly kept: readonly Pending[]; readonly dropped: readonly PendingEvent[] } {
  let excess = pending.reduce((sum, each) => sum + bytesOf(each), -maxBytes)
  const kept: Pending[] = []
  const dropped: PendingEvent[] = []
  for (const each of pending) {
    if (excess <= 0 || each.kind !== 'event') kept.push(each)
    else {
      dropped.push(each)
      excess -= each.bytes
    }
  }
  return { kept, dropped }
}

/** How many of `pending` from `start` on go into a chunk with so much room; one at least. */
export function endOfPart(pending: readonly Pending[], start: number, roomBytes: number): number {
  let left = roomBytes
  let end = start
  while (end < pending.length && (end === start || left > 0)) {
    const each = pending[end]
    if (each !== undefined) left -= bytesOf(each)
    end += 1
  }
  return end
}

export function render(
  numbers: StreamNumbers,
  part: readonly Pending[],
  ingestionMs: number,
): string {
  let text = ''
  const numberOf = (stream: WrittenStream): number => {
    const known = numbers.streams.get(stream.name)
    if (known !== undefined) return known
    const number = numbers.next++
    numbers.streams.set(stream.name, number)
    text += streamLine(number, stream.createdMs, stream.name)
    return number
  }
  for (const each of part) {
    if (each.kind === 'deletion') {
      text += deletionLine(each.untilMs, each.name)
      // A stream that is made anew under the name begins anew.
      numbers.streams.delete(each.name)
      continue
    }
    const number = numberOf(each.stream)
    if (each.kind === 'stream') continue
    text += eventLine(number, { timestampMs: each.timestampMs, ingestionMs }, each.message)
  }
  return text
}

function bytesOf(pending: Pending): number {
  return pending.kind === 'event' ? pending.bytes : 0
}
