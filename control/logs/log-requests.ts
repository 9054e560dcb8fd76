// The members of each CloudWatch Logs request that this platform reads, named as AWS names them.
import {
  anything,
  flag,
  list,
  structure,
  text,
  whole,
  type MemberValue,
} from '../lambda/members.ts'

const group = { logGroupName: text, logGroupIdentifier: text } as const

export const describeLogGroupsRequest = structure({
  logGroupNamePrefix: text,
  logGroupNamePattern: text,
  logGroupIdentifiers: list(text),
  logGroupClass: text,
  nextToken: text,
  limit: whole,
})
export type DescribeLogGroupsInput = MemberValue<typeof describeLogGroupsRequest>

export const describeLogStreamsRequest = structure({
  ...group,
  logStreamNamePrefix: text,
  orderBy: text,
  descending: flag,
  nextToken: text,
  limit: whole,
})
export type DescribeLogStreamsInput = MemberValue<typeof describeLogStreamsRequest>

export const getLogEventsRequest = structure({
  ...group,
  logStreamName: text,
  startTime: whole,
  endTime: whole,
  nextToken: text,
  limit: whole,
  startFromHead: flag,
})
export type GetLogEventsInput = MemberValue<typeof getLogEventsRequest>

export const filterLogEventsRequest = structure({
  ...group,
  logStreamNames: list(text),
  logStreamNamePrefix: text,
  startTime: whole,
  endTime: whole,
  filterPattern: text,
  nextToken: text,
  limit: whole,
  startFromHead: flag,
  /** AWS ignores it since 2019. */
  interleaved: anything,
})
export type FilterLogEventsInput = MemberValue<typeof filterLogEventsRequest>
