// Opens a log for each execution environment of this process.
import type { Clock } from '../../common/clock.ts'
import type { LogWriter } from '../../function-logs/log-writer.ts'
import { EnvironmentLog } from './environment-log.ts'

export type OpenEnvironmentLog = (streamName: string) => EnvironmentLog

/** The logs of one group's environments, by the names of their streams. */
export function environmentLogs(
  writer: LogWriter,
  groupName: string,
  clock: Clock,
): OpenEnvironmentLog {
  return (streamName) => new EnvironmentLog({ writer, groupName, streamName, clock })
}
