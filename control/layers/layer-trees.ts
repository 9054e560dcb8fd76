// Lays directories over each other in one, and measures them.
import { copyFile, link, lstat, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../common/errors.ts'
import { storageFailed, syncDirectory } from '../registry/durable-file.ts'

/**
 * Fills the empty directory `into`; what comes later takes the place of what was there, a file that of a folder
 * as well. Files are linked where the disk lets them, so that they take no room twice. All of it is durable when
 * this resolves, if the files themselves were. Rejects with AppError STORAGE_FAILED.
 */
export async function layOver(directories: readonly string[], into: string): Promise<void> {
  try {
    for (const directory of directories) await lay(directory, into)
    await syncFolders(into)
  } catch (error) {
    throw storageFailed('write', into, error)
  }
}

/** The bytes of all files in it. Rejects with AppError STORAGE_FAILED. */
export async function treeBytes(directory: string): Promise<number> {
  try {
    let bytes = 0
    for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name))).size
    }
    return bytes
  } catch (error) {
    throw storageFailed('read', directory, error)
  }
}

async function lay(from: string, into: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name)
    const target = join(into, entry.name)
    const there = await kindOf(target)
    const isFolder = entry.isDirectory()
    if (there !== undefined && (there === 'file' || !isFolder)) {
      await rm(target, { recursive: true })
    }
    if (isFolder) {
      await mkdir(target, { recursive: true })
      await lay(source, target)
    } else await linkOrCopy(source, target)
  }
}

async function kindOf(path: string): Promise<'folder' | 'file' | undefined> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Some file systems have no links, and a file not as many as one likes. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error
    await copyFile(from, to)
    const copy = await open(to, 'r+')
    try {
      await copy.sync()
    } finally {
      await copy.close()
    }
  }
}

async function syncFolders(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncFolders(join(directory, entry.name))
  }
  await syncDirectory(directory)
}
