// The environment variables of a function: Lambda's own and the function's, never the platform's.
import { dirname } from 'node:path'
import { loggingOf } from '../control/registry/function-logging.ts'
import { versionOf } from '../control/registry/function-version.ts'
import type { FunctionRecord, VersionRecord } from '../control/registry/registry.ts'

/** Lambda's reserved variables win over the function's; its plain defaults do not. */
export function environmentOf(
  record: FunctionRecord | VersionRecord,
  region: string,
  initializationType: 'on-demand' | 'provisioned-concurrency' = 'on-demand',
): Record<string, string> {
  // A thread is refused for most of Node's options; the thread itself shows them to its handler.
  const { NODE_OPTIONS: _, ...own } = record.environment
  const logging = loggingOf(record)
  return {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    LANG: 'en_US.UTF-8',
    TZ: 'UTC',
    // Clients want some; nothing on this machine checks them.
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_SESSION_TOKEN: 'test',
    // No daemon listens there: clients of X-Ray log that, and go on.
    AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
    AWS_XRAY_DAEMON_ADDRESS: '127.0.0.1:2000',
    ...own,
    _HANDLER: record.handler,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: record.environment['AWS_DEFAULT_REGION'] ?? region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${record.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: record.name,
    AWS_LAMBDA_FUNCTION_VERSION: versionOf(record),
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(record.memorySizeMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: initializationType,
    AWS_LAMBDA_LOG_GROUP_NAME: logging.group,
    AWS_LAMBDA_LOG_FORMAT: logging.format,
    ...(logging.applicationLevel === undefined
      ? {}
      : { AWS_LAMBDA_LOG_LEVEL: logging.applicationLevel }),
    LAMBDA_TASK_ROOT: record.code.directory,
    LAMBDA_RUNTIME_DIR: dirname(process.execPath),
  }
}
