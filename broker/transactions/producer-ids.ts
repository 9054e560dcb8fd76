// Gives out producer ids, none of them twice: blocks of them are set aside in a file first.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { AppError } from '../../common/errors.ts'
import { producerIdBlock } from '../../common/producer-limits.ts'
import { isMissing, replaceFile, type FileSystem } from '../log/file-system.ts'

/**
 * Invariant: every id that was given out is below the number in the file. A start goes on from there, so what was left of
 * a block is never used.
 */
export class ProducerIds {
  readonly #files: FileSystem
  readonly #path: string
  #next: number
  #end: number
  #reserving: Promise<void> | undefined

  private constructor(files: FileSystem, path: string, next: number) {
    this.#files = files
    this.#path = path
    this.#next = next
    this.#end = next
  }

  /** Rejects with AppError LOG_CORRUPT where the file says nothing that could be gone on from. */
  static async open(files: FileSystem, directory: string): Promise<ProducerIds> {
    const path = join(directory, 'producer-ids')
    return new ProducerIds(files, path, await readNext(files, path))
  }

  /** Rejects with AppError STORAGE_FAILED. */
  async next(): Promise<number> {
    while (this.#next === this.#end) {
      this.#reserving ??= this.#reserve().finally(() => (this.#reserving = undefined))
      await this.#reserving
    }
    return this.#next++
  }

  async #reserve(): Promise<void> {
    const end = this.#end + producerIdBlock
    assert(Number.isSafeInteger(end), 'ids are safe integers')
    await replaceFile(this.#files, this.#path, Buffer.from(`${end}\n`))
    this.#end = end
  }
}

async function readNext(files: FileSystem, path: string): Promise<number> {
  let text: string
  try {
    text = (await files.readFile(path)).toString().trim()
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
  const next = /^\d{1,16}$/.test(text) ? Number(text) : NaN
  if (Number.isSafeInteger(next)) return next
  const reason = 'it does not hold the next producer id'
  throw new AppError('LOG_CORRUPT', { file: path, position: 0, reason })
}
