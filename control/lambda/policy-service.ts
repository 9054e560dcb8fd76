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
import {
  checkPolicyResource,
  policyMaxBytes,
  policyText,
  readPolicy,
  type PolicyContent,
} from './policy-document.ts'
import { checkStatementId, statementOf } from './policy-rules.ts'
import type { AddPermissionInput, PutResourcePolicyInput } from './requests.ts'
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

/** A policy as JSON text. */
export interface WrittenPolicy {
  readonly policy: string
  readonly revisionId: string
}

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
      const refused = refuseLatest(found)
      if (refused !== undefined) return refused
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
      const content = { ...current, statements: [...(current?.statements ?? []), { sid, json }] }
      if (Buffer.byteLength(policyText(content)) > policyMaxBytes) return tooLong()
      await this.#put(found, content)
      return json
    })
  }

  /** Puts a policy in the place of all that there is. */
  replace(arn: string, input: PutResourcePolicyInput): Promise<Outcome<WrittenPolicy>> {
    return this.#options.changes.run(async () => {
      const content = readPolicy(arn, input)
      if (content instanceof LambdaApiError) return content
      const found = this.#find({ name: arn })
      if (found instanceof LambdaApiError) return found
      const refused =
        refuseLatest(found) ??
        revisionMismatch(input.RevisionId, revisionOf(found, policyOf(found)))
      if (refused !== undefined) return refused
      if (Buffer.byteLength(policyText(content)) > policyMaxBytes) return tooLong()
      const revisionId = await this.#put(found, content)
      return { policy: policyText(content), revisionId }
    })
  }

  /** The policy of what an ARN names, as `get` has it. */
  whole(arn: string): Outcome<WrittenPolicy> {
    return checkPolicyResource(arn).error() ?? this.get({ name: arn })
  }

  removeWhole(arn: string, revisionId?: string): Promise<Outcome<undefined>> {
    return this.#options.changes.run(async () => {
      const found = checkPolicyResource(arn, revisionId).error() ?? this.#find({ name: arn })
      if (found instanceof LambdaApiError) return found
      const policy = policyOf(found)
      if (policy === undefined) return notAssociated()
      const mismatch = revisionMismatch(revisionId, policy.revisionId)
      if (mismatch !== undefined) return mismatch
      await this.#put(found, { statements: [] })
      return undefined
    })
  }

  get(target: PolicyTarget): Outcome<WrittenPolicy> {
    const found = findFunction(this.#options, target.name, target.qualifier)
    if (found instanceof LambdaApiError && found.code !== 'ResourceNotFoundException') return found
    const policy = found instanceof LambdaApiError ? undefined : policyOf(found)
    if (policy !== undefined) {
      return { policy: policyText(policy), revisionId: policy.revisionId }
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
      const policy = policyOf(found)
      if (policy === undefined) return notAssociated()
      if (!policy.statements.some(({ sid }) => sid === target.sid)) {
        const text = `Statement ${target.sid} is not found in resource policy.`
        return new LambdaApiError('ResourceNotFoundException', text)
      }
      const mismatch = revisionMismatch(target.revisionId, policy.revisionId)
      if (mismatch !== undefined) return mismatch
      const statements = policy.statements.filter(({ sid }) => sid !== target.sid)
      await this.#put(found, { ...policy, statements })
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

  /** Answers the new revision; a policy without statements is none. */
  async #put(
    { latest, qualifier = latestVersion }: FoundFunction,
    { statements, document }: PolicyContent,
  ): Promise<string> {
    const others = (latest.policies ?? []).filter((policy) => policy.qualifier !== qualifier)
    const revisionId = randomUUID()
    const head = document === undefined ? {} : { document }
    const changed = { qualifier, revisionId, statements, ...head }
    const policies = statements.length === 0 ? others : [...others, changed]
    const { policies: _, ...rest } = latest
    await this.#options.registry.putFunction({
      ...rest,
      ...(policies.length === 0 ? {} : { policies }),
      revision: latest.revision + 1,
    })
    return revisionId
  }
}

function refuseLatest({ qualifier }: FoundFunction): LambdaApiError | undefined {
  if (qualifier !== latestVersion) return undefined
  return invalidParameter('We currently do not support adding policies for $LATEST.')
}

function tooLong(): LambdaApiError {
  const text = `The final policy size is bigger than the limit (${policyMaxBytes}).`
  return new LambdaApiError('PolicyLengthExceededException', text)
}

function notAssociated(): LambdaApiError {
  const text = 'No policy is associated with the given resource.'
  return new LambdaApiError('ResourceNotFoundException', text)
}

function policyOf({ latest, qualifier = latestVersion }: FoundFunction): PolicyRecord | undefined {
  return latest.policies?.find((policy) => policy.qualifier === qualifier)
}

/** Before there is a policy, that of what it would belong to. */
function revisionOf({ alias, target }: FoundFunction, policy: PolicyRecord | undefined): string {
  return policy?.revisionId ?? alias?.revisionId ?? target.revisionId
}
