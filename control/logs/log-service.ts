// CloudWatch Logs (2014-03-28) as far as functions' logs need it: its operations by name.
import type { Clock } from '../../common/clock.ts'
import { logReadersMax, logRequestMaxBytes } from '../../common/log-limits.ts'
import { LogReader } from '../../function-logs/log-reader.ts'
import type { LogWriter } from '../../function-logs/log-writer.ts'
import type { Member } from '../../common/aws/members.ts'
import {
  jsonOperation,
  type JsonOperation,
  type JsonOutcome,
  type JsonService,
} from '../json/json-service.ts'
import type { Account } from '../lambda/function-name.ts'
import { describeLogGroups, describeLogStreams } from './describe.ts'
import { LogGroups } from './log-groups.ts'
import * as requests from './log-requests.ts'
import { putLogEvents } from './put-events.ts'
import { filterLogEvents, getLogEvents } from './read-events.ts'
import { Turns } from './turns.ts'

export interface LogServiceOptions {
  /** The folder of all groups, shared with the workers. */
  readonly root: string
  /** Writes what clients put themselves. Its owner closes it. */
  readonly writer: LogWriter
  readonly account: Account
  readonly clock: Clock
}

export function logService({ root, writer, account, clock }: LogServiceOptions): JsonService {
  const reader = new LogReader(root, clock)
  const queries = { reader, account }
  const groups = new LogGroups({ root, reader, writer, clock })
  const turns = new Turns(logReadersMax)
  const reading = <T>(
    request: Member<T>,
    read: (input: T) => Promise<JsonOutcome>,
  ): JsonOperation => jsonOperation(request, (input) => turns.run(() => read(input)))
  return {
    targetPrefix: 'Logs_20140328',
    bodyMaxBytes: logRequestMaxBytes,
    operations: {
      DescribeLogGroups: reading(requests.describeLogGroupsRequest, (input) =>
        describeLogGroups(queries, input),
      ),
      DescribeLogStreams: reading(requests.describeLogStreamsRequest, (input) =>
        describeLogStreams(queries, input),
      ),
      GetLogEvents: reading(requests.getLogEventsRequest, (input) => getLogEvents(queries, input)),
      FilterLogEvents: reading(requests.filterLogEventsRequest, (input) =>
        filterLogEvents(queries, input),
      ),
      PutLogEvents: reading(requests.putLogEventsRequest, (input) =>
        putLogEvents({ reader, writer, clock }, input),
      ),
      ...groupOperations(groups),
    },
  }
}

function groupOperations(groups: LogGroups): Readonly<Record<string, JsonOperation>> {
  const { groupRequest, streamRequest } = requests
  return {
    CreateLogGroup: jsonOperation(requests.createLogGroupRequest, (input) => groups.create(input)),
    DeleteLogGroup: jsonOperation(groupRequest, (input) => groups.delete(input)),
    CreateLogStream: jsonOperation(streamRequest, (input) => groups.createStream(input)),
    DeleteLogStream: jsonOperation(streamRequest, (input) => groups.deleteStream(input)),
    PutRetentionPolicy: jsonOperation(requests.putRetentionPolicyRequest, (input) =>
      groups.putRetention(input),
    ),
    DeleteRetentionPolicy: jsonOperation(groupRequest, (input) => groups.deleteRetention(input)),
    AssociateKmsKey: jsonOperation(requests.keyRequest, (input) => groups.associateKey(input)),
    DisassociateKmsKey: jsonOperation(requests.keyRequest, (input) =>
      groups.disassociateKey(input),
    ),
    PutLogGroupDeletionProtection: jsonOperation(requests.protectionRequest, (input) =>
      groups.protect(input),
    ),
    ListTagsForResource: jsonOperation(requests.resourceRequest, (input) => groups.listTags(input)),
    TagResource: jsonOperation(requests.tagResourceRequest, (input) => groups.tag(input)),
    UntagResource: jsonOperation(requests.untagResourceRequest, (input) => groups.untag(input)),
  }
}
