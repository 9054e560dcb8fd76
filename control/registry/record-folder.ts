// Keeps records as files, one each, durable before they are answered and read anew each time, which is seldom.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../common/errors.ts'
import { removeDurably, storageFailed, temporaryPrefix, writeDurably } from './durable-file.ts'

/** What a file holds, before it is known to be a record. */
export type Fields = Readonly<Record<string, unknown>>

export interface RecordFolderOptions<T> {
  readonly directory: string
  /** Undefined where a file's fields are no record. */
  readonly parse: (fields: Fields) => T | undefined
  /** What stands for a name in its file's; in small letters unless given, for names that differ in more than their case. */
  readonly fileNameOf?: (name: string) => string
}

const suffix = '.json'

/** Methods reject with AppError STORAGE_FAILED. */
export class RecordFolder<T extends { readonly name: string }> {
  readonly #options: RecordFolderOptions<T>
  #isSwept = false

  constructor(options: RecordFolderOptions<T>) {
    this.#options = options
  }

  /** By their names. */
  async all(): Promise<readonly T[]> {
    const { directory } = this.#options
    const names = await ifThere(directory, () => readdir(directory))
    const files = (names ?? []).filter((name) => name.endsWith(suffix) && !name.startsWith('.'))
    const records = await Promise.all(files.map((file) => this.#read(join(directory, file))))
    return records
      .filter((record) => record !== undefined)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async find(name: string): Promise<T | undefined> {
    return this.#read(this.#fileOf(name))
  }

  async put(record: T): Promise<void> {
    const { directory } = this.#options
    try {
      await mkdir(directory, { recursive: true })
      if (!this.#isSwept) await sweep(directory)
      this.#isSwept = true
    } catch (error) {
      throw storageFailed('create', directory, error)
    }
    const text = `${JSON.stringify({ format: 1, ...record }, undefined, 2)}\n`
    await writeDurably(this.#fileOf(record.name), text)
  }

  async remove(name: string): Promise<void> {
    await removeDurably(this.#fileOf(name))
  }

  /** The underscore keeps `.` and `..` from being names of files. */
  #fileOf(name: string): string {
    const { directory, fileNameOf = (each) => each.toLowerCase() } = this.#options
    return join(directory, `_${fileNameOf(name)}${suffix}`)
  }

  async #read(file: string): Promise<T | undefined> {
    const text = await ifThere(file, () => readFile(file, 'utf8'))
    if (text === undefined) return undefined
    const fields = parseJson(text)
    const record = fields?.['format'] === 1 ? this.#options.parse(fields) : undefined
    if (record !== undefined) return record
    throw storageFailed('read', file, new Error('it is no record of format 1'))
  }
}

/** Takes away what a crash left of unfinished writes: nobody else writes here. */
async function sweep(directory: string): Promise<void> {
  const left = (await readdir(directory)).filter((name) => name.startsWith(temporaryPrefix))
  for (const name of left) await rm(join(directory, name), { force: true })
}

export function isTexts(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).every((each) => typeof each === 'string')
}

function parseJson(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

async function ifThere<T>(file: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw storageFailed('read', file, error)
  }
}
