// The directories of topics: makes, lists, renames and removes them so that a crash leaves no half.
import { join } from 'node:path'
import { AppError } from '../../common/errors.ts'
import { isMissing, replaceFile, type FileSystem } from './file-system.ts'
import { encodeTopicRecord, parseTopicRecord, type TopicRecord } from './topic.ts'

export interface FoundTopic {
  readonly name: string
  readonly record: TopicRecord
}

/** `topics/<name>/topic.json` says what a topic is; `deleted/<id>` holds what is still to be removed. */
export class TopicDirectory {
  readonly #files: FileSystem
  readonly #topics: string
  readonly #deleted: string

  constructor(files: FileSystem, dir: string) {
    this.#files = files
    this.#topics = join(dir, 'topics')
    this.#deleted = join(dir, 'deleted')
  }

  partition(name: string, index: number): string {
    return join(this.#topics, name, String(index))
  }

  /** All topics. What a crash left of one half made, or half removed, is gone afterwards. */
  async open(): Promise<readonly FoundTopic[]> {
    await this.#files.makeDirectory(this.#topics)
    await this.#files.removeTree(this.#deleted)
    await this.#files.makeDirectory(this.#deleted)
    const found: FoundTopic[] = []
    for (const name of await this.#files.list(this.#topics)) {
      const record = await this.#read(name)
      if (record === undefined) await this.#files.removeTree(join(this.#topics, name))
      else found.push({ name, record })
    }
    return found
  }

  /** Durable when it resolves. */
  async write(name: string, record: TopicRecord): Promise<void> {
    await this.#files.makeDirectory(join(this.#topics, name))
    await replaceFile(this.#files, this.#recordPath(name), encodeTopicRecord(record))
    await this.#files.syncDirectory(this.#topics)
  }

  /** The topic is gone for good when it resolves; its files are when the promise inside does. */
  async remove(name: string, id: string): Promise<{ readonly files: Promise<void> }> {
    const grave = join(this.#deleted, id)
    await this.#files.rename(join(this.#topics, name), grave)
    await this.#files.syncDirectory(this.#topics)
    return { files: this.#files.removeTree(grave) }
  }

  #recordPath(name: string): string {
    return join(this.#topics, name, 'topic.json')
  }

  async #read(name: string): Promise<TopicRecord | undefined> {
    const file = this.#recordPath(name)
    try {
      const record = parseTopicRecord((await this.#files.readFile(file)).toString())
      if (record !== undefined) return record
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
    throw new AppError('LOG_CORRUPT', { file, position: 0, reason: 'it does not describe a topic' })
  }
}
