// A function's LoggingConfig: Lambda's rules for it, what is kept of it, and how it is answered.
import { logNameMaxLength } from '../../common/log-limits.ts'
import { loggingOf } from '../registry/function-logging.ts'
import type { FunctionLogging, FunctionRecord } from '../registry/registry.ts'
import { invalidParameter, type LambdaApiError } from './api-errors.ts'
import { structure, text, type MemberValue } from '../../common/aws/members.ts'
import type { Violations } from '../../common/aws/validation.ts'

export const loggingConfigMember = structure({
  LogFormat: text,
  ApplicationLogLevel: text,
  SystemLogLevel: text,
  LogGroup: text,
})
export type LoggingConfigInput = MemberValue<typeof loggingConfigMember>

export function checkLoggingConfig(
  violations: Violations,
  input: LoggingConfigInput | undefined,
): void {
  const applicationLevels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
  violations.oneOf('loggingConfig.logFormat', input?.LogFormat, ['JSON', 'Text'])
  violations.oneOf(
    'loggingConfig.applicationLogLevel',
    input?.ApplicationLogLevel,
    applicationLevels,
  )
  violations.oneOf('loggingConfig.systemLogLevel', input?.SystemLogLevel, ['DEBUG', 'INFO', 'WARN'])
  violations.length('loggingConfig.logGroup', input?.LogGroup, [1, logNameMaxLength])
  violations.pattern('loggingConfig.logGroup', input?.LogGroup, '[\\.\\-_/#A-Za-z0-9]+')
}

/** What the function logs by once `input` has changed `current`; a change to Text ends the levels. */
export function changedLogging(
  current: FunctionLogging | undefined,
  input: LoggingConfigInput | undefined,
): FunctionLogging | undefined | LambdaApiError {
  if (input === undefined) return current
  const format = input.LogFormat ?? current?.format ?? 'Text'
  const group = input.LogGroup ?? current?.group
  const own = group === undefined ? {} : { group }
  if (format !== 'JSON') {
    if (input.ApplicationLogLevel === undefined && input.SystemLogLevel === undefined) {
      return group === undefined ? undefined : { format: 'Text', ...own }
    }
    // As CloudFormation reports it of Lambda.
    return invalidParameter(
      'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your ' +
        'request or change the LogFormat to "JSON" and try again.',
    )
  }
  return {
    format,
    applicationLevel: input.ApplicationLogLevel ?? current?.applicationLevel ?? 'INFO',
    systemLevel: input.SystemLogLevel ?? current?.systemLevel ?? 'INFO',
    ...own,
  }
}

/** The record with another logging; without the member where it is Lambda's default. */
export function withLogging<R extends FunctionRecord>(
  { logging: _before, ...record }: R,
  logging: FunctionLogging | undefined,
): Omit<R, 'logging'> & { readonly logging?: FunctionLogging } {
  return logging === undefined ? record : { ...record, logging }
}

export function loggingConfigShape(record: FunctionRecord): object {
  const { format, group, applicationLevel, systemLevel } = loggingOf(record)
  return {
    LogFormat: format,
    ...(applicationLevel === undefined ? {} : { ApplicationLogLevel: applicationLevel }),
    ...(systemLevel === undefined ? {} : { SystemLogLevel: systemLevel }),
    LogGroup: group,
  }
}
