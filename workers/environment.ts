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
  const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`
  return {
    PATH: path,
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
    ...(record.layers === undefined
      ? {}
      : layerVariables({ PATH: path, ...own }, record, record.layers.directory)),
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

/**
 * Where what lies in layers is looked for, behind what the function says itself. /opt cannot be put there for one
 * function: `LAMBDA_OPT_ROOT`, which AWS has not, says where it is, and paths that lead there are changed.
 */
function layerVariables(
  own: Readonly<Record<string, string>>,
  { runtime, code }: FunctionRecord,
  opt: string,
): Record<string, string> {
  const places: Record<string, readonly string[]> = {
    PATH: [`${opt}/bin`],
    LD_LIBRARY_PATH: [code.directory, `${code.directory}/lib`, `${opt}/lib`],
    ...(runtime.startsWith('nodejs') ? { NODE_PATH: nodeFolders(runtime, opt) } : {}),
    ...(runtime.startsWith('python')
      ? { PYTHONPATH: [`${opt}/python/lib/${runtime}/site-packages`, `${opt}/python`] }
      : {}),
  }
  const joined = Object.entries(places).map(([name, folders]) => {
    const said = (own[name] ?? '').split(':').filter((each) => each !== '')
    const here = said.map((each) =>
      each.replace(/^\/opt(?=\/|$)/, opt).replace(/^\/var\/task(?=\/|$)/, code.directory),
    )
    return [name, [...new Set([...here, ...folders])].join(':')] as const
  })
  return { ...Object.fromEntries(joined), LAMBDA_OPT_ROOT: opt }
}

/** As on Lambda, the runtime's own before what is for all of them: `nodejs/node22/node_modules`, `nodejs/node_modules`. */
function nodeFolders(runtime: string, opt: string): readonly string[] {
  const version = /^nodejs(\d+)/.exec(runtime)?.[1] ?? ''
  return [`${opt}/nodejs/node${version}/node_modules`, `${opt}/nodejs/node_modules`]
}
