// What tags a resource may have; pure.
import { invalidParameter, type LambdaApiError } from './api-errors.ts'
import { Violations } from './validation.ts'

/** AWS: 50 tags a resource, keys of 128 characters, values of 256; `aws:` is its own. */
const tagsMax = 50
const keyMaxLength = 128
const valueMaxLength = 256

export type Tags = Readonly<Record<string, string>>

/** What AWS's shapes demand of each tag. */
export function checkTags(violations: Violations, tags: Tags | undefined): void {
  const keys = Object.keys(tags ?? {})
  if (keys.some((key) => key.length < 1 || key.length > keyMaxLength)) {
    violations.violated(
      'tags',
      `Map keys must satisfy constraint: [Member must have length less than or equal to ${keyMaxLength}, ` +
        'Member must have length greater than or equal to 1]',
    )
  }
  if (Object.values(tags ?? {}).some((value) => value.length > valueMaxLength)) {
    violations.violated(
      'tags',
      `Map value must satisfy constraint: [Member must have length less than or equal to ${valueMaxLength}, ` +
        'Member must have length greater than or equal to 0]',
    )
  }
}

/** Whether these tags, all of a resource's, may be. */
export function refuseTags(tags: Tags): LambdaApiError | undefined {
  const reserved = Object.keys(tags).find((key) => /^aws:/i.test(key))
  if (reserved !== undefined) {
    return invalidParameter(`Tag keys that begin with aws: are reserved for AWS: ${reserved}`)
  }
  if (Object.keys(tags).length <= tagsMax) return undefined
  return invalidParameter('Number of tags exceeds resource tag limit.')
}

/** For a request that makes a resource with its tags. */
export function checkNewTags(tags: Tags | undefined): LambdaApiError | undefined {
  const violations = new Violations()
  checkTags(violations, tags)
  return violations.error() ?? refuseTags(tags ?? {})
}

/** As a record has them: absent where there are none. */
export function tagsMember(tags: Tags | undefined): { readonly tags?: Tags } {
  return tags === undefined || Object.keys(tags).length === 0 ? {} : { tags }
}
