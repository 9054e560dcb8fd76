// Lists log groups and log streams, in AWS's orders and pages.
import type { GroupFacts } from '../../function-logs/group-folder.ts'
import type { LogReader, StreamFacts } from '../../function-logs/log-reader.ts'
import { JsonApiError, type JsonOutcome } from '../json/json-service.ts'
import type { Account } from '../lambda/function-name.ts'
import { Violations } from '../../common/aws/validation.ts'
import { groupNotFound, invalidParameter, invalidToken, violationsOf } from './log-errors.ts'
import {
  checkGroupName,
  checkStreamName,
  groupArn,
  groupOfIdentifier,
  logGroupClasses,
  requestedGroup,
  standardClass,
  streamArn,
} from './log-names.ts'
import type { DescribeLogGroupsInput, DescribeLogStreamsInput } from './log-requests.ts'

export interface LogQueries {
  readonly reader: LogReader
  readonly account: Account
}

const pageMax = 50

export async function describeLogGroups(
  { reader, account }: LogQueries,
  input: DescribeLogGroupsInput,
): Promise<JsonOutcome> {
  const refused = checkGroupsInput(input)
  if (refused !== undefined) return refused
  const wanted = input.logGroupIdentifiers?.map(groupOfIdentifier)
  const all = (await reader.groups()).filter(
    (name) =>
      name.startsWith(input.logGroupNamePrefix ?? '') &&
      name.includes(input.logGroupNamePattern ?? '') &&
      (wanted === undefined || wanted.includes(name)),
  )
  const names = await ofClass(reader, all, input.logGroupClass)
  const page = pageOf(names, (name) => name, input)
  if (page instanceof JsonApiError) return page
  const facts = await Promise.all(page.items.map((name) => reader.group(name)))
  const found = facts.filter((each) => each !== undefined)
  const logGroups = await Promise.all(
    found.map(async (each) => groupShape(account, each, await reader.storedBytes(each.name))),
  )
  return { logGroups, ...tokenOf(page) }
}

export async function describeLogStreams(
  { reader, account }: LogQueries,
  input: DescribeLogStreamsInput,
): Promise<JsonOutcome> {
  const violations = new Violations()
  checkStreamName(violations, input.logStreamNamePrefix, 'logStreamNamePrefix')
  violations.oneOf('orderBy', input.orderBy, ['LogStreamName', 'LastEventTime'])
  violations.range('limit', input.limit, [1, pageMax])
  const group = requestedGroup(input, violations)
  if (group instanceof JsonApiError) return group
  if (input.orderBy === 'LastEventTime' && input.logStreamNamePrefix !== undefined) {
    return invalidParameter('Cannot order by LastEventTime with a logStreamNamePrefix.')
  }
  if ((await reader.group(group)) === undefined) return groupNotFound
  const named = (await reader.streams(group)).filter(({ name }) =>
    name.startsWith(input.logStreamNamePrefix ?? ''),
  )
  const ordered =
    input.orderBy === 'LastEventTime'
      ? named.toSorted((a, b) => (a.lastMs ?? a.createdMs) - (b.lastMs ?? b.createdMs))
      : named
  const streams = input.descending === true ? ordered.toReversed() : ordered
  const page = pageOf(streams, ({ name }) => name, input)
  if (page instanceof JsonApiError) return page
  const logStreams = page.items.map((stream) => streamShape(account, group, stream))
  return { logStreams, ...tokenOf(page) }
}

function checkGroupsInput(input: DescribeLogGroupsInput): JsonApiError | undefined {
  const violations = new Violations()
  checkGroupName(violations, input.logGroupNamePrefix, 'logGroupNamePrefix')
  if (input.logGroupNamePattern !== '') {
    checkGroupName(violations, input.logGroupNamePattern, 'logGroupNamePattern')
  }
  violations.oneOf('logGroupClass', input.logGroupClass, logGroupClasses)
  violations.range('limit', input.limit, [1, pageMax])
  if (input.logGroupNamePrefix !== undefined && input.logGroupNamePattern !== undefined) {
    return invalidParameter(
      'LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.',
    )
  }
  return violationsOf(violations)
}

async function ofClass(
  reader: LogReader,
  names: readonly string[],
  wanted: string | undefined,
): Promise<readonly string[]> {
  if (wanted === undefined) return names
  const found: string[] = []
  for (const name of names) {
    const facts = await reader.group(name)
    if (facts !== undefined && (facts.groupClass ?? standardClass) === wanted) found.push(name)
  }
  return found
}

function groupShape(account: Account, facts: GroupFacts, storedBytes: number): object {
  const arn = groupArn(account, facts.name)
  return {
    logGroupName: facts.name,
    creationTime: facts.createdMs,
    ...(facts.retentionDays === undefined ? {} : { retentionInDays: facts.retentionDays }),
    metricFilterCount: 0,
    arn: `${arn}:*`,
    storedBytes,
    ...(facts.kmsKeyId === undefined ? {} : { kmsKeyId: facts.kmsKeyId }),
    logGroupClass: facts.groupClass ?? standardClass,
    logGroupArn: arn,
    deletionProtectionEnabled: facts.isProtected ?? false,
  }
}

function streamShape(account: Account, group: string, stream: StreamFacts): object {
  return {
    logStreamName: stream.name,
    creationTime: stream.createdMs,
    ...(stream.firstMs === undefined
      ? {}
      : {
          firstEventTimestamp: stream.firstMs,
          lastEventTimestamp: stream.lastMs,
          lastIngestionTime: stream.lastIngestionMs,
        }),
    // AWS takes any token since 2023 and still gives one.
    uploadSequenceToken: '1',
    arn: streamArn(account, group, stream.name),
    storedBytes: 0,
  }
}

interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | undefined
}

/** A token is the name of the last item that was given. */
function pageOf<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  { nextToken, limit = pageMax }: { readonly nextToken?: string; readonly limit?: number },
): Page<T> | JsonApiError {
  let start = 0
  if (nextToken !== undefined) {
    const last = Buffer.from(nextToken, 'base64url').toString()
    // An item may have gone meanwhile: the next one in the order of names is where it was.
    const found = items.findIndex((item) => nameOf(item) === last)
    start = found >= 0 ? found + 1 : items.findIndex((item) => nameOf(item) > last)
    if (last === '') return invalidToken
    if (start < 0) start = items.length
  }
  const page = items.slice(start, start + limit)
  const last = page.at(-1)
  const isLast = start + limit >= items.length
  return { items: page, next: isLast || last === undefined ? undefined : nameOf(last) }
}

function tokenOf({ next }: Page<unknown>): { readonly nextToken?: string } {
  return next === undefined ? {} : { nextToken: Buffer.from(next).toString('base64url') }
}
