// A file system in memory that knows what a power cut would leave of it, and fails when told to.
import assert from 'node:assert/strict'
import { basename, dirname, join } from 'node:path'
import {
  storageError,
  type BlockMemorySize,
  type FileFacts,
  type FileSystem,
  type OpenFile,
  type OpenMode,
} from '../../broker/log/file-system.ts'
import { MemoryFile } from './memory-file.ts'

/** A directory's names, as they are and as the disk has them for sure. */
class Directory {
  readonly names = new Map<string, Node>()
  durable = new Map<string, Node>()
  /** What a name stood for since it was last flushed; a cut leaves any of these. */
  history = new Map<string, (Node | undefined)[]>()

  set(name: string, node: Node | undefined): void {
    const states = this.history.get(name) ?? []
    this.history.set(name, [...states, node])
    if (node === undefined) this.names.delete(name)
    else this.names.set(name, node)
  }

  flush(): void {
    this.durable = new Map(this.names)
    this.history = new Map()
  }
}

type Node = Directory | MemoryFile

export type Operation = 'open' | 'write' | 'read' | 'flush' | 'rename' | 'remove' | 'truncate'

/**
 * POSIX taken at its word: a name that was made, renamed or removed is on the disk once its directory was
 * flushed, and until then each name is for itself; a rename is seen as a whole. The root alone is given.
 */
export class MemoryFileSystem implements FileSystem {
  /** Returns the system's code to fail with, or undefined. A failing write leaves half of itself. */
  fault: (operation: Operation, path: string) => string | undefined = () => undefined
  /** How often files were flushed, by path. */
  readonly flushes = new Map<string, number>()
  /** So small that a few records fill some. */
  readonly blockBytes = 64
  /** How many blocks were written past the cache, and read. */
  blocksWritten = 0
  blocksRead = 0
  readonly #blockMemory = new WeakSet<ArrayBufferLike>()
  readonly #root: Directory

  constructor(root = new Directory()) {
    this.#root = root
  }

  /** What is there after a power cut at this moment; `random` is from 0 to below 1. */
  cut(random: () => number): MemoryFileSystem {
    const seen = new Set<Node>()
    const leave = (directory: Directory): Directory => {
      seen.add(directory)
      const left = new Directory()
      for (const name of new Set([...directory.durable.keys(), ...directory.history.keys()])) {
        const states = [directory.durable.get(name), ...(directory.history.get(name) ?? [])]
        const node = states[Math.floor(random() * states.length)]
        // A directory has one name: where a rename left both, it is the first that is come upon.
        if (node === undefined || (node instanceof Directory && seen.has(node))) continue
        left.names.set(name, node instanceof Directory ? leave(node) : node.cut(random))
      }
      left.flush()
      return left
    }
    return new MemoryFileSystem(leave(this.#root))
  }

  /** What is there after a kill of the process: all of it, flushed or not as it was. */
  kill(): MemoryFileSystem {
    const copies = new Map<Node, Node>()
    const copyOf = (node: Node): Node => {
      const known = copies.get(node)
      if (known !== undefined) return known
      if (node instanceof MemoryFile) {
        const file = node.kill()
        copies.set(node, file)
        return file
      }
      const copy = new Directory()
      copies.set(node, copy)
      for (const [name, child] of node.names) copy.names.set(name, copyOf(child))
      for (const [name, child] of node.durable) copy.durable.set(name, copyOf(child))
      for (const [name, states] of node.history) {
        const copied = states.map((state) => state && copyOf(state))
        copy.history.set(name, copied)
      }
      return copy
    }
    return new MemoryFileSystem(copyOf(this.#root) as Directory)
  }

  /** A copy of the files as they are, all of them flushed. */
  copy(): MemoryFileSystem {
    const after = new MemoryFileSystem()
    for (const path of this.paths()) after.put(path, this.bytesOf(path))
    return after
  }

  /** All files. */
  paths(): readonly string[] {
    const found: string[] = []
    const walk = (directory: Directory, path: string): void => {
      for (const [name, node] of directory.names) {
        if (node instanceof Directory) walk(node, join(path, name))
        else found.push(join(path, name))
      }
    }
    walk(this.#root, '/')
    return found.sort()
  }

  bytesOf(path: string): Buffer {
    return this.#file('read', path).bytes
  }

  /** Puts a durable file there. */
  put(path: string, bytes: Buffer): void {
    const parent = this.#makeDirectory(dirname(path), (directory) => directory.flush())
    parent.set(basename(path), new MemoryFile(bytes))
    parent.flush()
  }

  blockMemory(_: string, { count, bytes }: BlockMemorySize): Promise<readonly Buffer[]> {
    const memory = Array.from({ length: count }, () => Buffer.allocUnsafeSlow(bytes))
    for (const { buffer } of memory) this.#blockMemory.add(buffer)
    return Promise.resolve(memory)
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    await this.#begin('open', path)
    if (mode === 'create') this.#create(path)
    return this.#openFile(path, this.#file('open', path))
  }

  async readFile(path: string): Promise<Buffer> {
    await this.#begin('read', path)
    return Buffer.from(this.#file('read', path).bytes)
  }

  facts(path: string): Promise<FileFacts | undefined> {
    const node = this.#find(path)
    const isFile = node instanceof MemoryFile
    return Promise.resolve(
      isFile ? { sizeBytes: node.sizeBytes, modifiedMs: 1_000_000 } : undefined,
    )
  }

  list(path: string): Promise<readonly string[]> {
    const node = this.#find(path)
    return Promise.resolve(node instanceof Directory ? [...node.names.keys()].sort() : [])
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#begin('open', path)
    this.#makeDirectory(path)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#begin('rename', from)
    const node = this.#find(from)
    if (node === undefined) throw systemError('rename', from, 'ENOENT')
    this.#parent('rename', to).set(basename(to), node)
    this.#parent('rename', from).set(basename(from), undefined)
  }

  async remove(path: string): Promise<void> {
    await this.#begin('remove', path)
    if (this.#find(path) !== undefined) this.#parent('remove', path).set(basename(path), undefined)
  }

  async removeTree(path: string): Promise<void> {
    await this.#begin('remove', path)
    const node = this.#find(path)
    if (node === undefined) return
    if (node instanceof Directory) empty(node)
    this.#parent('remove', path).set(basename(path), undefined)
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#begin('flush', path)
    const directory = this.#find(path)
    if (!(directory instanceof Directory)) throw systemError('flush', path, 'ENOENT')
    directory.flush()
  }

  #create(path: string): void {
    const node = this.#find(path)
    if (node instanceof MemoryFile) return node.truncate(0)
    this.#parent('open', path).set(basename(path), new MemoryFile())
  }

  #openFile(path: string, file: MemoryFile): OpenFile {
    return {
      path,
      write: (buffers, position) => this.#write(path, file, [[Buffer.concat(buffers), position]]),
      writeBlocks: async (blocks, position) => {
        assert(position % this.blockBytes === 0, 'blocks have their places')
        assert(blocks.length % this.blockBytes === 0, 'blocks are whole')
        assert(this.#blockMemory.has(blocks.buffer), 'blocks lie in memory for them')
        // Each reaches the disk for itself.
        const each: [Buffer, number][] = []
        for (let at = 0; at < blocks.length; at += this.blockBytes) {
          each.push([Buffer.from(blocks.subarray(at, at + this.blockBytes)), position + at])
        }
        await this.#write(path, file, each, true)
        this.blocksWritten += each.length
      },
      readBlocks: async (blocks, position) => {
        assert(position % this.blockBytes === 0, 'blocks have their places')
        assert(blocks.length % this.blockBytes === 0, 'blocks are whole')
        assert(this.#blockMemory.has(blocks.buffer), 'blocks lie in memory for them')
        await this.#begin('read', path)
        const bytes = file.bytesPastCache().subarray(position).copy(blocks)
        this.blocksRead += Math.ceil(bytes / this.blockBytes)
        return bytes
      },
      read: async (buffer, position) => {
        await this.#begin('read', path)
        return file.bytes.copy(buffer, 0, position)
      },
      sync: async () => {
        const flush = file.beginFlush()
        await tick()
        const code = this.fault('flush', path)
        flush(code === undefined)
        if (code !== undefined) throw systemError('flush', path, code)
        this.flushes.set(path, (this.flushes.get(path) ?? 0) + 1)
      },
      truncate: async (sizeBytes) => {
        await this.#begin('truncate', path)
        file.truncate(sizeBytes)
      },
      close: () => Promise.resolve(),
    }
  }

  async #write(
    path: string,
    file: MemoryFile,
    parts: [Buffer, number][],
    isPastCache = false,
  ): Promise<void> {
    const code = this.fault('write', path)
    const done = (code === undefined ? parts : parts.slice(0, Math.ceil(parts.length / 2))).map(
      ([bytes, position]) => {
        const isHalf = code !== undefined && parts.length === 1
        const written = isHalf ? bytes.subarray(0, bytes.length >> 1) : bytes
        return file.write(written, position, isPastCache)
      },
    )
    await tick()
    for (const end of done) end()
    if (code !== undefined) throw systemError('write', path, code)
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of path.split('/').filter((part) => part !== '')) {
      node = node instanceof Directory ? node.names.get(name) : undefined
    }
    return node
  }

  #file(operation: string, path: string): MemoryFile {
    const node = this.#find(path)
    if (!(node instanceof MemoryFile)) throw systemError(operation, path, 'ENOENT')
    return node
  }

  #parent(operation: string, path: string): Directory {
    const node = this.#find(dirname(path))
    if (!(node instanceof Directory)) throw systemError(operation, path, 'ENOENT')
    return node
  }

  #makeDirectory(path: string, made: (directory: Directory) => void = () => {}): Directory {
    let directory = this.#root
    for (const name of path.split('/').filter((part) => part !== '')) {
      let next = directory.names.get(name)
      if (next === undefined) directory.set(name, (next = new Directory()))
      if (!(next instanceof Directory)) throw systemError('create', path, 'ENOTDIR')
      made(directory)
      directory = next
    }
    return directory
  }

  async #begin(operation: Operation, path: string): Promise<void> {
    await tick()
    const code = this.fault(operation, path)
    if (code !== undefined) throw systemError(operation, path, code)
  }
}

function empty(directory: Directory): void {
  for (const [name, node] of directory.names) {
    if (node instanceof Directory) empty(node)
    directory.set(name, undefined)
  }
}

function systemError(operation: string, path: string, code: string): Error {
  return storageError(operation, path, Object.assign(new Error(`${code}: ${path}`), { code }))
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
