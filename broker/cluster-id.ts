// Gives the broker's cluster an identity that stays: made once, kept in a file.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, reasonOf, systemCode } from '../common/errors.ts'
import { nodeFileSystem, replaceFile } from './log/file-system.ts'

/** Kafka's form of a cluster id: a UUID in base64, 22 characters. Rejects with AppError STORAGE_FAILED. */
export async function clusterIdIn(directory: string): Promise<string> {
  const file = join(directory, 'cluster-id')
  try {
    const kept = (await readIfThere(file)).trim()
    if (/^[A-Za-z0-9_-]{22}$/.test(kept)) return kept
    const id = randomBytes(16).toString('base64url')
    await replaceFile(nodeFileSystem, file, Buffer.from(`${id}\n`))
    return id
  } catch (error) {
    const details = { operation: 'keep the cluster id in', file, reason: reasonOf(error) }
    throw new AppError('STORAGE_FAILED', details, error)
  }
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return ''
    throw error
  }
}
