// Reads the forms in which Lambda's callers name a function: name, partial ARN, ARN, with qualifier.
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import { Violations } from '../../common/aws/validation.ts'

/** Whose functions these are: the region and account in every ARN. */
export interface Account {
  readonly region: string
  readonly accountId: string
}

export interface FunctionReference {
  readonly name: string
  readonly qualifier: string | undefined
  /** A full ARN's `$LATEST` is not echoed by AWS, a partial one's is. */
  readonly fullArn: boolean
}

/** The patterns are Lambda's (botocore: FunctionName, NamespacedFunctionName). */
const prefix =
  '(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?'
const createPattern = `${prefix}([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?`
const namespacedPattern = `${prefix}([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`

const parts = new RegExp(
  '^(?:arn:[^:]*:lambda:)?(?:(?<region>[a-z-]+-\\d):)?(?:(?<account>\\d{12}):)?(?:function:)?' +
    '(?<name>[^:]+)(?::(?<qualifier>.+))?$',
)

export function functionArn(account: Account, name: string): string {
  return `arn:aws:lambda:${account.region}:${account.accountId}:function:${name}`
}

/** Violations of the name's shape in every operation but CreateFunction. */
export function checkFunctionName(violations: Violations, name: string | undefined): void {
  violations.required('functionName', name)
  violations.length('functionName', name, [1, 256])
  violations.pattern('functionName', name, namespacedPattern)
}

/** The name of a function to be created. It may come as an ARN, but without a qualifier. */
export function newFunctionName(account: Account, text: string | undefined): Outcome<string> {
  const violations = new Violations()
  const bare = text !== undefined && !text.includes(':')
  violations.required('functionName', text)
  violations.length('functionName', text, [1, bare ? 64 : 140])
  violations.pattern('functionName', text, createPattern)
  const error = violations.error()
  if (error !== undefined) {
    // As LocalStack has it, no recording seen: for a bare name alone, CreateFunction answers with this other code.
    return bare ? invalidParameter(error.message) : error
  }
  const reference = resolveFunctionName(account, text ?? '')
  if (reference instanceof LambdaApiError) return reference
  if (reference.qualifier !== undefined) {
    return invalidParameter(`A function cannot be created with a qualifier: ${text}`)
  }
  if (reference.name.length > 64) {
    return invalidParameter(`Function name ${reference.name} is longer than 64 characters.`)
  }
  return reference.name
}

/** Takes a well-formed text apart. Other regions and accounts have no functions here. */
export function resolveFunctionName(account: Account, text: string): Outcome<FunctionReference> {
  const violations = new Violations()
  checkFunctionName(violations, text)
  const error = violations.error()
  if (error !== undefined) return error
  const { region, account: accountId, name, qualifier } = parts.exec(text)?.groups ?? {}
  if (region !== undefined && region !== account.region) {
    return new LambdaApiError(
      'ResourceNotFoundException',
      `Functions from '${region}' are not reachable in this region ('${account.region}')`,
    )
  }
  if (accountId !== undefined && accountId !== account.accountId) {
    const owner = { region: account.region, accountId }
    return functionNotFound(functionArn(owner, name ?? text))
  }
  return { name: name ?? text, qualifier, fullArn: text.startsWith('arn:') }
}

export function functionNotFound(arn: string): LambdaApiError {
  return new LambdaApiError('ResourceNotFoundException', `Function not found: ${arn}`)
}
