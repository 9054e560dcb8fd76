// What names, documents and tags of IAM may be, and IAM's errors and texts.
import { randomBytes } from 'node:crypto'
import { Violations } from '../../common/aws/validation.ts'
import { roleTagsMax } from '../../common/iam-limits.ts'
import {
  QueryError,
  violationsOf,
  type QueryForm,
  type QueryOutcome,
} from '../query/query-service.ts'

/** IAM's patterns (botocore). */
const namePattern = '[\\w+=,.@-]+'
const pathPattern = '(/)|(/[!-~]+/)'
const tagKeyPattern = '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+'
const tagValuePattern = '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*'

export function checkRoleName(violations: Violations, name: string | undefined): void {
  violations.required('roleName', name)
  violations.length('roleName', name, [1, 64])
  violations.pattern('roleName', name, namePattern)
}

export function checkPolicyName(violations: Violations, name: string | undefined): void {
  violations.required('policyName', name)
  violations.length('policyName', name, [1, 128])
  violations.pattern('policyName', name, namePattern)
}

export function checkPath(violations: Violations, path: string | undefined): void {
  violations.length('path', path, [1, 512])
  violations.pattern('path', path, pathPattern)
}

export function checkArn(violations: Violations, member: string, arn: string | undefined): void {
  violations.required(member, arn)
  violations.length(member, arn, [20, 2048])
}

/** The ARN of a managed policy, of AWS or of an account. */
export function policyArn(form: QueryForm): string | QueryError {
  const arn = form.text('PolicyArn')
  const violations = new Violations()
  checkArn(violations, 'policyArn', arn)
  violations.pattern('policyArn', arn, 'arn:aws[\\w-]*:iam::(aws|\\d{12}):policy/[!-~]+')
  return violationsOf(violations) ?? arn ?? ''
}

/** Undefined for a policy of AWS or of another account: whether there is such a one is nobody's to know here. */
export function ownPolicyName(accountId: string, arn: string): string | undefined {
  return arn.includes(`:${accountId}:policy/`) ? arn.slice(arn.lastIndexOf('/') + 1) : undefined
}

/** IAM counts what is not white space. */
export function documentLength(document: string): number {
  return document.replaceAll(/\s/g, '').length
}

/** Undefined where the document is a structure in JSON that says what it is about. */
export function documentFlaw(document: string): QueryError | undefined {
  const malformed = (text: string) => new QueryError('MalformedPolicyDocument', text)
  let value: unknown
  try {
    value = JSON.parse(document)
  } catch (error) {
    if (error instanceof SyntaxError) return malformed('This policy contains invalid Json')
    throw error
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return malformed('Syntax errors in policy.')
  }
  return 'Statement' in value ? undefined : malformed('Syntax errors in policy.')
}

/** The tags of a request, or why they cannot be. */
export function readTags(form: QueryForm, violations: Violations): Record<string, string> {
  const tags: [string, string][] = []
  for (const [index, tag] of form.structures('Tags').entries()) {
    const [key, value] = [tag.text('Key'), tag.text('Value') ?? '']
    const member = `tags.${index + 1}.member`
    violations.required(`${member}.key`, key)
    violations.length(`${member}.key`, key, [1, 128])
    violations.length(`${member}.value`, value, [0, 256])
    if (key !== undefined && !matchesUnicode(tagKeyPattern, key)) {
      violations.violated(
        `${member}.key`,
        `Member must satisfy regular expression pattern: ${tagKeyPattern}`,
      )
    }
    if (!matchesUnicode(tagValuePattern, value)) {
      violations.violated(
        `${member}.value`,
        `Member must satisfy regular expression pattern: ${tagValuePattern}`,
      )
    }
    if (key !== undefined) tags.push([key, value])
  }
  // Not by assignment: `__proto__` is a key as any other.
  return Object.fromEntries(tags)
}

export function tagsFlaw(tags: Readonly<Record<string, string>>): QueryError | undefined {
  if (Object.keys(tags).length <= roleTagsMax) return undefined
  return limitExceeded(`The number of tags has reached the maximum limit of ${roleTagsMax}.`)
}

/** By their keys. */
export function tagShapes(
  tags: Readonly<Record<string, string>>,
): readonly { readonly Key: string; readonly Value: string }[] {
  return Object.entries(tags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([Key, Value]) => ({ Key, Value }))
}

export function listTags(tags: Readonly<Record<string, string>>, form: QueryForm): QueryOutcome {
  const items = tagShapes(tags)
  const found = pageOf(form, new Violations(), { items, keyOf: ({ Key }) => Key })
  return found instanceof QueryError ? found : { Tags: found.page, ...found.rest }
}

export function withoutTags(
  tags: Readonly<Record<string, string>>,
  form: QueryForm,
): Record<string, string> {
  const gone = new Set(form.texts('TagKeys'))
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.has(key)))
}

/** As IAM's ids: what it is of in four letters, and 17 more. */
export function newId(kind: 'AROA' | 'ANPA'): string {
  return kind + randomBytes(9).toString('hex').toUpperCase().slice(0, 17)
}

/** Documents go over the wire as they would stand in a URL: RFC 3986, as IAM says. */
export function wireDocument(document: string): string {
  return encodeURIComponent(document).replaceAll(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

export function noSuchEntity(text: string): QueryError {
  return new QueryError('NoSuchEntity', text, 404)
}

export function deleteConflict(text: string): QueryError {
  return new QueryError('DeleteConflict', text, 409)
}

export function limitExceeded(text: string): QueryError {
  return new QueryError('LimitExceeded', text, 409)
}

/** A page of a list: what is left out begins behind the marker. */
export function pageOf<T>(
  form: QueryForm,
  violations: Violations,
  { items, keyOf }: { readonly items: readonly T[]; readonly keyOf: (item: T) => string },
): QueryError | { readonly page: readonly T[]; readonly rest: object } {
  const most = form.whole('MaxItems', violations) ?? 100
  violations.range('maxItems', most, [1, 1000])
  const marker = form.text('Marker')
  violations.length('marker', marker, [1, 4096])
  const refused = violationsOf(violations)
  if (refused !== undefined) return refused
  const last = marker === undefined ? undefined : Buffer.from(marker, 'base64url').toString()
  const left = last === undefined ? items : items.filter((item) => keyOf(item) > last)
  const page = left.slice(0, most)
  const end = page.at(-1)
  if (page.length === left.length || end === undefined)
    return { page, rest: { IsTruncated: false } }
  const next = Buffer.from(keyOf(end)).toString('base64url')
  return { page, rest: { IsTruncated: true, Marker: next } }
}

function matchesUnicode(pattern: string, text: string): boolean {
  return new RegExp(`^(?:${pattern})$`, 'u').test(text)
}
