// Bounds what a handler writes below its directory for temporary files, as the size of Lambda's /tmp does.
import fs from 'node:fs'
import { join } from 'node:path'

const { lstatSync, readdirSync } = fs

/**
 * Counts what is written through node:fs; looks at the files themselves with the first write of an event, and
 * before it refuses, since files shrink, are overwritten and are removed.
 */
export class TmpQuota {
  readonly #directory: string
  readonly #maxBytes: number
  #usedBytes = 0
  #isMeasured = false

  constructor(directory: string, maxBytes: number) {
    this.#directory = directory
    this.#maxBytes = maxBytes
  }

  /** What others have written meanwhile, as child processes do, counts from the next write on. */
  begin(): void {
    this.#isMeasured = false
  }

  /** Throws ENOSPC, as a full disk does, where so much more does not fit. */
  take(bytes: number, syscall: string): void {
    if (!this.#isMeasured || this.#usedBytes + bytes > this.#maxBytes) {
      this.#usedBytes = sizeOf(this.#directory)
      this.#isMeasured = true
    }
    if (this.#usedBytes + bytes > this.#maxBytes) throw noSpace(syscall)
    this.#usedBytes += bytes
  }
}

function sizeOf(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    bytes += entry.isDirectory()
      ? sizeOf(path)
      : (lstatSync(path, { throwIfNoEntry: false })?.size ?? 0)
  }
  return bytes
}

function noSpace(syscall: string): Error {
  const error = new Error(`ENOSPC: no space left on device, ${syscall}`)
  return Object.assign(error, { errno: -28, code: 'ENOSPC', syscall })
}

/** How many bytes a call writes, by its data and what follows; what is not known counts when the files are looked at. */
export function bytesOfWrite(data: unknown, rest: readonly unknown[]): number {
  if (typeof data === 'string') return Buffer.byteLength(data)
  if (Array.isArray(data))
    return data.reduce<number>((sum, each) => sum + bytesOfWrite(each, []), 0)
  if (!ArrayBuffer.isView(data)) return 0
  const [first, second] = rest
  const { offset, length } = isOptions(first) ? first : { offset: first, length: second }
  if (typeof length === 'number') return length
  return data.byteLength - (typeof offset === 'number' ? offset : 0)
}

function isOptions(value: unknown): value is { offset?: unknown; length?: unknown } {
  return typeof value === 'object' && value !== null
}
