// Tags functions and event source mappings, by Lambda's rules and in its words.
import { LambdaApiError, type Outcome } from './api-errors.ts'
import { invalidParameter } from './api-errors.ts'
import type { Account } from './function-name.ts'
import type { FunctionService } from './function-service.ts'
import type { MappingService } from './mapping-service.ts'
import type { TagResourceInput } from './requests.ts'
import { checkTagKeys, checkTags, refuseTags, type Tags } from './tag-rules.ts'
import { Violations } from '../../common/aws/validation.ts'

export interface TagServiceOptions {
  readonly functions: FunctionService
  readonly mappings: MappingService
  readonly account: Account
}

/** Botocore's TaggableResource. */
const resourcePattern =
  'arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:' +
  '(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|' +
  'event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|' +
  '(capacity-provider|network-connector):[a-zA-Z0-9-_]{1,64})'

type Resource =
  | { readonly kind: 'function'; readonly arn: string }
  | { readonly kind: 'mapping'; readonly arn: string; readonly uuid: string }

export class TagService {
  readonly #options: TagServiceOptions

  constructor(options: TagServiceOptions) {
    this.#options = options
  }

  async tag(arn: string, { Tags: tags }: TagResourceInput): Promise<Outcome<undefined>> {
    const violations = new Violations()
    violations.required('tags', tags)
    checkTags(violations, tags)
    const resource = violations.error() ?? resourceOf(arn)
    if (resource instanceof LambdaApiError) return resource
    return this.#change(resource, (current) => ({ ...current, ...tags }))
  }

  async untag(arn: string, keys: readonly string[]): Promise<Outcome<undefined>> {
    const violations = new Violations()
    checkTagKeys(violations, keys)
    const resource = violations.error() ?? resourceOf(arn)
    if (resource instanceof LambdaApiError) return resource
    return this.#change(resource, (current) =>
      Object.fromEntries(Object.entries(current).filter(([key]) => !keys.includes(key))),
    )
  }

  list(arn: string): Outcome<Tags> {
    const resource = resourceOf(arn)
    if (resource instanceof LambdaApiError) return resource
    const { functions, mappings } = this.#options
    const found =
      resource.kind === 'function' ? functions.get(resource.arn) : mappings.get(resource.uuid)
    return found instanceof LambdaApiError ? inWordsOfTags(found, resource) : (found.tags ?? {})
  }

  async #change(resource: Resource, change: (tags: Tags) => Tags): Promise<Outcome<undefined>> {
    const { functions, mappings } = this.#options
    const checked = (current: Tags): Outcome<Tags> => {
      const tags = change(current)
      return refuseTags(tags) ?? tags
    }
    const changed =
      resource.kind === 'function'
        ? await functions.changeTags(resource.arn, checked)
        : await mappings.changeTags(resource.uuid, checked)
    return changed instanceof LambdaApiError ? inWordsOfTags(changed, resource) : undefined
  }
}

/** Recorded: a mapping that there is not has another text here than elsewhere. */
function inWordsOfTags(refusal: LambdaApiError, resource: Resource): LambdaApiError {
  if (refusal.code !== 'ResourceNotFoundException' || resource.kind === 'function') return refusal
  const text = `Event source mapping not found: ${resource.arn}`
  return new LambdaApiError('ResourceNotFoundException', text)
}

function resourceOf(arn: string): Outcome<Resource> {
  const violations = new Violations()
  violations.length('resource', arn, [1, 10_000])
  violations.pattern('resource', arn, resourcePattern)
  const error = violations.error()
  if (error !== undefined) return error
  const [, , , , , kind, id = '', qualifier] = arn.split(':')
  if (kind === 'event-source-mapping') return { kind: 'mapping', arn, uuid: id }
  if (kind !== 'function') {
    return new LambdaApiError('ResourceNotFoundException', `There is no ${arn}.`)
  }
  if (qualifier === undefined) return { kind, arn }
  return invalidParameter(
    'Tags on function aliases and versions are not supported. Please specify a function ARN.',
  )
}
