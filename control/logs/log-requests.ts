// The members of each CloudWatch Logs request that this platform reads, named as AWS names them.
import {
  anything,
  flag,
  list,
  map,
  structure,
  text,
  whole,
  type MemberValue,
} from '../../common/aws/members.ts'

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

export const groupRequest = structure({ logGroupName: text })
export type GroupInput = MemberValue<typeof groupRequest>

export const streamRequest = structure({ logGroupName: text, logStreamName: text })
export type StreamInput = MemberValue<typeof streamRequest>

export const createLogGroupRequest = structure({
  logGroupName: text,
  tags: map(text),
  logGroupClass: text,
  /** Kept and told: what lies on this disk is encrypted by whoever encrypts the disk. */
  kmsKeyId: text,
  deletionProtectionEnabled: flag,
})
export type CreateLogGroupInput = MemberValue<typeof createLogGroupRequest>

export const keyRequest = structure({
  logGroupName: text,
  resourceIdentifier: text,
  kmsKeyId: text,
})
export type KeyInput = MemberValue<typeof keyRequest>

export const protectionRequest = structure({
  logGroupIdentifier: text,
  deletionProtectionEnabled: flag,
})
export type ProtectionInput = MemberValue<typeof protectionRequest>

export const putLogEventsRequest = structure({
  logGroupName: text,
  logStreamName: text,
  logEvents: list(structure({ timestamp: whole, message: text })),
  /** AWS ignores it since 2023. */
  sequenceToken: anything,
})
export type PutLogEventsInput = MemberValue<typeof putLogEventsRequest>

export const putRetentionPolicyRequest = structure({ logGroupName: text, retentionInDays: whole })
export type PutRetentionPolicyInput = MemberValue<typeof putRetentionPolicyRequest>

export const resourceRequest = structure({ resourceArn: text })
export type ResourceInput = MemberValue<typeof resourceRequest>

export const tagResourceRequest = structure({ resourceArn: text, tags: map(text) })
export type TagResourceInput = MemberValue<typeof tagResourceRequest>

export const untagResourceRequest = structure({ resourceArn: text, tagKeys: list(text) })
export type UntagResourceInput = MemberValue<typeof untagResourceRequest>
