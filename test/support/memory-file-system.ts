// A file system in memory that knows what a power cut would leave of it, and fails when told to.
import { dirname } from 'node:path'
import {
  storageError,
  type FileFacts,
  type FileSystem,
  type OpenFile,
  type OpenMode,
} from '../../broker/log/file-system.ts'

interface Write {
  readonly position: number
  readonly bytes: Buffer
  isDone: boolean
}

interface Content {
  bytes: Buffer
  /** What the disk has for sure. */
  durable: Buffer
  /** Written since the last flush; a cut keeps any of them, in whole or in part. */
  unflushed: Write[]
}

/** A change of names that the disk may not have yet. Those of a directory reach it in order. */
type NameChange =
  | { readonly kind: 'create'; readonly paths: readonly [string]; readonly content: Content }
  | { readonly kind: 'remove' | 'removeTree'; readonly paths: readonly [string] }
  | { readonly kind: 'rename'; readonly paths: readonly [string, string] }

export type Operation = 'open' | 'write' | 'read' | 'flush' | 'rename' | 'remove'

/** Directories are durable at once; names in them are not until `syncDirectory`. */
export class MemoryFileSystem implements FileSystem {
  /** Returns the system's code to fail with, or undefined. A failing write leaves half of itself. */
  fault: (operation: Operation, path: string) => string | undefined = () => undefined
  /** How often files were flushed, by path. */
  readonly flushes = new Map<string, number>()
  #names = new Map<string, Content>()
  #durableNames = new Map<string, Content>()
  #pending: NameChange[] = []

  /** What is there after a power cut at this moment; `random` is from 0 to below 1. */
  cut(random: () => number): MemoryFileSystem {
    const after = new MemoryFileSystem()
    const names = new Map(this.#durableNames)
    const kept = Math.floor(random() * (this.#pending.length + 1))
    for (const change of this.#pending.slice(0, kept)) apply(change, names)
    for (const [path, content] of names) {
      const bytes = whatIsLeft(content, random)
      const copy = { bytes, durable: Buffer.from(bytes), unflushed: [] }
      after.#names.set(path, copy)
      after.#durableNames.set(path, copy)
    }
    return after
  }

  /** What is there after a kill of the process: all of it, flushed or not as it was. */
  kill(): MemoryFileSystem {
    const after = new MemoryFileSystem()
    const copies = new Map<Content, Content>()
    const copyOf = (content: Content): Content => {
      // The system finishes the writes that it was handed.
      const unflushed = content.unflushed.map((write) => ({ ...write, isDone: true }))
      const copy = copies.get(content) ?? { ...content, unflushed }
      copies.set(content, copy)
      return copy
    }
    for (const [path, content] of this.#names) after.#names.set(path, copyOf(content))
    for (const [path, content] of this.#durableNames) after.#durableNames.set(path, copyOf(content))
    after.#pending = this.#pending.map((change) =>
      change.kind === 'create' ? { ...change, content: copyOf(change.content) } : change,
    )
    return after
  }

  /** A copy of the files as they are, all of them flushed. */
  copy(): MemoryFileSystem {
    const after = new MemoryFileSystem()
    for (const [path, { bytes }] of this.#names) after.put(path, bytes)
    return after
  }

  paths(): readonly string[] {
    return [...this.#names.keys()].sort()
  }

  bytesOf(path: string): Buffer {
    return this.#require('read', path).bytes
  }

  /** Puts a durable file there. */
  put(path: string, bytes: Buffer): void {
    const content = { bytes: Buffer.from(bytes), durable: Buffer.from(bytes), unflushed: [] }
    this.#names.set(path, content)
    this.#durableNames.set(path, content)
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    await this.#begin('open', path)
    if (mode === 'create') {
      const content = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), unflushed: [] }
      this.#change({ kind: 'create', paths: [path], content })
    }
    return this.#openFile(path, this.#require('open', path))
  }

  async readFile(path: string): Promise<Buffer> {
    await this.#begin('read', path)
    return Buffer.from(this.#require('read', path).bytes)
  }

  facts(path: string): Promise<FileFacts | undefined> {
    const content = this.#names.get(path)
    return Promise.resolve(content && { sizeBytes: content.bytes.length, modifiedMs: 1_000_000 })
  }

  list(path: string): Promise<readonly string[]> {
    const below = this.paths().filter((name) => name.startsWith(`${path}/`))
    const names = below.map((name) => name.slice(path.length + 1).split('/')[0] ?? '')
    return Promise.resolve([...new Set(names)])
  }

  makeDirectory(): Promise<void> {
    return Promise.resolve()
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#begin('rename', from)
    this.#change({ kind: 'rename', paths: [from, to] })
  }

  async remove(path: string): Promise<void> {
    await this.#begin('remove', path)
    if (this.#names.has(path)) this.#change({ kind: 'remove', paths: [path] })
  }

  async removeTree(path: string): Promise<void> {
    await this.#begin('remove', path)
    this.#change({ kind: 'removeTree', paths: [path] })
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#begin('flush', path)
    const isHere = ({ paths }: NameChange): boolean => paths.some((name) => dirname(name) === path)
    for (const change of this.#pending.filter(isHere)) apply(change, this.#durableNames)
    this.#pending = this.#pending.filter((change) => !isHere(change))
  }

  #openFile(path: string, content: Content): OpenFile {
    return {
      path,
      write: async (buffers, position) => {
        const bytes = Buffer.concat(buffers)
        const code = this.fault('write', path)
        const written = code === undefined ? bytes : bytes.subarray(0, bytes.length >> 1)
        content.bytes = overwrite(content.bytes, position, written)
        const write = { position, bytes: written, isDone: false }
        content.unflushed.push(write)
        await tick()
        write.isDone = true
        if (code !== undefined) throw systemError('write', path, code)
      },
      read: async (buffer, position) => {
        await this.#begin('read', path)
        return content.bytes.copy(buffer, 0, position)
      },
      sync: async () => {
        // A write that is still under way when a flush begins need not be part of it.
        const done = content.unflushed.filter(({ isDone }) => isDone)
        await this.#begin('flush', path)
        this.flushes.set(path, (this.flushes.get(path) ?? 0) + 1)
        for (const { position, bytes } of done) {
          content.durable = overwrite(content.durable, position, bytes)
        }
        content.unflushed = content.unflushed.filter((write) => !done.includes(write))
      },
      truncate: async (sizeBytes) => {
        await tick()
        content.bytes = content.bytes.subarray(0, sizeBytes)
        content.durable = content.durable.subarray(0, sizeBytes)
        content.unflushed = content.unflushed.map((write) => ({
          ...write,
          bytes: write.bytes.subarray(0, Math.max(0, sizeBytes - write.position)),
        }))
      },
      close: () => Promise.resolve(),
    }
  }

  #change(change: NameChange): void {
    apply(change, this.#names)
    this.#pending.push(change)
  }

  #require(operation: string, path: string): Content {
    const content = this.#names.get(path)
    if (content === undefined) throw systemError(operation, path, 'ENOENT')
    return content
  }

  async #begin(operation: Operation, path: string): Promise<void> {
    await tick()
    const code = this.fault(operation, path)
    if (code !== undefined) throw systemError(operation, path, code)
  }
}

function apply(change: NameChange, names: Map<string, Content>): void {
  const [path] = change.paths
  switch (change.kind) {
    case 'create':
      names.set(path, change.content)
      return
    case 'remove':
      names.delete(path)
      return
    case 'removeTree':
      for (const name of names.keys()) if (name.startsWith(`${path}/`)) names.delete(name)
      return
    case 'rename':
      for (const [name, content] of names) {
        if (name !== path && !name.startsWith(`${path}/`)) continue
        names.delete(name)
        names.set(change.paths[1] + name.slice(path.length), content)
      }
  }
}

/** The durable bytes, and of each write since then nothing, a part or all. */
function whatIsLeft({ durable, unflushed }: Content, random: () => number): Buffer {
  let bytes: Buffer = Buffer.from(durable)
  for (const write of unflushed) {
    const fate = random()
    if (fate < 0.3) continue
    const length = fate < 0.6 ? Math.floor(random() * write.bytes.length) : write.bytes.length
    bytes = overwrite(bytes, write.position, write.bytes.subarray(0, length))
  }
  return bytes
}

/** Bytes between the end and `position` read as zeros, as in a sparse file. */
function overwrite(bytes: Buffer, position: number, written: Buffer): Buffer {
  if (written.length === 0) return bytes
  const result = Buffer.alloc(Math.max(bytes.length, position + written.length))
  bytes.copy(result)
  written.copy(result, position)
  return result
}

function systemError(operation: string, path: string, code: string): Error {
  return storageError(operation, path, Object.assign(new Error(`${code}: ${path}`), { code }))
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
