// What tags a resource may have; pure.
import { invalidParameter, type LambdaApiError } from './api-errors.ts'
import { matchesWholly, Violations } from '../../common/aws/validation.ts'

/** AWS: 50 tags a resource, keys of 128 characters, values of 256; `aws:` is its own. */
const tagsMax = 50
const keyMaxLength = 128
const valueMaxLength = 256

/** Botocore's TagKey and TagValue. */
const textPattern = '([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)'

export type Tags = Readonly<Record<string, string>>

/** What AWS's shapes demand of each tag. */
export function checkTags(violations: Violations, tags: Tags | undefined): void {
  const keys = Object.keys(tags ?? {})
  if (keys.some((key) => !isKey(key))) {
    violations.violated('tags', `Map keys must satisfy constraint: ${keyConstraint}`)
  }
  if (Object.values(tags ?? {}).some((value) => !isValue(value))) {
    violations.violated('tags', `Map value must satisfy constraint: ${valueConstraint}`)
  }
}

/** The same for keys of tags that are to go. */
export function checkTagKeys(violations: Violations, keys: readonly string[]): void {
  violations.required('tagKeys', keys.length === 0 ? undefined : keys)
  if (keys.every(isKey)) return
  violations.violated('tagKeys', `Member must satisfy constraint: ${keyConstraint}`)
}

const keyConstraint =
  `[Member must have length less than or equal to ${keyMaxLength}, Member must have length greater ` +
  `than or equal to 1, Member must satisfy regular expression pattern: ${textPattern}]`
const valueConstraint =
  `[Member must have length less than or equal to ${valueMaxLength}, Member must have length greater ` +
  `than or equal to 0, Member must satisfy regular expression pattern: ${textPattern}]`

function isKey(key: string): boolean {
  return key.length >= 1 && key.length <= keyMaxLength && matchesWholly(textPattern, key)
}

function isValue(value: string): boolean {
  return value.length <= valueMaxLength && matchesWholly(textPattern, value)
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
