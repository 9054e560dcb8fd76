// Provisioned concurrency by Lambda's rules and in its words: what is asked for here, what the workers have of it.
import type { Clock } from '../../common/clock.ts'
import { latestVersion } from '../registry/function-version.ts'
import type { LiveCopies } from '../registry/live-copies.ts'
import { provisionedByVersion, versionsBehind, versionsOf } from '../registry/provisioned.ts'
import type { FunctionRecord, ProvisionedRecord } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import { refuseProvisioned } from './concurrency-rules.ts'
import {
  findFunction,
  findLatest,
  qualifiedArn,
  type FoundFunction,
  type FunctionDirectory,
} from './function-lookup.ts'
import { pageOf, type Page, type PageRequest } from './paging.ts'
import type { PutProvisionedInput } from './requests.ts'
import type { Serial } from './serial.ts'
import { Violations } from '../../common/aws/validation.ts'

export interface ProvisionedServiceOptions extends FunctionDirectory {
  /** One change of functions at a time, whichever service makes it. */
  readonly changes: Serial
  readonly accountConcurrency: number
  readonly copies: LiveCopies
  readonly clock: Clock
}

/** A configuration and how far it is. */
export interface ProvisionedState {
  readonly arn: string
  readonly requested: number
  readonly ready: number
  readonly status: 'IN_PROGRESS' | 'READY' | 'FAILED'
  readonly statusReason?: string
  readonly lastModifiedMs: number
}

/** Lambda: ListProvisionedConcurrencyConfigs gives at most 50 a page. */
const pageMax = 50

export const unpublished =
  'Provisioned Concurrency Configs cannot be applied to unpublished function versions.'

/** Refusals are values; methods reject with AppError STORAGE_FAILED alone. */
export class ProvisionedService {
  readonly #options: ProvisionedServiceOptions

  constructor(options: ProvisionedServiceOptions) {
    this.#options = options
  }

  put(
    name: string,
    beside: string | undefined,
    input: PutProvisionedInput,
  ): Promise<Outcome<ProvisionedState>> {
    const { changes, registry, accountConcurrency, clock } = this.#options
    return changes.run(async () => {
      const { ProvisionedConcurrentExecutions: executions } = input
      const violations = new Violations()
      violations.required('provisionedConcurrentExecutions', executions)
      violations.range('provisionedConcurrentExecutions', executions, [1, 2_147_483_647])
      const found = this.#find(name, beside, violations)
      if (found instanceof LambdaApiError) return found
      const { latest, qualifier } = found
      const config = { qualifier, executions: executions ?? 0, lastModifiedMs: clock.now() }
      const refused =
        refuseOverlap(latest, config) ??
        refuseProvisioned(registry.functions(), { latest, config, accountConcurrency })
      if (refused !== undefined) return refused
      const others = (latest.provisioned ?? []).filter((each) => each.qualifier !== qualifier)
      await registry.putFunction({
        ...latest,
        provisioned: [...others, config],
        revision: latest.revision + 1,
      })
      return {
        arn: qualifiedArn(latest.arn, qualifier),
        requested: config.executions,
        ready: 0,
        status: 'IN_PROGRESS',
        lastModifiedMs: config.lastModifiedMs,
      }
    })
  }

  get(name: string, beside: string | undefined): Outcome<ProvisionedState> {
    const found = this.#find(name, beside)
    if (found instanceof LambdaApiError) return found
    const config = configOf(found)
    if (config !== undefined) return this.#stateOf(found.latest, config)
    const text = 'No Provisioned Concurrency Config found for this function'
    return new LambdaApiError('ProvisionedConcurrencyConfigNotFoundException', text)
  }

  list(name: string, request: PageRequest = {}): Outcome<Page<ProvisionedState>> {
    const violations = new Violations()
    violations.range('maxItems', request.maxItems, [1, pageMax])
    const latest = violations.error() ?? findLatest(this.#options, name)
    if (latest instanceof LambdaApiError) return latest
    const states = (latest.provisioned ?? []).map((config) => this.#stateOf(latest, config))
    return pageOf(states, ({ arn }) => arn, { ...request, pageMax })
  }

  /** Also of a version or alias that has none. */
  delete(name: string, beside: string | undefined): Promise<Outcome<undefined>> {
    const { changes, registry } = this.#options
    return changes.run(async () => {
      const found = this.#find(name, beside)
      if (found instanceof LambdaApiError) return found
      if (configOf(found) === undefined) return undefined
      const left = withoutProvisioned(found.latest, found.qualifier)
      await registry.putFunction({ ...left, revision: found.latest.revision + 1 })
      return undefined
    })
  }

  #find(
    name: string,
    beside: string | undefined,
    violations = new Violations(),
  ): Outcome<FoundFunction & { readonly qualifier: string }> {
    const named = /:([^:]+)$/.exec(name.replace(/^arn:[^:]*:lambda:[^:]*:\d+:function:[^:]*/, ''))
    violations.required('qualifier', beside ?? named?.[1])
    const error = violations.error()
    if (error !== undefined) return error
    const found = findFunction(this.#options, name, beside)
    if (found instanceof LambdaApiError) return aliasNotFound(found, this.#options)
    const { qualifier, alias } = found
    const isUnpublished = qualifier === undefined || qualifier === latestVersion
    if (isUnpublished || alias?.functionVersion === latestVersion) {
      return invalidParameter(unpublished)
    }
    return { ...found, qualifier }
  }

  /** The workers know versions: what an alias has is its part of what its versions have. */
  #stateOf(latest: FunctionRecord, config: ProvisionedRecord): ProvisionedState {
    const all = this.#options.copies.alive().flatMap(({ provisioned }) => provisioned)
    const wanted = provisionedByVersion(latest)
    let ready = 0
    let failure: string | undefined
    for (const [version, part] of versionsOf(latest, config)) {
      const said = all.filter((s) => s.functionName === latest.name && s.version === version)
      const initialised = said.reduce((sum, status) => sum + status.ready, 0)
      const share = part / (wanted.get(version) ?? part)
      ready += Math.min(part, Math.floor(initialised * share))
      failure ??= said.find((status) => status.failure !== undefined)?.failure
    }
    const isReady = ready >= config.executions
    const status = isReady ? 'READY' : failure === undefined ? 'IN_PROGRESS' : 'FAILED'
    return {
      arn: qualifiedArn(latest.arn, config.qualifier),
      requested: config.executions,
      ready,
      status,
      ...(status === 'FAILED' && failure !== undefined ? { statusReason: failure } : {}),
      lastModifiedMs: config.lastModifiedMs,
    }
  }
}

/** A function without what is provisioned for a version or an alias. */
export function withoutProvisioned(latest: FunctionRecord, qualifier: string): FunctionRecord {
  const { provisioned = [], ...rest } = latest
  const left = provisioned.filter((config) => config.qualifier !== qualifier)
  return left.length === 0 ? rest : { ...rest, provisioned: left }
}

function configOf({ latest, qualifier }: FoundFunction): ProvisionedRecord | undefined {
  return latest.provisioned?.find((config) => config.qualifier === qualifier)
}

/** A version is provisioned by itself or by an alias, not by both. */
function refuseOverlap(
  latest: FunctionRecord,
  config: ProvisionedRecord,
): LambdaApiError | undefined {
  const isAlias = latest.aliases?.some(({ name }) => name === config.qualifier) === true
  const own = versionsBehind(latest, config.qualifier)
  const others = (latest.provisioned ?? []).filter(
    ({ qualifier }) => qualifier !== config.qualifier,
  )
  const overlaps = others.some(({ qualifier }) =>
    versionsBehind(latest, qualifier).some((version) => own.includes(version)),
  )
  if (!overlaps) return undefined
  return new LambdaApiError(
    'ResourceConflictException',
    isAlias
      ? "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
      : 'Version is pointed by a Provisioned Concurrency alias',
  )
}

function aliasNotFound(found: LambdaApiError, { registry }: FunctionDirectory): LambdaApiError {
  if (found.code !== 'ResourceNotFoundException') return found
  const arn = found.message.replace('Function not found: ', '')
  const [, , , , , , name = '', asked = ''] = arn.split(':')
  const isAlias = /^(?!\d+$)[a-zA-Z0-9-_]+$/.test(asked)
  if (!isAlias || registry.function(name) === undefined) return found
  return new LambdaApiError('ResourceNotFoundException', `Cannot find alias arn: ${arn}`)
}
