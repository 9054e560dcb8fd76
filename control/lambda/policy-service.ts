// Keeps functions' resource policies for those who read them back; here everyone may do everything.
import { randomUUID } from 'node:crypto'
import { latestVersion } from '../registry/function-version.ts'
import type { PolicyRecord } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import {
  findFunction,
  qualifiedArn,
  type FoundFunction,
  type FunctionDirectory,
} from './function-lookup.ts'
import { checkStatementId, statementOf } from './policy-rules.ts'
import type { AddPermissionInput } from './requests.ts'
import { revisionMismatch } from './revisions.ts'
import type { Serial } from './serial.ts'

export interface PolicyServiceOptions extends FunctionDirectory {
  /** One change of functions at a time, whichever service makes it. */
  readonly changes: Serial
}

export interface PolicyTarget {
  readonly name: string
  readonly qualifier?: string | undefined
}

/** Lambda: a resource policy is at most 20 KB. */
const policyMaxBytes = 20_480

/** Refusals are values; methods reject with AppError STORAGE_FAILED alone. */
export class PolicyService {
  readonly #options: PolicyServiceOptions

  constructor(options: PolicyServiceOptions) {
    this.#options = options
  }

  /** Answers the statement as JSON text. */
  add(target: PolicyTarget, input: AddPermissionInput): Promise<Outcome<string>> {
    return this.#options.changes.run(async () => {
      const found = this.#find(target)
      if (found instanceof LambdaApiError) return found
      if (found.qualifier === latestVersion) {
        return invalidParameter('We currently do not support adding policies for $LATEST.')
      }
      const statement = statementOf(input, qualifiedArn(found.latest.arn, found.qualifier))
      if (statement instanceof LambdaApiError) return statement
      const current = policyOf(found)
      const mismatch = revisionMismatch(input.RevisionId, revisionOf(found, current))
      if (mismatch !== undefined) return mismatch
      const { StatementId: sid = '' } = input
      if (current?.statements.some((each) => each.sid === sid)) {
        const text =
          `The statement id (${sid}) provided already exists. Please provide a new statement id, or ` +
          'remove the existing statement.'
        return new LambdaApiError('ResourceConflictException', text)
      }
      const json = JSON.stringify(statement)
      const statements = [...(current?.statements ?? []), { sid, json }]
      if (Buffer.byteLength(policyText(statements)) > policyMaxBytes) {
        const text = `The final policy size is bigger than the limit (${policyMaxBytes}).`
        return new LambdaApiError('PolicyLengthExceededException', text)
      }
      await this.#put(found, statements)
      return json
    })
  }

  get(target: PolicyTarget): Outcome<{ readonly policy: string; readonly revisionId: string }> {
    const found = findFunction(this.#options, target.name, target.qualifier)
    if (found instanceof LambdaApiError && found.code !== 'ResourceNotFoundException') return found
    const policy = found instanceof LambdaApiError ? undefined : policyOf(found)
    if (policy !== undefined) {
      return { policy: policyText(policy.statements), revisionId: policy.revisionId }
    }
    const whole = findFunction(this.#options, target.name.replace(/:[^:]*$/, ''))
    if (found instanceof LambdaApiError && target.qualifier === undefined) {
      if (whole instanceof LambdaApiError) return found
    }
    // Recorded: of a version that is not there as well.
    const text = 'The resource you requested does not exist.'
    return new LambdaApiError('ResourceNotFoundException', text)
  }

  remove(
    target: PolicyTarget & { readonly sid: string; readonly revisionId?: string | undefined },
  ): Promise<Outcome<undefined>> {
    return this.#options.changes.run(async () => {
      const found = checkStatementId(target.sid) ?? this.#find(target)
      if (found instanceof LambdaApiError) return found
      const missing = (text: string) => new LambdaApiError('ResourceNotFoundException', text)
      const policy = policyOf(found)
      if (policy === undefined) return missing('No policy is associated with the given resource.')
      if (!policy.statements.some(({ sid }) => sid === target.sid)) {
        return missing(`Statement ${target.sid} is not found in resource policy.`)
      }
      const mismatch = revisionMismatch(target.revisionId, policy.revisionId)
      if (mismatch !== undefined) return mismatch
      await this.#put(
        found,
        policy.statements.filter(({ sid }) => sid !== target.sid),
      )
      return undefined
    })
  }

  /** An alias that is not there has a text of its own. */
  #find({ name, qualifier }: PolicyTarget): Outcome<FoundFunction> {
    const found = findFunction(this.#options, name, qualifier)
    if (!(found instanceof LambdaApiError) || found.code !== 'ResourceNotFoundException')
      return found
    const arn = found.message.replace('Function not found: ', '')
    const asked = arn.split(':')[7]
    const isAliasName = asked !== undefined && /^(?!\d+$)[a-zA-Z0-9-_]+$/.test(asked)
    const exists = this.#options.registry.function(arn.split(':')[6] ?? '') !== undefined
    if (!isAliasName || !exists) return found
    return new LambdaApiError('ResourceNotFoundException', `Cannot find alias arn: ${arn}`)
  }

  #put(
    { latest, qualifier = latestVersion }: FoundFunction,
    statements: PolicyRecord['statements'],
  ): Promise<void> {
    const others = (latest.policies ?? []).filter((policy) => policy.qualifier !== qualifier)
    const changed = { qualifier, revisionId: randomUUID(), statements }
    const policies = statements.length === 0 ? others : [...others, changed]
    const { policies: _, ...rest } = latest
    return this.#options.registry.putFunction({
      ...rest,
      ...(policies.length === 0 ? {} : { policies }),
      revision: latest.revision + 1,
    })
  }
}

function policyOf({ latest, qualifier = latestVersion }: FoundFunction): PolicyRecord | undefined {
  return latest.policies?.find((policy) => policy.qualifier === qualifier)
}

/** Before there is a policy, that of what it would belong to. */
function revisionOf({ alias, target }: FoundFunction, policy: PolicyRecord | undefined): string {
  return policy?.revisionId ?? alias?.revisionId ?? target.revisionId
}

function policyText(statements: PolicyRecord['statements']): string {
  const texts = statements.map(({ json }) => json).join(',')
  return `{"Version":"2012-10-17","Id":"default","Statement":[${texts}]}`
}
