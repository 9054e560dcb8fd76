// A resource policy as JSON text: reads one that is put as a whole, and writes what is kept; pure.
import type { PolicyRecord } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import type { PutResourcePolicyInput } from './requests.ts'
import { Violations } from '../../common/aws/validation.ts'

/** Lambda: a resource policy is at most 20 KB. */
export const policyMaxBytes = 20_480

export type PolicyContent = Pick<PolicyRecord, 'statements' | 'document'>

/** Lambda's patterns (botocore: PolicyResourceArn, RevisionId). */
const arnPattern =
  'arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:' +
  '(function:[a-zA-Z0-9-_]+(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_])+)?|runtime/[a-zA-Z0-9-_./]+)'
const revisionPattern = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

/** What every operation on a whole policy asks of its members. */
export function checkPolicyResource(arn: string, revisionId?: string): Violations {
  const violations = new Violations()
  violations.length('resourceArn', arn, [0, 512])
  violations.pattern('resourceArn', arn, arnPattern)
  violations.length('revisionId', revisionId, [36, 36])
  violations.pattern('revisionId', revisionId, revisionPattern)
  return violations
}

/** The statements of a policy that is put, each as it was written; no recording seen of AWS's texts. */
export function readPolicy(
  arn: string,
  { Policy: text, RevisionId }: PutResourcePolicyInput,
): Outcome<PolicyContent> {
  const violations = checkPolicyResource(arn, RevisionId)
  violations.required('policy', text)
  violations.length('policy', text, [1, policyMaxBytes])
  const error = violations.error()
  if (error !== undefined) return error
  const policy = parse(text ?? '')
  if (!isObject(policy)) return invalidParameter('The policy is not valid JSON.')
  const { Version: version, Id: id, Statement: statement } = policy
  if (![version, id].every((each) => each === undefined || typeof each === 'string')) {
    return invalidParameter('The Version and the Id of a policy are texts.')
  }
  const given: readonly unknown[] = Array.isArray(statement) ? statement : [statement]
  if (given.length === 0) return invalidParameter('The policy has no statement.')
  const flaw = statementsFlaw(given)
  if (flaw !== undefined) return flaw
  return {
    statements: given.map((each) => ({ sid: sidOf(each), json: JSON.stringify(each) })),
    document: {
      ...(typeof version === 'string' ? { version } : {}),
      ...(typeof id === 'string' ? { id } : {}),
    },
  }
}

/** As AWS writes a policy that AddPermission made, or as one was put. */
export function policyText({ statements, document }: PolicyContent): string {
  const { version = '2012-10-17', id } = document ?? { id: 'default' }
  const head = JSON.stringify({ Version: version, ...(id === undefined ? {} : { Id: id }) })
  const texts = statements.map(({ json }) => json).join(',')
  return `${head.slice(0, -1)},"Statement":[${texts}]}`
}

function statementsFlaw(statements: readonly unknown[]): LambdaApiError | undefined {
  for (const each of statements) {
    if (!isObject(each)) return invalidParameter('A statement of the policy is no structure.')
    const { Effect: effect, Principal: principal, Action: action, Sid: sid } = each
    if (effect !== 'Allow' && effect !== 'Deny') {
      return invalidParameter('The Effect of a statement is Allow or Deny.')
    }
    if (principal === undefined || action === undefined) {
      return invalidParameter('A statement of the policy needs a Principal and an Action.')
    }
    if (sid !== undefined && typeof sid !== 'string') {
      return invalidParameter('The Sid of a statement is a text.')
    }
  }
  const sids = statements.map(sidOf).filter((sid) => sid !== '')
  if (new Set(sids).size === sids.length) return undefined
  return invalidParameter('Two statements of the policy have the same Sid.')
}

function sidOf(statement: unknown): string {
  return isObject(statement) && typeof statement['Sid'] === 'string' ? statement['Sid'] : ''
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
