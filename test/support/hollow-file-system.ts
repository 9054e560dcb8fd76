// A file system that keeps of logs nothing but their sizes, so that a day's hundreds of gigabytes fit in memory.
import { dirname } from 'node:path'
import {
  storageError,
  type FileFacts,
  type FileSystem,
  type OpenFile,
  type OpenMode,
} from '../../broker/log/file-system.ts'

interface Hollow {
  sizeBytes: number
  /** Of files that are read: all but logs and write-ahead files. */
  content: Buffer
}

/** Logs and write-ahead files are written and never read, as on a broker whose consumers keep up. */
export class HollowFileSystem implements FileSystem {
  readonly blockBytes = 4096
  readonly #files = new Map<string, Hollow>()
  #bytes = 0
  /** The most that all files together have ever taken. */
  bytesMax = 0
  bytesWritten = 0

  /** What all files together take. */
  get bytes(): number {
    return this.#bytes
  }

  get files(): number {
    return this.#files.size
  }

  blockMemory(): Promise<readonly Buffer[]> {
    return Promise.resolve([])
  }

  open(path: string, mode: OpenMode): Promise<OpenFile> {
    if (mode === 'create') this.#put(path, { sizeBytes: 0, content: Buffer.alloc(0) })
    const file = this.#require(path)
    return Promise.resolve({
      path,
      write: (buffers, position) => {
        const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
        this.bytesWritten += length
        this.#resize(file, Math.max(file.sizeBytes, position + length))
        if (!isHollow(path)) file.content = Buffer.concat([file.content, ...buffers])
        return Promise.resolve()
      },
      writeBlocks: () => Promise.reject(new Error('no memory for blocks was given')),
      readBlocks: () => Promise.reject(new Error('no memory for blocks was given')),
      read: () => Promise.reject(new Error(`${path} is hollow`)),
      sync: () => Promise.resolve(),
      truncate: (sizeBytes) => {
        this.#resize(file, sizeBytes)
        return Promise.resolve()
      },
      close: () => Promise.resolve(),
    })
  }

  readFile(path: string): Promise<Buffer> {
    try {
      return Promise.resolve(this.#require(path).content)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  facts(path: string): Promise<FileFacts | undefined> {
    const file = this.#files.get(path)
    return Promise.resolve(file && { sizeBytes: file.sizeBytes, modifiedMs: 0 })
  }

  list(path: string): Promise<readonly string[]> {
    const names = [...this.#files.keys()].filter((name) => dirname(name) === path)
    return Promise.resolve(names.map((name) => name.slice(path.length + 1)).sort())
  }

  makeDirectory(): Promise<void> {
    return Promise.resolve()
  }

  rename(from: string, to: string): Promise<void> {
    const file = this.#require(from)
    this.#files.delete(from)
    if (this.#files.has(to)) this.#drop(to)
    this.#files.set(to, file)
    return Promise.resolve()
  }

  remove(path: string): Promise<void> {
    this.#drop(path)
    return Promise.resolve()
  }

  removeTree(path: string): Promise<void> {
    for (const name of this.#files.keys()) if (name.startsWith(`${path}/`)) this.#drop(name)
    return Promise.resolve()
  }

  syncDirectory(): Promise<void> {
    return Promise.resolve()
  }

  #put(path: string, file: Hollow): void {
    this.#drop(path)
    this.#files.set(path, file)
  }

  #drop(path: string): void {
    this.#bytes -= this.#files.get(path)?.sizeBytes ?? 0
    this.#files.delete(path)
  }

  #resize(file: Hollow, sizeBytes: number): void {
    this.#bytes += sizeBytes - file.sizeBytes
    file.sizeBytes = sizeBytes
    this.bytesMax = Math.max(this.bytesMax, this.#bytes)
  }

  #require(path: string): Hollow {
    const file = this.#files.get(path)
    if (file !== undefined) return file
    throw storageError('open', path, Object.assign(new Error('no such file'), { code: 'ENOENT' }))
  }
}

function isHollow(path: string): boolean {
  return path.endsWith('.log') || path.endsWith('.wal')
}
