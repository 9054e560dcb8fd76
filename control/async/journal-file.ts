// One file of the queue's journal: appended to, read at any position, removed.
import { open, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** Opens a file that is not there yet; tests hand in one whose disk fails. */
export type CreateFile = (path: string) => Promise<Pick<FileHandle, JournalFileCalls>>
export type JournalFileCalls = 'writev' | 'datasync' | 'read' | 'close'

export const createFile: CreateFile = (path) => open(path, 'wx+', 0o600)

/** Ids of the events whose latest body lies in it: with none, nothing in it is needed. */
export class JournalFile {
  readonly path: string
  readonly live = new Set<string>()
  readonly #handle: Pick<FileHandle, JournalFileCalls>
  #sizeBytes: number
  #reads = 0
  #onIdle: (() => void) | undefined

  constructor(path: string, handle: Pick<FileHandle, JournalFileCalls>, sizeBytes: number) {
    this.path = path
    this.#handle = handle
    this.#sizeBytes = sizeBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Resolves with the position of the first byte. After a rejection the file takes no more. */
  async append(chunks: readonly Buffer[]): Promise<number> {
    const position = this.#sizeBytes
    let left = chunks.filter((chunk) => chunk.length > 0)
    while (left.length > 0) {
      const { bytesWritten } = await this.#handle.writev(left, this.#sizeBytes)
      this.#sizeBytes += bytesWritten
      left = rest(left, bytesWritten)
    }
    return position
  }

  flush(): Promise<void> {
    return this.#handle.datasync()
  }

  /** Exactly so many bytes. */
  async read(position: number, sizeBytes: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(sizeBytes)
    this.#reads += 1
    try {
      let filled = 0
      while (filled < sizeBytes) {
        const at = position + filled
        const { bytesRead } = await this.#handle.read(buffer, filled, sizeBytes - filled, at)
        if (bytesRead === 0) throw new Error(`${this.path} ends before ${position + sizeBytes}`)
        filled += bytesRead
      }
      return buffer
    } finally {
      this.#reads -= 1
      if (this.#reads === 0) this.#onIdle?.()
    }
  }

  /** After the reads that are under way. */
  async close(): Promise<void> {
    if (this.#reads > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    await this.#handle.close()
  }

  async remove(): Promise<void> {
    await this.close()
    await rm(this.path, { force: true })
  }
}

/** What of the chunks is left after a write that may have been short. */
function rest(chunks: Buffer[], written: number): Buffer[] {
  let index = 0
  let skip = written
  while (index < chunks.length && skip >= (chunks[index]?.length ?? 0)) {
    skip -= chunks[index]?.length ?? 0
    index += 1
  }
  const [first, ...others] = chunks.slice(index)
  return first === undefined ? [] : [first.subarray(skip), ...others]
}
