// Tells whether files have changed, without reading them.
import { stat } from 'node:fs/promises'
import { systemCode } from '../../common/errors.ts'

/** Equal texts mean equal files: size, time of change and inode of each, without reading any. */
export async function signatureOf(paths: readonly string[]): Promise<string> {
  const signatures = await Promise.all(paths.map(fileSignature))
  return signatures.map((signature) => `${signature}\n`).join('')
}

async function fileSignature(path: string): Promise<string> {
  try {
    const status = await stat(path)
    if (status.isDirectory()) return `${path} directory`
    return `${path} ${status.size} ${status.mtimeMs} ${status.ino}`
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    return `${path} ${code}`
  }
}
