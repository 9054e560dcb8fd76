// Checks a log's directory that nobody has open, and changes nothing: topics, segments, checkpoint, write-ahead log.
import { join } from 'node:path'
import { directAheadMaxBytes } from '../../common/limits.ts'
import { parseCheckpoint, type Checkpoint } from './checkpoint-file.ts'
import { CheckReport, refuses } from './check-report.ts'
import { isMissing, type FileSystem } from './file-system.ts'
import { walTopicId } from './open-partitions.ts'
import { checkPartitionFiles } from './partition-files-check.ts'
import { WalRemains } from './store-recovery.ts'
import { parseTopicRecord, type TopicRecord } from './topic.ts'
import { WalAdvice } from './wal-advice.ts'
import { checkWal } from './wal-check.ts'

export interface CheckOptions {
  readonly files: FileSystem
  readonly dir: string
  /** Called now and then while the counts grow. */
  readonly progress?: (report: CheckReport) => void
}

interface FoundTopic extends TopicRecord {
  readonly name: string
}

/** Reads everything. Rejects with AppError STORAGE_FAILED where the disk does not let it. */
export async function checkLog(options: CheckOptions): Promise<CheckReport> {
  const check = new LogCheck(options)
  await check.run()
  return check.report
}

class LogCheck {
  readonly report = new CheckReport()
  readonly #files: FileSystem
  readonly #dir: string
  readonly #progress: () => void

  constructor({ files, dir, progress }: CheckOptions) {
    this.#files = files
    this.#dir = dir
    this.#progress = () => progress?.(this.report)
  }

  async run(): Promise<void> {
    const topics = await this.#topics()
    await this.#measure(topics)
    const checkpoint = await this.#checkpoint(topics)
    const remains = await WalRemains.find(this.#files, this.#dir)
    const ends = new Map<string, readonly number[]>()
    for (const topic of topics)
      ends.set(walTopicId(topic.id), await this.#topic(topic, checkpoint, remains))
    const counted = (bytes: number): void => this.#count(bytes)
    await checkWal({ files: this.#files, dir: this.#dir, remains, ends }, this.report, counted)
    await this.#graves()
  }

  async #topics(): Promise<readonly FoundTopic[]> {
    const directory = join(this.#dir, 'topics')
    const found: FoundTopic[] = []
    for (const name of await this.#files.list(directory)) {
      const record = await this.#topicRecord(join(directory, name))
      if (record === undefined) continue
      const twin = found.find(({ id }) => id === record.id)
      if (twin !== undefined) {
        const problem = `it has the id of topic ${twin.name}`
        const start = 'gives what the write-ahead log has of both to one of them'
        this.report.damage(join(directory, name, 'topic.json'), undefined, problem, start)
      }
      found.push({ name, ...record })
      this.report.counts.topics += 1
    }
    return found
  }

  async #topicRecord(directory: string): Promise<TopicRecord | undefined> {
    const path = join(directory, 'topic.json')
    const text = await this.#readIfThere(path)
    if (text !== undefined) {
      const record = parseTopicRecord(text.toString())
      if (record !== undefined) return record
      this.report.damage(path, 0, 'it does not describe a topic', refuses)
      return undefined
    }
    for (const partition of await this.#files.list(directory)) {
      const logs = await this.#files.list(join(directory, partition))
      if (!logs.some((name) => name.endsWith('.log'))) continue
      const problem = `it is missing, and ${partition}/ beside it holds records`
      this.report.damage(path, undefined, problem, refuses)
      return undefined
    }
    this.report.note(directory, undefined, 'a topic that was half made', 'removes it')
    return undefined
  }

  async #checkpoint(topics: readonly FoundTopic[]): Promise<Checkpoint | undefined> {
    const path = join(this.#dir, 'checkpoint.json')
    const text = await this.#readIfThere(path)
    const checkpoint = text && parseCheckpoint(text.toString())
    if (text !== undefined && checkpoint === undefined) {
      const problem = 'it is not what was written'
      const start =
        'scans all segments; records that were deleted come back until retention drops them'
      this.report.damage(path, 0, problem, start)
    }
    for (const id of checkpoint?.keys() ?? []) {
      if (topics.some((topic) => topic.id === id)) continue
      this.report.note(path, undefined, `it tells of topic ${id}, which is gone`, 'forgets it')
    }
    if ((await this.#files.facts(`${path}.tmp`)) !== undefined) {
      this.report.note(`${path}.tmp`, undefined, 'a write that was cut off', 'leaves it')
    }
    return checkpoint
  }

  /** Resolves with where each partition's segments end. */
  async #topic(
    topic: FoundTopic,
    checkpoint: Checkpoint | undefined,
    remains: WalRemains,
  ): Promise<readonly number[]> {
    const directory = join(this.#dir, 'topics', topic.name)
    // As a start does.
    const aheadMaxBytes = checkpoint === undefined ? 0 : directAheadMaxBytes
    const ends: number[] = []
    for (let index = 0; index < topic.partitions; index++) {
      this.report.counts.partitions += 1
      const partition = {
        directory: join(directory, String(index)),
        point: checkpoint?.get(topic.id)?.[index],
        wal: new WalAdvice({ topicId: walTopicId(topic.id), index }, { remains, aheadMaxBytes }),
      }
      const counted = (bytes: number): void => this.#count(bytes)
      ends.push(await checkPartitionFiles(this.#files, partition, this.report, counted))
    }
    for (const name of await this.#files.list(directory)) {
      const isKnown = name === 'topic.json' || Number(name) < topic.partitions
      if (isKnown) continue
      this.report.note(join(directory, name), undefined, 'it belongs to no partition', 'leaves it')
    }
    return ends
  }

  async #graves(): Promise<void> {
    const directory = join(this.#dir, 'deleted')
    for (const name of await this.#files.list(directory)) {
      this.report.note(join(directory, name), undefined, 'a topic that was deleted', 'removes it')
    }
  }

  async #measure(topics: readonly FoundTopic[]): Promise<void> {
    const { counts } = this.report
    const directories = topics.flatMap(({ name, partitions }) =>
      Array.from({ length: partitions }, (_, index) =>
        join(this.#dir, 'topics', name, String(index)),
      ),
    )
    for (const directory of [...directories, join(this.#dir, 'wal')]) {
      for (const name of await this.#files.list(directory)) {
        if (!/\.(log|wal)$/.test(name)) continue
        const facts = await this.#files.facts(join(directory, name))
        counts.bytesInAll += facts?.sizeBytes ?? 0
      }
    }
  }

  #count(bytes: number): void {
    this.report.counts.bytes += bytes
    this.#progress()
  }

  async #readIfThere(path: string): Promise<Buffer | undefined> {
    try {
      return await this.#files.readFile(path)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
}
