// The directories of topics: makes, lists, renames and removes them so that a crash leaves no half.
import { join } from 'node:path'
import { AppError } from '../../common/errors.ts'
import { InvalidConfigError } from './config-value.ts'
import { isMissing, isStorageError, replaceFile, type FileSystem } from './file-system.ts'
import { checkTopicConfigs } from './topic-config.ts'
import { encodeTopicRecord, parseTopicRecord, type TopicRecord } from './topic.ts'

export interface FoundTopic {
  readonly name: string
  readonly record: TopicRecord
}

export interface RemovedTopic {
  readonly files: Promise<void>
  readonly failure?: AppError
}

/** `topics/<name>/topic.json` says what a topic is; `deleted/<id>` holds what is still to be removed. */
export class TopicDirectory {
  readonly #files: FileSystem
  readonly #topics: string
  readonly #deleted: string
  #isFlushed = true

  constructor(files: FileSystem, dir: string) {
    this.#files = files
    this.#topics = join(dir, 'topics')
    this.#deleted = join(dir, 'deleted')
  }

  partition(name: string, index: number): string {
    return join(this.#topics, name, String(index))
  }

  /**
   * All topics. What a crash left of one half made, or half removed, is gone afterwards. Rejects with
   * AppError STORAGE_FAILED, or LOG_CORRUPT where a directory has records and nothing says of which topic.
   */
  async open(): Promise<readonly FoundTopic[]> {
    // A removal counts before what it removed is touched, whatever the disk has had of the rename.
    await this.#files.syncDirectory(this.#topics)
    await this.#files.removeTree(this.#deleted)
    await this.#files.makeDirectory(this.#deleted)
    const found: FoundTopic[] = []
    for (const name of await this.#files.list(this.#topics)) {
      const record = await this.#read(name)
      if (record === undefined) {
        await this.#removeHalfMade(name)
        continue
      }
      // One whose making was cut off counts from now on, so the disk has to have its names as well.
      await this.#files.syncDirectory(join(this.#topics, name))
      found.push({ name, record })
    }
    return found
  }

  /** Durable when it resolves. */
  async write(name: string, record: TopicRecord): Promise<void> {
    await this.#files.makeDirectory(join(this.#topics, name))
    await replaceFile(this.#files, this.#recordPath(name), encodeTopicRecord(record))
    await this.#files.syncDirectory(this.#topics)
  }

  /**
   * The topic is gone for good when it resolves; its files are when `files` does. When it rejects all is as it
   * was. `failure` is for a disk that lets neither be: the topic is gone, and `flush` has to bring that about.
   */
  async remove(name: string, id: string): Promise<RemovedTopic> {
    const place = join(this.#topics, name)
    const grave = join(this.#deleted, id)
    await this.#files.rename(place, grave)
    try {
      await this.#files.syncDirectory(this.#topics)
    } catch (error) {
      if (!isStorageError(error)) throw error
      if (await this.#isBack(grave, place)) throw error
      this.#isFlushed = false
      return { files: Promise.resolve(), failure: error }
    }
    this.#isFlushed = true
    return { files: this.#files.removeTree(grave) }
  }

  /** Whatever was removed is so for good when it resolves. */
  async flush(): Promise<void> {
    if (this.#isFlushed) return
    await this.#files.syncDirectory(this.#topics)
    this.#isFlushed = true
  }

  async #isBack(from: string, to: string): Promise<boolean> {
    try {
      await this.#files.rename(from, to)
      return true
    } catch (error) {
      if (!isStorageError(error)) throw error
      return false
    }
  }

  /** The record is durable before any segment is made, so one without the other is no half of a topic. */
  async #removeHalfMade(name: string): Promise<void> {
    const directory = join(this.#topics, name)
    for (const partition of await this.#files.list(directory)) {
      const files = await this.#files.list(join(directory, partition))
      const log = files.find((file) => file.endsWith('.log'))
      if (log === undefined) continue
      const reason = `it holds records (${partition}/${log}) and does not say of which topic`
      throw new AppError('LOG_CORRUPT', { file: this.#recordPath(name), position: 0, reason })
    }
    await this.#files.removeTree(directory)
  }

  #recordPath(name: string): string {
    return join(this.#topics, name, 'topic.json')
  }

  async #read(name: string): Promise<TopicRecord | undefined> {
    const file = this.#recordPath(name)
    try {
      const record = parseTopicRecord((await this.#files.readFile(file)).toString())
      if (record === undefined) throw damaged(file, 'it does not describe a topic')
      checkTopicConfigs(record.configs)
      return record
    } catch (error) {
      if (isMissing(error)) return undefined
      // A later version may have written it, which knows more configurations.
      if (error instanceof InvalidConfigError) throw damaged(file, error.message)
      throw error
    }
  }
}

function damaged(file: string, reason: string): AppError {
  return new AppError('LOG_CORRUPT', { file, position: 0, reason })
}
