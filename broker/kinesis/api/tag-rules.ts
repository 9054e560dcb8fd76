// What tags may be, of streams and their consumers.
import type { Violations } from '../../../common/aws/validation.ts'
import { tagsMax } from '../../../common/stream-limits.ts'
import { switchFlaw } from '../streams/stream-switches.ts'
import { invalidArgument, type KinesisError } from './kinesis-errors.ts'

export type Tags = Readonly<Record<string, string>>

const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@%]*$/u

export function checkTags(violations: Violations, tags: Tags | undefined): void {
  violations.required('tags', tags)
  if (tags === undefined) return
  const entries = Object.entries(tags)
  const quoted = `{${entries.map(([key, value]) => `${key}=${value}`).join(', ')}}`
  if (entries.length === 0) {
    violations.violatedBy('tags', quoted, 'Member must have length greater than or equal to 1')
  }
  if (entries.length > 200) {
    violations.violatedBy('tags', quoted, 'Member must have length less than or equal to 200')
  }
  for (const [key, value] of entries) {
    violations.length('tags.key', key, [1, 128])
    violations.length(`tags.${key.slice(0, 128)}.member`, value, [0, 256])
  }
}

export function checkTagKeys(violations: Violations, keys: readonly string[] | undefined): void {
  violations.required('tagKeys', keys)
  violations.length('tagKeys', keys, [1, 50])
  for (const key of keys ?? []) violations.length('tagKeys.member', key, [1, 128])
}

/** Why `added` cannot come to what is there. */
export function tagsFlaw(present: Tags, added: Tags): KinesisError | undefined {
  const texts = Object.entries(added).flat()
  if (texts.some((text) => !allowed.test(text))) {
    return invalidArgument(
      'Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . : / = + - @ %.',
    )
  }
  if (Object.keys(added).some((key) => key.startsWith('aws:'))) {
    return invalidArgument('Tags that begin with aws: are of AWS alone.')
  }
  const count = Object.keys({ ...present, ...added }).length
  if (count > tagsMax) {
    return invalidArgument(`There would be ${count} tags: a resource has at most ${tagsMax}.`)
  }
  const flaw = switchFlaw(added)
  return flaw === undefined ? undefined : invalidArgument(flaw)
}

export function without(tags: Tags, keys: readonly string[]): Tags {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key)))
}
