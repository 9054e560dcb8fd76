// Finds the folders of log groups: how a group's name becomes a folder's, and what is kept beside its chunks.
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf, systemCode, AppError } from '../common/errors.ts'
import { parseChunkName, type ChunkName } from './chunk-name.ts'

/** What a group is beside its events. */
export interface GroupFacts {
  readonly name: string
  readonly createdMs: number
  /** CloudWatch Logs' retentionInDays; absent: for ever. */
  readonly retentionDays?: number
  readonly tags?: Readonly<Record<string, string>>
  /** CloudWatch Logs' logGroupClass; absent: STANDARD. Told, and nothing else. */
  readonly groupClass?: string
  /** The key that was named for it; events lie as they came. */
  readonly kmsKeyId?: string
  /** Whether it is kept from being deleted; absent: it is not. */
  readonly isProtected?: boolean
}

export interface Chunk extends ChunkName {
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}

const suffix = '.group'
const factsFile = 'group.json'
/** A folder's name has at most 255 bytes, and a group's up to 512; what is longer ends in its digest. */
const plainMaxLength = 190
const digestLength = 32
const prefixLength = 160

/** Where functions' logs lie in a data directory. */
export function functionLogsFolder(dataDir: string): string {
  return join(dataDir, 'function-logs')
}

/** Groups' names have letters, digits and `_ - / # .`, so `~` can stand for the slash. */
export function groupFolderName(group: string): string {
  const plain = group.replaceAll('/', '~')
  if (plain.length <= plainMaxLength) return plain + suffix
  const digest = createHash('sha256').update(group).digest('hex').slice(0, digestLength)
  return `${plain.slice(0, prefixLength)}~~${digest}${suffix}`
}

/** Makes the group's folder where there is none; says whether it made it. */
export async function makeGroup(root: string, facts: GroupFacts): Promise<boolean> {
  const folder = join(root, groupFolderName(facts.name))
  return storage('create', folder, async () => {
    await mkdir(folder, { recursive: true })
    try {
      await writeFile(join(folder, factsFile), formatFacts(facts), { flag: 'wx' })
      return true
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false
      throw error
    }
  })
}

export async function writeFacts(root: string, facts: GroupFacts): Promise<void> {
  const folder = join(root, groupFolderName(facts.name))
  const temporary = join(folder, `.writing-${randomUUID()}`)
  await storage('write', join(folder, factsFile), async () => {
    await writeFile(temporary, formatFacts(facts))
    await rename(temporary, join(folder, factsFile))
  })
}

/** Undefined where there is no such group. */
export async function readFacts(root: string, group: string): Promise<GroupFacts | undefined> {
  return factsOf(root, groupFolderName(group))
}

/** The groups' names, sorted. */
export async function listGroups(root: string): Promise<readonly string[]> {
  const folders = (await namesIn(root)).filter((name) => name.endsWith(suffix))
  const names = await Promise.all(
    folders.map(async (folder) => {
      const plain = folder.slice(0, -suffix.length)
      if (plain.length <= plainMaxLength) return plain.replaceAll('~', '/')
      return (await factsOf(root, folder))?.name
    }),
  )
  return names.filter((name) => name !== undefined).toSorted()
}

/** The group's chunks, oldest first. */
export async function listChunks(root: string, group: string): Promise<readonly Chunk[]> {
  const folder = join(root, groupFolderName(group))
  const names = (await namesIn(folder)).map(parseChunkName).filter((name) => name !== undefined)
  const chunks = await Promise.all(names.map((name) => chunkOf(folder, name)))
  return chunks
    .filter((chunk) => chunk !== undefined)
    .toSorted((a, b) => a.createdMs - b.createdMs || a.sequence - b.sequence)
}

async function chunkOf(folder: string, name: ChunkName): Promise<Chunk | undefined> {
  const path = join(folder, name.file)
  try {
    const { size, mtimeMs } = await stat(path)
    return { ...name, path, sizeBytes: size, modifiedMs: mtimeMs }
  } catch (error) {
    // Whoever makes room may drop it at any time.
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

export async function removeGroup(root: string, group: string): Promise<void> {
  const folder = join(root, groupFolderName(group))
  await storage('remove', folder, async () => {
    // Renamed first: who writes in it meanwhile would keep it from going.
    const away = join(root, `.removed-${randomUUID()}`)
    await rename(folder, away)
    await rm(away, { recursive: true, force: true })
  })
}

async function factsOf(root: string, folder: string): Promise<GroupFacts | undefined> {
  const path = join(root, folder)
  const text = await readFile(join(path, factsFile), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  })
  const facts = text === undefined ? undefined : parseFacts(text)
  if (facts !== undefined) return facts
  // A crash may leave a folder without its facts: then its name and its age say enough.
  try {
    const { mtimeMs } = await stat(path)
    const plain = folder.slice(0, -suffix.length)
    if (plain.length > plainMaxLength) return undefined
    return { name: plain.replaceAll('~', '/'), createdMs: Math.floor(mtimeMs) }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function formatFacts(facts: GroupFacts): string {
  return `${JSON.stringify({ format: 1, ...facts }, undefined, 2)}\n`
}

function parseFacts(text: string): GroupFacts | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { name, createdMs, retentionDays, tags, ...rest } = value as Record<string, unknown>
    const { groupClass, kmsKeyId, isProtected } = rest
    if (typeof name !== 'string' || typeof createdMs !== 'number') return undefined
    return {
      name,
      createdMs,
      ...(typeof retentionDays === 'number' ? { retentionDays } : {}),
      ...(typeof tags === 'object' && tags !== null
        ? { tags: tags as Record<string, string> }
        : {}),
      ...(typeof groupClass === 'string' ? { groupClass } : {}),
      ...(typeof kmsKeyId === 'string' ? { kmsKeyId } : {}),
      ...(typeof isProtected === 'boolean' ? { isProtected } : {}),
    }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

async function storage<T>(operation: string, file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new AppError('STORAGE_FAILED', { operation, file, reason: reasonOf(error) }, error)
  }
}
