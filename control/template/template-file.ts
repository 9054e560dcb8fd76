// Finds a template by the path that a user gave, and reads it.
import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { AppError, systemCode } from '../../common/errors.ts'

const names = ['template.yaml', 'template.yml', 'template.json'] as const

/** Every file that may be, or become, the template of `path`. */
export function templateCandidates(path: string): readonly string[] {
  const file = resolve(path)
  return [file, ...names.map((name) => join(file, name))]
}

/** Absolute. Rejects with AppError CONFIG_INVALID where there is no template. */
export async function findTemplate(path: string): Promise<string> {
  const file = resolve(path)
  if (!(await isDirectory(file))) return file
  for (const name of names) {
    const candidate = join(file, name)
    try {
      if ((await stat(candidate)).isFile()) return candidate
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw unreadable(candidate, error)
    }
  }
  throw new AppError('CONFIG_INVALID', {
    setting: 'template',
    reason: `there is no template.yaml in ${file}`,
  })
}

/** Rejects with AppError CONFIG_INVALID. */
export async function readTemplate(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw unreadable(file, error)
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(file: string, error: unknown): unknown {
  const code = systemCode(error)
  if (code === undefined) return error
  const reason = `${file} cannot be read (${code})`
  return new AppError('CONFIG_INVALID', { setting: 'template', reason }, error)
}
