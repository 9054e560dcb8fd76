// Names of log groups and streams: their rules, their ARNs, and the ways in which a request says them.
import { logNameMaxLength } from '../../common/log-limits.ts'
import { JsonApiError } from '../json/json-service.ts'
import type { Account } from '../lambda/function-name.ts'
import { Violations } from '../../common/aws/validation.ts'
import { invalidParameter, violationsOf } from './log-errors.ts'

export const groupNamePattern = '[\\.\\-_/#A-Za-z0-9]+'
export const standardClass = 'STANDARD'
export const logGroupClasses = [standardClass, 'INFREQUENT_ACCESS', 'DELIVERY', 'ESSENTIALS']
export const streamNamePattern = '[^:*]*'

export function groupArn({ region, accountId }: Account, name: string): string {
  return `arn:aws:logs:${region}:${accountId}:log-group:${name}`
}

export function streamArn(account: Account, group: string, stream: string): string {
  return `${groupArn(account, group)}:log-stream:${stream}`
}

export function checkGroupName(
  violations: Violations,
  name: string | undefined,
  member = 'logGroupName',
): void {
  violations.length(member, name, [1, logNameMaxLength])
  violations.pattern(member, name, groupNamePattern)
}

export function checkStreamName(
  violations: Violations,
  name: string | undefined,
  member = 'logStreamName',
): void {
  violations.length(member, name, [1, logNameMaxLength])
  violations.pattern(member, name, streamNamePattern)
}

/** The group of a request that says its name, or with `logGroupIdentifier` its name or ARN. */
export function requestedGroup(
  input: { readonly logGroupName?: string; readonly logGroupIdentifier?: string },
  violations = new Violations(),
): string | JsonApiError {
  const { logGroupName, logGroupIdentifier } = input
  if (logGroupName !== undefined && logGroupIdentifier !== undefined) {
    return invalidParameter(
      'LogGroup name and LogGroup ARN are mutually exclusive parameters. You can specify only one of them.',
    )
  }
  const name = logGroupName ?? groupOfIdentifier(logGroupIdentifier)
  violations.required('logGroupName', name)
  checkGroupName(violations, name)
  return violationsOf(violations) ?? name ?? ''
}

/** `arn:aws:logs:region:account:log-group:NAME`, with `:*` or without; anything else is a name. */
export function groupOfIdentifier(identifier: string | undefined): string | undefined {
  const [, name] =
    /^arn:[\w-]+:logs:[^:]*:[^:]*:log-group:([^:]+)(?::\*)?$/.exec(identifier ?? '') ?? []
  return name ?? identifier
}
