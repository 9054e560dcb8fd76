// What is kept of a role, and how it is read from its file.
import { isTexts, type Fields } from '../registry/record-folder.ts'

export interface RoleRecord {
  readonly name: string
  readonly path: string
  readonly id: string
  readonly createdMs: number
  /** Who may take the role on, as JSON text; kept, not judged by, as is all that follows. */
  readonly trustPolicy: string
  readonly description: string
  readonly maxSessionSeconds: number
  readonly boundaryArn?: string
  readonly tags: Readonly<Record<string, string>>
  /** Policies of its own, as JSON text by their names. */
  readonly policies: Readonly<Record<string, string>>
  /** ARNs of managed policies. */
  readonly attached: readonly string[]
}

export function parseRole(role: Fields): RoleRecord | undefined {
  const texts = ['name', 'path', 'id', 'trustPolicy', 'description']
  const isRole =
    texts.every((name) => typeof role[name] === 'string') &&
    Number.isSafeInteger(role['createdMs']) &&
    Number.isSafeInteger(role['maxSessionSeconds']) &&
    ['undefined', 'string'].includes(typeof role['boundaryArn']) &&
    isTexts(role['tags']) &&
    isTexts(role['policies']) &&
    Array.isArray(role['attached']) &&
    isTexts(role['attached'])
  return isRole ? (role as unknown as RoleRecord) : undefined
}
