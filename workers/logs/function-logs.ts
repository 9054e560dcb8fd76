// Opens a log for each execution environment of this process.
import type { Clock } from '../../common/clock.ts'
import { runtimeVersion, runtimeVersionArn } from '../../common/runtime-version.ts'
import { loggingOf } from '../../control/registry/function-logging.ts'
import { versionOf } from '../../control/registry/function-version.ts'
import type { FunctionRecord, VersionRecord } from '../../control/registry/registry.ts'
import type { LogWriter } from '../../function-logs/log-writer.ts'
import { EnvironmentLog, type FunctionLogEvent } from './environment-log.ts'
import type { EndedInvocation } from './faro.ts'
import { systemLines } from './system-lines.ts'

export type OpenEnvironmentLog = (streamName: string) => EnvironmentLog

/** Where events of functions' logs go: all of it may be absent. */
export interface FunctionLogTargets {
  readonly logWriter?: LogWriter | undefined
  readonly onLogEvent?: ((event: FunctionLogEvent) => void) | undefined
  readonly onInvocation?: ((ended: EndedInvocation) => void) | undefined
}

export interface EnvironmentLogsOptions extends FunctionLogTargets {
  readonly region: string
  readonly clock: Clock
}

/** The logs of a function version's environments by the names of their streams. Each begins with INIT_START. */
export function environmentLogs(
  record: FunctionRecord | VersionRecord,
  { logWriter, onLogEvent, region, clock }: EnvironmentLogsOptions,
): OpenEnvironmentLog | undefined {
  if (logWriter === undefined && onLogEvent === undefined) return undefined
  const logging = loggingOf(record)
  const lines = systemLines(logging, () => clock.now())
  const [functionName, version] = [record.name, versionOf(record)]
  const kept = logWriter === undefined ? undefined : { writer: logWriter, groupName: logging.group }
  return (streamName) => {
    const log = new EnvironmentLog({
      functionName,
      version,
      streamName,
      clock,
      lines,
      kept,
      onEvent: onLogEvent,
    })
    const initStart = lines.initStart({
      functionName,
      functionVersion: version,
      runtimeVersion: runtimeVersion(record.runtime),
      runtimeVersionArn: runtimeVersionArn(region, record.runtime),
      instanceId: streamName,
      instanceMaxMemory: record.memorySizeMb * 1024 * 1024,
    })
    if (initStart !== undefined)
      log.put(initStart, { timestampMs: log.createdMs, isPlatform: true })
    return log
  }
}
