// Statements of a function's resource policy, as AWS words them; pure. Nobody is held to them here.
import { invalidParameter, type LambdaApiError, type Outcome } from './api-errors.ts'
import type { AddPermissionInput } from './requests.ts'
import { Violations } from '../../common/aws/validation.ts'

const arnPattern =
  'arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)'

/** The statement that a request asks for, for the function, version or alias of `arn`. */
export function statementOf(input: AddPermissionInput, arn: string): Outcome<object> {
  const violations = new Violations()
  violations.required('statementId', input.StatementId)
  violations.length('statementId', input.StatementId, [1, 100])
  violations.pattern('statementId', input.StatementId, '([a-zA-Z0-9-_]+)')
  violations.required('action', input.Action)
  violations.length('action', input.Action, [0, 10_000])
  violations.pattern('action', input.Action, '(lambda:[*]|lambda:[a-zA-Z]+|[*])')
  violations.required('principal', input.Principal)
  violations.length('principal', input.Principal, [0, 2048])
  violations.pattern('principal', input.Principal, '[^\\s]+')
  violations.length('sourceArn', input.SourceArn, [0, 10_000])
  violations.pattern('sourceArn', input.SourceArn, arnPattern)
  violations.length('sourceAccount', input.SourceAccount, [0, 12])
  violations.pattern('sourceAccount', input.SourceAccount, '\\d{12}')
  violations.length('eventSourceToken', input.EventSourceToken, [0, 256])
  violations.pattern('eventSourceToken', input.EventSourceToken, '[a-zA-Z0-9._\\-]+')
  violations.length('principalOrgID', input.PrincipalOrgID, [12, 34])
  violations.pattern('principalOrgID', input.PrincipalOrgID, 'o-[a-z0-9]{10,32}')
  violations.oneOf('functionUrlAuthType', input.FunctionUrlAuthType, ['NONE', 'AWS_IAM'])
  const error = violations.error()
  if (error !== undefined) return error
  const principal = principalOf(input.Principal ?? '')
  if (principal === undefined) {
    return invalidParameter(
      'The provided principal was invalid. Please check the principal and try again.',
    )
  }
  const condition = conditionOf(input)
  return {
    Sid: input.StatementId,
    Effect: 'Allow',
    Principal: principal,
    Action: input.Action,
    Resource: arn,
    ...(Object.keys(condition).length === 0 ? {} : { Condition: condition }),
  }
}

/** The id of a statement that is to go. */
export function checkStatementId(sid: string): LambdaApiError | undefined {
  const violations = new Violations()
  violations.length('statementId', sid, [1, 100])
  violations.pattern('statementId', sid, '([a-zA-Z0-9-_.]+)')
  return violations.error()
}

/** A service, an account (as its root), an ARN of someone, or everyone. */
function principalOf(principal: string): object | '*' | undefined {
  if (principal === '*') return '*'
  if (/^\d{12}$/.test(principal)) return { AWS: `arn:aws:iam::${principal}:root` }
  if (principal.startsWith('arn:')) return { AWS: principal }
  // Alexa's services have no name under amazonaws.com.
  if (/^[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|amazon\.com)$/.test(principal)) {
    return { Service: principal }
  }
  return undefined
}

function conditionOf(input: AddPermissionInput): object {
  const equals = {
    'AWS:SourceAccount': input.SourceAccount,
    'aws:PrincipalOrgID': input.PrincipalOrgID,
    'lambda:EventSourceToken': input.EventSourceToken,
    'lambda:FunctionUrlAuthType': input.FunctionUrlAuthType,
  }
  const given = Object.entries(equals).filter(([, value]) => value !== undefined)
  return {
    ...(given.length === 0 ? {} : { StringEquals: Object.fromEntries(given) }),
    ...(input.SourceArn === undefined ? {} : { ArnLike: { 'AWS:SourceArn': input.SourceArn } }),
    ...(input.InvokedViaFunctionUrl === undefined
      ? {}
      : // IAM writes every condition's value as a text, and Terraform reads nothing else.
        { Bool: { 'lambda:InvokedViaFunctionUrl': String(input.InvokedViaFunctionUrl) } }),
  }
}
