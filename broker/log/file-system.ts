// The file operations the log is built on, as an interface, and the machine's own file system.
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { AppError, reasonOf, systemCode } from '../../common/errors.ts'

/** `read` and `update` want an existing file; `create` makes an empty one, whatever was there. */
export type OpenMode = 'read' | 'update' | 'create'

const openFlags: Record<OpenMode, string> = { read: 'r', update: 'r+', create: 'w+' }

export interface FileFacts {
  readonly sizeBytes: number
  readonly modifiedMs: number
}

export interface BlockMemorySize {
  readonly count: number
  readonly bytes: number
}

/** An open file. Reads and writes name their position; there is no cursor. */
export interface OpenFile {
  readonly path: string
  /** Writes all of `buffers` in their order, or rejects; what was written then is unknown. */
  write(buffers: readonly Buffer[], position: number): Promise<void>
  /** Writes whole blocks past the system's cache, at a block's position, from memory that `blockMemory` gave. */
  writeBlocks(blocks: Buffer, position: number): Promise<void>
  /** Fills `blocks` as far as the file goes, past the cache and with the same conditions; resolves with the bytes read. */
  readBlocks(blocks: Buffer, position: number): Promise<number>
  /** Fills `buffer` as far as the file goes; resolves with the bytes read. */
  read(buffer: Buffer, position: number): Promise<number>
  /** Content and size are on the disk when this resolves; the file's name may not be. */
  sync(): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  close(): Promise<void>
}

/** Every method rejects with AppError STORAGE_FAILED whose cause is the system's own error. */
export interface FileSystem {
  /** What `writeBlocks` and `readBlocks` take a multiple of, at a multiple of. */
  readonly blockBytes: number
  /** Memory for blocks of files in or below a directory; none where its files do not take it. */
  blockMemory(directory: string, size: BlockMemorySize): Promise<readonly Buffer[]>
  open(path: string, mode: OpenMode): Promise<OpenFile>
  readFile(path: string): Promise<Buffer>
  /** Undefined where there is no such file. */
  facts(path: string): Promise<FileFacts | undefined>
  /** Names in a directory, sorted; empty where there is no such directory. */
  list(path: string): Promise<readonly string[]>
  makeDirectory(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Removes a file; one that is gone already is fine. */
  remove(path: string): Promise<void>
  removeTree(path: string): Promise<void>
  /** Names created, renamed and removed in the directory are on the disk when this resolves. */
  syncDirectory(path: string): Promise<void>
}

/** What every implementation rejects with. */
export function storageError(operation: string, path: string, cause: unknown): AppError {
  return new AppError('STORAGE_FAILED', { operation, file: path, reason: reasonOf(cause) }, cause)
}

export function isStorageError(thrown: unknown): thrown is AppError {
  return thrown instanceof AppError && thrown.code === 'STORAGE_FAILED'
}

/** Whether a rejection of the file system says that there is no such file. */
export function isMissing(thrown: unknown): boolean {
  return isStorageError(thrown) && systemCode(thrown.cause) === 'ENOENT'
}

/** A file may be removed while it is being flushed; then there is nothing left to flush. */
export async function unlessGone(work: Promise<void>, isGone: () => boolean): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isMissing(error) || !isGone()) throw error
  }
}

/** What the disk refuses here costs time later, and nothing else. */
export async function unlessFailed(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isStorageError(error)) throw error
  }
}

/** Puts `content` in place of a file such that a crash leaves the old or the new, never a mix. */
export async function replaceFile(files: FileSystem, path: string, content: Buffer): Promise<void> {
  const temporary = `${path}.tmp`
  const file = await files.open(temporary, 'create')
  try {
    await file.write([content], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(temporary, path)
  await files.syncDirectory(dirname(path))
}

/** Linux: what a file system's blocks and a processor's pages mostly are, and a multiple of what devices want. */
const blockBytes = 4096
/** Addresses of large buffers are so much behind a multiple of a page, or some such number. */
const addressStepBytes = 16

export const nodeFileSystem: FileSystem = {
  blockBytes,
  blockMemory: findBlockMemory,
  async open(path, mode) {
    const flags = openFlags[mode]
    return new NodeFile(path, await ask<number>('open', path, (done) => fs.open(path, flags, done)))
  },
  readFile: (path) => ask('read', path, (done) => fs.readFile(path, done)),
  async facts(path) {
    const stat = await unlessMissing(ask<fs.Stats>('stat', path, (done) => fs.stat(path, done)))
    return stat && { sizeBytes: stat.size, modifiedMs: Math.floor(stat.mtimeMs) }
  },
  async list(path) {
    const names = await unlessMissing(ask<string[]>('list', path, (done) => fs.readdir(path, done)))
    return names?.sort() ?? []
  },
  makeDirectory: (path) =>
    ask('create', path, (done) => fs.mkdir(path, { recursive: true }, (error) => done(error))),
  rename: (from, to) => ask('rename', from, (done) => fs.rename(from, to, done)),
  async remove(path) {
    await unlessMissing(ask<void>('remove', path, (done) => fs.unlink(path, done)))
  },
  removeTree: (path) =>
    ask('remove', path, (done) => fs.rm(path, { recursive: true, force: true }, done)),
  async syncDirectory(path) {
    const descriptor = await ask<number>('open', path, (done) => fs.open(path, 'r', done))
    try {
      await ask<void>('flush', path, (done) => fs.fsync(descriptor, done))
    } finally {
      await ask<void>('close', path, (done) => fs.close(descriptor, done))
    }
  },
}

class NodeFile implements OpenFile {
  readonly path: string
  readonly #descriptor: number
  /** For blocks; opened when it is first needed. */
  #blocks: Promise<number> | undefined

  constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    let left = buffers
    let at = position
    while (left.length > 0) {
      const written = await this.#ask<number>('write', (done) =>
        fs.writev(this.#descriptor, left, at, done),
      )
      at += written
      // A full disk first shows as a short write; asking for the rest brings out the error.
      left = after(left, written)
    }
  }

  async writeBlocks(blocks: Buffer, position: number): Promise<void> {
    const descriptor = await this.#forBlocks()
    for (let at = 0; at < blocks.length;) {
      const start = at
      at += await this.#ask<number>('write', (done) =>
        fs.write(descriptor, blocks, start, blocks.length - start, position + start, done),
      )
    }
  }

  async readBlocks(blocks: Buffer, position: number): Promise<number> {
    return this.#fill(await this.#forBlocks(), blocks, position, blockBytes)
  }

  #forBlocks(): Promise<number> {
    return (this.#blocks ??= this.#openForBlocks())
  }

  async #openForBlocks(): Promise<number> {
    try {
      // The very file that is open, whatever its name stands for by now.
      const path = `/proc/self/fd/${this.#descriptor}`
      const flags = fs.constants.O_RDWR | fs.constants.O_DIRECT
      return await this.#ask<number>('open', (done) => fs.open(path, flags, done))
    } catch (error) {
      this.#blocks = undefined
      throw error
    }
  }

  read(buffer: Buffer, position: number): Promise<number> {
    return this.#fill(this.#descriptor, buffer, position, 1)
  }

  async #fill(
    descriptor: number,
    buffer: Buffer,
    position: number,
    stepBytes: number,
  ): Promise<number> {
    let filled = 0
    while (filled < buffer.length) {
      const start = filled
      const bytes = await this.#ask<number>('read', (done) =>
        fs.read(descriptor, buffer, start, buffer.length - start, position + start, done),
      )
      filled += bytes
      // A part of a block comes from the file's end alone, and nothing can be asked for from amid one.
      if (bytes === 0 || bytes % stepBytes !== 0) break
    }
    return filled
  }

  sync(): Promise<void> {
    return this.#ask('flush', (done) => fs.fdatasync(this.#descriptor, done))
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#ask('truncate', (done) => fs.ftruncate(this.#descriptor, sizeBytes, done))
  }

  async close(): Promise<void> {
    const blocks = await this.#blocks?.catch(() => undefined)
    try {
      if (blocks !== undefined) {
        await this.#ask<void>('close', (done) => fs.close(blocks, done))
      }
    } finally {
      await this.#ask<void>('close', (done) => fs.close(this.#descriptor, done))
    }
  }

  #ask<T>(operation: string, call: (done: Done<T>) => void): Promise<T> {
    return ask(operation, this.path, call)
  }
}

/**
 * Nothing tells where a buffer lies, nor what a file system and its device want: so it is tried. None where they take no
 * such writes (EINVAL: tmpfs), or the system has none (macOS, or no /proc).
 */
async function findBlockMemory(
  directory: string,
  { count, bytes }: BlockMemorySize,
): Promise<readonly Buffer[]> {
  if (fs.constants.O_DIRECT === undefined) return []
  const path = join(directory, 'direct-io.tmp')
  const file = await nodeFileSystem.open(path, 'create')
  try {
    const memory: Buffer[] = []
    while (memory.length < count) {
      const buffer = Buffer.allocUnsafeSlow(bytes + blockBytes)
      const at = await alignedAt(file, buffer)
      if (at === undefined) return []
      memory.push(buffer.subarray(at, at + bytes))
    }
    return memory
  } finally {
    await file.close()
    await nodeFileSystem.remove(path)
  }
}

async function alignedAt(file: OpenFile, buffer: Buffer): Promise<number | undefined> {
  for (let at = 0; at < blockBytes; at += addressStepBytes) {
    try {
      await file.writeBlocks(buffer.subarray(at, at + blockBytes), 0)
      return at
    } catch (error) {
      const code = isStorageError(error) ? systemCode(error.cause) : undefined
      if (code === 'ENOENT') return undefined
      if (code !== 'EINVAL') throw error
    }
  }
  return undefined
}

/** What remains of `buffers` when their first `written` bytes are done. */
function after(buffers: readonly Buffer[], written: number): readonly Buffer[] {
  let bytes = written
  for (const [index, buffer] of buffers.entries()) {
    if (bytes < buffer.length) return [buffer.subarray(bytes), ...buffers.slice(index + 1)]
    bytes -= buffer.length
  }
  return []
}

type Done<T> = (error: NodeJS.ErrnoException | null, value?: T) => void

function ask<T>(operation: string, path: string, call: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null || error === undefined) resolve(value as T)
      else reject(storageError(operation, path, error))
    })
  })
}

async function unlessMissing<T>(pending: Promise<T>): Promise<T | undefined> {
  try {
    return await pending
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
