// Reads secrets by what a mapping calls them: from a directory, a file or the environment of the process.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, systemCode } from './errors.ts'
import { secretMaxBytes } from './mapping-limits.ts'

export interface SecretsOptions {
  /** Where `<name>.json` lies for secrets that are called by an ARN; none unless set. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

const secretArn = /^arn:aws[\w-]*:secretsmanager:[\w-]*:\d*:secret:(?<name>.+)$/
/** AWS Secrets Manager adds a dash and six characters to a name; an ARN may come without them. */
const arnSuffix = /-[A-Za-z0-9]{6}$/

/** Whether a text calls a secret in a way that is known. */
export function isSecretUri(uri: string): boolean {
  const name = secretArn.exec(uri)?.groups?.['name']
  if (name !== undefined) return isSafeName(name)
  return /^file:.+/.test(uri) || /^env:[A-Za-z_]\w*$/.test(uri)
}

/**
 * A secret's members, as AWS Secrets Manager shapes them: `{"username":…,"password":…}`. Rejects with
 * AppError SECRET_UNREADABLE, whose text has the secret's name and nothing of its content.
 */
export async function readSecret(
  uri: string,
  options: SecretsOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const text = await textOf(uri, options)
  if (Buffer.byteLength(text) > secretMaxBytes) throw unreadable(uri, 'it is too large')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // Its message would quote the secret.
    if (error instanceof SyntaxError) throw unreadable(uri, 'it is not JSON')
    throw error
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable(uri, 'it is not a JSON object')
  }
  return value as Record<string, unknown>
}

/** The member of a secret that has to be a text. */
export function secretMember(
  uri: string,
  secret: Readonly<Record<string, unknown>>,
  member: string,
): string {
  const value = secret[member]
  if (typeof value === 'string' && value !== '') return value
  throw unreadable(uri, `it has no ${member}`)
}

async function textOf(uri: string, { directory, environment }: SecretsOptions): Promise<string> {
  if (uri.startsWith('env:')) {
    const text = environment[uri.slice(4)]
    if (text === undefined) throw unreadable(uri, 'there is no such variable')
    return text
  }
  if (uri.startsWith('file:')) return fileOf(uri, [uri.slice(5).replace(/^\/\/(?=\/)/, '')])
  const name = secretArn.exec(uri)?.groups?.['name'] ?? ''
  if (!isSafeName(name)) throw unreadable(uri, 'it is not the ARN of a secret')
  if (directory === '') throw unreadable(uri, '--secrets names no directory')
  const names = [...new Set([name, name.replace(arnSuffix, '')])]
  return fileOf(
    uri,
    names.map((each) => join(directory, `${each}.json`)),
  )
}

/** The first of the files that is there. */
async function fileOf(uri: string, paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      const code = systemCode(error)
      if (code === undefined) throw error
      if (code !== 'ENOENT') throw unreadable(uri, `${path}: ${code}`, error)
    }
  }
  throw unreadable(uri, `there is no ${paths.join(', nor ')}`)
}

/** Secrets Manager's characters; a name with a slash lies in a folder, and in none above. */
function isSafeName(name: string): boolean {
  return (
    /^[\w/+=.@-]{1,512}$/.test(name) &&
    name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  )
}

function unreadable(secret: string, reason: string, cause?: unknown): AppError {
  return new AppError('SECRET_UNREADABLE', { secret, reason }, cause)
}
