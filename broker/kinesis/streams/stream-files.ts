// Keeps what is known of each stream in a small file of its own, durable before anybody is told.
import { dirname, join } from 'node:path'
import { AppError } from '../../../common/errors.ts'
import { isMissing, replaceFile, type FileSystem } from '../../log/file-system.ts'
import { encodeStreamRecord, parseStreamRecord, type StreamRecord } from './stream-record.ts'

const ending = '.json'

/** Every method rejects with AppError STORAGE_FAILED where the disk fails. */
export class StreamFiles {
  readonly #files: FileSystem
  readonly #directory: string
  #isMade = false

  constructor(files: FileSystem, directory: string) {
    this.#files = files
    this.#directory = directory
  }

  /** All that there are, by the stream's name. Rejects with AppError LOG_CORRUPT where a file is not a stream's. */
  async open(): Promise<ReadonlyMap<string, StreamRecord>> {
    const records = new Map<string, StreamRecord>()
    for (const file of await this.#files.list(this.#directory)) {
      if (!file.endsWith(ending)) continue
      const record = await this.#read(join(this.#directory, file))
      if (record !== undefined) records.set(file.slice(0, -ending.length), record)
    }
    return records
  }

  async write(name: string, record: StreamRecord): Promise<void> {
    await this.#make()
    await replaceFile(this.#files, this.#path(name), encodeStreamRecord(record))
  }

  async remove(name: string): Promise<void> {
    await this.#files.remove(this.#path(name))
    await this.#files.syncDirectory(this.#directory)
  }

  /** With the first stream: a flush is time that no start should take. The directory's own name has to be on the disk as well. */
  async #make(): Promise<void> {
    if (this.#isMade) return
    await this.#files.makeDirectory(this.#directory)
    await this.#files.syncDirectory(dirname(this.#directory))
    this.#isMade = true
  }

  async #read(file: string): Promise<StreamRecord | undefined> {
    try {
      const record = parseStreamRecord((await this.#files.readFile(file)).toString())
      if (record !== undefined) return record
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
    const reason = 'it does not describe a stream'
    throw new AppError('LOG_CORRUPT', { file, position: 0, reason })
  }

  #path(name: string): string {
    return join(this.#directory, `${name}${ending}`)
  }
}
