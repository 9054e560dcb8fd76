// Reads log events: one stream's with tokens both ways, or a group's by pattern.
import { logEventsBytesMax, logEventsMax, logStreamNamesMax } from '../../common/log-limits.ts'
import { eventId, parseEventId, type EventPlace } from '../../function-logs/event-id.ts'
import type { FoundEvent } from '../../function-logs/selection.ts'
import { JsonApiError, type JsonOutcome } from '../json/json-service.ts'
import { Violations } from '../../common/aws/validation.ts'
import type { LogQueries } from './describe.ts'
import { compileFilterPattern } from './filter-pattern.ts'
import {
  groupNotFound,
  invalidParameter,
  invalidToken,
  streamNotFound,
  violationsOf,
} from './log-errors.ts'
import { checkStreamName, requestedGroup } from './log-names.ts'
import type { FilterLogEventsInput, GetLogEventsInput } from './log-requests.ts'

/** A direction and the place that it goes on from. */
interface Token {
  readonly direction: 'f' | 'b'
  readonly place: EventPlace
}

const filterPatternMaxLength = 1024
/** AWS: newest first only from here on; it says so for a reason of its own. */
const newestFirstSinceMs = Date.UTC(2024, 0, 1)

/**
 * Tokens are never absent: at an end the answer is empty and gives back the token that it was asked with. A
 * forward token stays good, so that asking with it again gives what was written since.
 */
export async function getLogEvents(
  { reader }: LogQueries,
  input: GetLogEventsInput,
): Promise<JsonOutcome> {
  const violations = new Violations()
  violations.required('logStreamName', input.logStreamName)
  checkStreamName(violations, input.logStreamName)
  checkRange(violations, input)
  const group = requestedGroup(input, violations)
  if (group instanceof JsonApiError) return group
  const token = input.nextToken === undefined ? undefined : parseToken(input.nextToken)
  if (token instanceof JsonApiError) return token
  if ((await reader.group(group)) === undefined) return groupNotFound
  const streams = await reader.streams(group)
  if (!streams.some(({ name }) => name === input.logStreamName)) return streamNotFound
  const { events } = await reader.events(group, {
    stream: (name) => name === input.logStreamName,
    startMs: input.startTime,
    // Alone of all operations this one leaves its end out.
    endMs: input.endTime === undefined ? undefined : input.endTime - 1,
    ...boundsOf(token),
    limit: input.limit ?? logEventsMax,
    maxBytes: logEventsBytesMax,
    newest: token === undefined ? input.startFromHead !== true : token.direction === 'b',
  })
  return {
    events: events.map(({ timestampMs, message, ingestionMs }) => ({
      timestamp: timestampMs,
      message,
      ingestionTime: ingestionMs,
    })),
    ...tokensAround(events, token, input),
  }
}

export async function filterLogEvents(
  { reader }: LogQueries,
  input: FilterLogEventsInput,
): Promise<JsonOutcome> {
  const refused = checkFilterInput(input)
  if (refused !== undefined) return refused
  const group = requestedGroup(input)
  if (group instanceof JsonApiError) return group
  const matches = compileFilterPattern(input.filterPattern ?? '')
  if (matches instanceof JsonApiError) return matches
  const token = input.nextToken === undefined ? undefined : parseToken(input.nextToken)
  if (token instanceof JsonApiError) return token
  if ((await reader.group(group)) === undefined) return groupNotFound
  const newest = token === undefined ? input.startFromHead === false : token.direction === 'b'
  const { events, hasMore } = await reader.events(group, {
    stream: streamFilter(input),
    startMs: input.startTime,
    endMs: input.endTime,
    ...boundsOf(token),
    limit: input.limit ?? logEventsMax,
    maxBytes: logEventsBytesMax,
    newest,
    ...(matches === undefined ? {} : { matches }),
  })
  const answered = newest ? events.toReversed() : events
  const last = answered.at(-1)
  return {
    events: answered.map(filteredEvent),
    // AWS's answer since 2019.
    searchedLogStreams: [],
    ...(hasMore && last !== undefined ? { nextToken: formatToken(newest ? 'b' : 'f', last) } : {}),
  }
}

function filteredEvent(event: FoundEvent): object {
  return {
    logStreamName: event.stream,
    timestamp: event.timestampMs,
    message: event.message,
    ingestionTime: event.ingestionMs,
    eventId: eventId(event),
  }
}

function checkFilterInput(input: FilterLogEventsInput): JsonApiError | undefined {
  const violations = new Violations()
  violations.length('logStreamNames', input.logStreamNames, [1, logStreamNamesMax])
  for (const name of input.logStreamNames ?? []) checkStreamName(violations, name, 'logStreamNames')
  checkStreamName(violations, input.logStreamNamePrefix, 'logStreamNamePrefix')
  violations.length('filterPattern', input.filterPattern, [0, filterPatternMaxLength])
  checkRange(violations, input)
  if (input.logStreamNames !== undefined && input.logStreamNamePrefix !== undefined) {
    return invalidParameter('logStreamNamePrefix and logStreamNames are mutually exclusive.')
  }
  if (input.startFromHead === false && (input.startTime ?? 0) < newestFirstSinceMs) {
    return invalidParameter(
      'startFromHead set to false is supported only when startTime is on or after Jan 1, 2024 00:00:00 UTC.',
    )
  }
  return violationsOf(violations)
}

function checkRange(
  violations: Violations,
  input: { readonly startTime?: number; readonly endTime?: number; readonly limit?: number },
): void {
  const times = [0, Number.MAX_SAFE_INTEGER] as const
  violations.range('startTime', input.startTime, times)
  violations.range('endTime', input.endTime, times)
  violations.range('limit', input.limit, [1, logEventsMax])
}

function streamFilter(input: FilterLogEventsInput): (name: string) => boolean {
  const names = input.logStreamNames === undefined ? undefined : new Set(input.logStreamNames)
  return (name) =>
    names === undefined ? name.startsWith(input.logStreamNamePrefix ?? '') : names.has(name)
}

function boundsOf(token: Token | undefined): { after?: EventPlace; before?: EventPlace } {
  if (token === undefined) return {}
  return token.direction === 'f' ? { after: token.place } : { before: token.place }
}

function tokensAround(
  events: readonly FoundEvent[],
  token: Token | undefined,
  { startTime = 0, endTime }: GetLogEventsInput,
): { readonly nextForwardToken: string; readonly nextBackwardToken: string } {
  const [first, last] = [events[0], events.at(-1)]
  // Without an event the place is where the range begins, or where the token was.
  const start = { timestampMs: startTime, writer: 0, sequence: 0, position: 0 }
  const end = endTime === undefined ? start : { ...start, timestampMs: endTime }
  return {
    nextForwardToken: formatToken('f', last ?? token?.place ?? start),
    nextBackwardToken: formatToken('b', first ?? token?.place ?? end),
  }
}

function formatToken(direction: Token['direction'], place: EventPlace): string {
  return `${direction}/${eventId(place)}`
}

function parseToken(text: string): Token | JsonApiError {
  const [, direction, id] = /^([fb])\/(\d{56})(?:\/s)?$/.exec(text) ?? []
  const place = parseEventId(id ?? '')
  if (place === undefined || (direction !== 'f' && direction !== 'b')) return invalidToken
  return { direction, place }
}
