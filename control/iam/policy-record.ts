// What is kept of a managed policy, and how it is read from its file.
import { isTexts, type Fields } from '../registry/record-folder.ts'

export interface PolicyVersion {
  readonly number: number
  readonly document: string
  readonly createdMs: number
}

export interface PolicyRecord {
  readonly name: string
  readonly path: string
  readonly id: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
  /** The oldest first; never none. */
  readonly versions: readonly PolicyVersion[]
  readonly defaultVersion: number
  /** Numbers of versions are given once. */
  readonly lastVersion: number
}

export function arnOf(accountId: string, { path, name }: PolicyRecord): string {
  return `arn:aws:iam::${accountId}:policy${path}${name}`
}

export function parsePolicy(policy: Fields): PolicyRecord | undefined {
  const { versions, defaultVersion } = policy
  const isPolicy =
    ['name', 'path', 'id', 'description'].every((name) => typeof policy[name] === 'string') &&
    ['createdMs', 'updatedMs', 'lastVersion'].every((name) => Number.isSafeInteger(policy[name])) &&
    isTexts(policy['tags']) &&
    Array.isArray(versions) &&
    versions.every(isVersion) &&
    versions.some((each) => (each as PolicyVersion).number === defaultVersion)
  return isPolicy ? (policy as unknown as PolicyRecord) : undefined
}

function isVersion(value: unknown): boolean {
  const { number, document, createdMs } = (value ?? {}) as Partial<PolicyVersion>
  return (
    Number.isSafeInteger(number) && typeof document === 'string' && Number.isSafeInteger(createdMs)
  )
}
