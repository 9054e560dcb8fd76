// CloudWatch Logs (2014-03-28) as far as functions' logs need it: its operations by name.
import type { Clock } from '../../common/clock.ts'
import { logReadersMax, logRequestMaxBytes } from '../../common/log-limits.ts'
import { LogReader } from '../../function-logs/log-reader.ts'
import { jsonOperation, type JsonOutcome, type JsonService } from '../json/json-service.ts'
import type { Account } from '../lambda/function-name.ts'
import { describeLogGroups, describeLogStreams } from './describe.ts'
import {
  describeLogGroupsRequest,
  describeLogStreamsRequest,
  filterLogEventsRequest,
  getLogEventsRequest,
} from './log-requests.ts'
import { filterLogEvents, getLogEvents } from './read-events.ts'
import { Turns } from './turns.ts'

export interface LogServiceOptions {
  /** The folder of all groups, shared with the workers. */
  readonly root: string
  readonly account: Account
  readonly clock: Clock
}

export function logService({ root, account, clock }: LogServiceOptions): JsonService {
  const queries = { reader: new LogReader(root, clock), account }
  const turns = new Turns(logReadersMax)
  const reading =
    <T>(read: (input: T) => Promise<JsonOutcome>) =>
    (input: T) =>
      turns.run(() => read(input))
  return {
    targetPrefix: 'Logs_20140328',
    bodyMaxBytes: logRequestMaxBytes,
    operations: {
      DescribeLogGroups: jsonOperation(
        describeLogGroupsRequest,
        reading((input) => describeLogGroups(queries, input)),
      ),
      DescribeLogStreams: jsonOperation(
        describeLogStreamsRequest,
        reading((input) => describeLogStreams(queries, input)),
      ),
      GetLogEvents: jsonOperation(
        getLogEventsRequest,
        reading((input) => getLogEvents(queries, input)),
      ),
      FilterLogEvents: jsonOperation(
        filterLogEventsRequest,
        reading((input) => filterLogEvents(queries, input)),
      ),
    },
  }
}
