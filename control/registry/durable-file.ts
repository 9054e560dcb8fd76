// Puts a small file in place or away so that a crash leaves either the old state or the new one.
import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError, reasonOf } from '../../common/errors.ts'

/** Files under this prefix are unfinished writes; one found at start was left behind by a crash. */
export const temporaryPrefix = '.writing-'

/** Resolves when `content` is on disk under `file`. Rejects with AppError STORAGE_FAILED. */
export async function writeDurably(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(file), `${temporaryPrefix}${randomUUID()}`)
  try {
    const handle = await open(temporary, 'wx', 0o644)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
    await syncDirectory(dirname(file))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {
      // The first failure is the one to tell; the next start sweeps what is left.
    })
    throw storageFailed('write', file, error)
  }
}

/** Resolves when `file` is gone from disk; one that is not there is no error. */
export async function removeDurably(file: string): Promise<void> {
  try {
    await rm(file, { force: true })
    await syncDirectory(dirname(file))
  } catch (error) {
    throw storageFailed('remove', file, error)
  }
}

/** A rename or a removal is durable only when its directory is flushed: fsync(2). */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export function storageFailed(operation: string, file: string, cause: unknown): AppError {
  return new AppError('STORAGE_FAILED', { operation, file, reason: reasonOf(cause) }, cause)
}
