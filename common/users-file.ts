// Reads the files of users that an operator writes: a line each, name:password.
import { readFile, stat } from 'node:fs/promises'
import { userTextMaxBytes, usersFileMax } from './door-limits.ts'
import { AppError, reasonOf } from './errors.ts'

export interface UsersFile {
  /** Name → password. */
  readonly passwords: ReadonlyMap<string, string>
  /** Whether others than its owner may read it. */
  readonly isOpenToOthers: boolean
}

/**
 * Empty lines and those that begin with # say nothing; a password is all after the first colon. Rejects
 * with AppError CONFIG_INVALID, which names the setting and a line but nothing that stands in it.
 */
export async function readUsersFile(path: string, setting: string): Promise<UsersFile> {
  const invalid = (reason: string, cause?: unknown): AppError =>
    new AppError('CONFIG_INVALID', { setting, reason }, cause)
  let text: string
  let mode: number
  try {
    text = await readFile(path, 'utf8')
    mode = (await stat(path)).mode
  } catch (error) {
    throw invalid(reasonOf(error), error)
  }
  const passwords = new Map<string, string>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const at = line.indexOf(':')
    const name = line.slice(0, at).trim()
    const where = `${path}, line ${index + 1}`
    if (at < 0 || name === '' || at === line.length - 1)
      throw invalid(`${where}: not name:password`)
    if (Buffer.byteLength(name) > userTextMaxBytes) throw invalid(`${where}: the name is too long`)
    if (passwords.has(name)) throw invalid(`${where}: the user is there twice`)
    passwords.set(name, line.slice(at + 1))
  }
  if (passwords.size > usersFileMax) throw invalid(`${path} has more than ${usersFileMax} users`)
  return { passwords, isOpenToOthers: (mode & 0o077) !== 0 }
}
