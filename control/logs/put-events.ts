// Takes events that a client writes itself, by PutLogEvents' rules.
import type { Clock } from '../../common/clock.ts'
import {
  logEventOverheadBytes,
  logEventsMax,
  putLogEventsMaxBytes,
} from '../../common/log-limits.ts'
import type { LogReader } from '../../function-logs/log-reader.ts'
import type { LogWriter } from '../../function-logs/log-writer.ts'
import { JsonApiError, type JsonOutcome } from '../json/json-service.ts'
import { Violations } from '../../common/aws/validation.ts'
import { groupNotFound, invalidParameter, streamNotFound, violationsOf } from './log-errors.ts'
import { hasStream, requestedStream } from './log-groups.ts'
import { requestedGroup } from './log-names.ts'
import type { PutLogEventsInput } from './log-requests.ts'
import { writtenStream } from './written-stream.ts'

export interface PutEventsOptions {
  readonly reader: LogReader
  readonly writer: LogWriter
  readonly clock: Clock
}

interface NewEvent {
  readonly timestamp: number
  readonly message: string
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** Resolves when the events are in their file; what the disk or the group's rate refuses is refused as AWS throttles. */
export async function putLogEvents(
  { reader, writer, clock }: PutEventsOptions,
  input: PutLogEventsInput,
): Promise<JsonOutcome> {
  const group = requestedGroup(input)
  if (group instanceof JsonApiError) return group
  const stream = requestedStream(input)
  if (stream instanceof JsonApiError) return stream
  const events = checkEvents(input)
  if (events instanceof JsonApiError) return events
  const facts = await reader.group(group)
  if (facts === undefined) return groupNotFound
  if (!(await hasStream(reader, group, stream))) return streamNotFound
  const nowMs = clock.now()
  const keptMs = nowMs - (facts.retentionDays ?? Infinity) * dayMs
  const { accepted, rejected } = sort(events, nowMs, keptMs)
  const target = writer.group(group)
  const written = writtenStream(stream, nowMs)
  for (const { timestamp, message } of accepted) {
    if (target.append(written, timestamp, message, writer.acceptsMore)) continue
    return new JsonApiError('ThrottlingException', 'Rate exceeded')
  }
  await writer.flush()
  return {
    // Ignored by AWS since 2023, but given all the same.
    nextSequenceToken: '1',
    ...(rejected === undefined ? {} : { rejectedLogEventsInfo: rejected }),
  }
}

function checkEvents({ logEvents = [] }: PutLogEventsInput): readonly NewEvent[] | JsonApiError {
  const violations = new Violations()
  violations.length('logEvents', logEvents, [1, logEventsMax])
  const events = logEvents.map(({ timestamp, message }, i) => {
    const member = `logEvents.${i + 1}.member`
    violations.required(`${member}.timestamp`, timestamp)
    violations.required(`${member}.message`, message)
    violations.range(`${member}.timestamp`, timestamp, [0, Number.MAX_SAFE_INTEGER])
    violations.length(`${member}.message`, message, [1, putLogEventsMaxBytes])
    return { timestamp: timestamp ?? 0, message: message ?? '' }
  })
  return violationsOf(violations) ?? checkBatch(events) ?? events
}

function checkBatch(events: readonly NewEvent[]): JsonApiError | undefined {
  const bytes = events.reduce(
    (total, { message }) => total + Buffer.byteLength(message) + logEventOverheadBytes,
    0,
  )
  if (bytes > putLogEventsMaxBytes) {
    return invalidParameter(
      `Upload too large: ${bytes} bytes exceeds limit of ${putLogEventsMaxBytes}`,
    )
  }
  if (events.some(({ timestamp }, i) => timestamp < (events[i - 1]?.timestamp ?? 0))) {
    return invalidParameter(
      'Log events in a single PutLogEvents request must be in chronological order.',
    )
  }
  const [first, last] = [events[0], events.at(-1)]
  if (first !== undefined && last !== undefined && last.timestamp - first.timestamp > dayMs) {
    return invalidParameter(
      'The batch of log events in a single PutLogEvents request cannot span more than 24 hours.',
    )
  }
  return undefined
}

/** AWS: what is two weeks old, past the retention or two hours ahead is left out, and its place told. */
function sort(events: readonly NewEvent[], nowMs: number, keptMs: number) {
  const expired = events.filter(({ timestamp }) => timestamp < keptMs).length
  const old = events.filter(({ timestamp }) => timestamp < nowMs - 14 * dayMs).length
  const start = Math.max(expired, old)
  const newer = events.findIndex(({ timestamp }) => timestamp > nowMs + 2 * hourMs)
  const end = newer < 0 ? events.length : newer
  const rejected = {
    ...(newer < 0 ? {} : { tooNewLogEventStartIndex: newer }),
    ...(old === 0 ? {} : { tooOldLogEventEndIndex: old }),
    ...(expired === 0 ? {} : { expiredLogEventEndIndex: expired }),
  }
  return {
    accepted: events.slice(start, end),
    rejected: Object.keys(rejected).length === 0 ? undefined : rejected,
  }
}
