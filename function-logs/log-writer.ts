// Writes the logs of all groups of a process: flushes in turns, bounds what waits and what is open.
import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '../common/clock.ts'
import { reasonOf } from '../common/errors.ts'
import {
  logFlushIntervalMs,
  logGroupsMax,
  logIdleCloseMs,
  logOpenFilesMax,
  logPendingTotalMaxBytes,
} from '../common/log-limits.ts'
import type { Logger } from '../common/logger.ts'
import { GroupWriter, type GroupWriterOptions, type LogCounters } from './group-writer.ts'
import { TotalKeeper } from './total-keeper.ts'

export interface LogWriterOptions {
  /** The folder of all groups. */
  readonly root: string
  /** What the chunks of one group may take, in bytes. */
  readonly groupMaxBytes: number
  /** What the chunks of all groups together may take, in bytes. */
  readonly totalMaxBytes: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Nothing here blocks or throws for a caller: what cannot be written is counted as dropped. */
export class LogWriter {
  readonly counters: LogCounters = {
    writtenBytes: 0,
    writtenEvents: 0,
    droppedBytes: 0,
    droppedEvents: 0,
    pendingBytes: 0,
    openFiles: 0,
    chunks: 0,
  }
  readonly #options: LogWriterOptions
  readonly #shared: GroupWriterOptions
  readonly #groups = new Map<string, GroupWriter>()
  readonly #dirty = new Set<GroupWriter>()
  readonly #open = new Set<GroupWriter>()
  #timer: Timer | undefined
  #dueMs = 0
  #flushing: Promise<void> | undefined
  readonly #total: TotalKeeper
  #tidying: Promise<void> | undefined
  #warnedDropped = 0

  constructor(options: LogWriterOptions) {
    this.#options = options
    this.#total = new TotalKeeper({ ...options, counters: this.counters })
    this.#shared = {
      ...options,
      writer: randomBytes(4).readUInt32BE(),
      counters: this.counters,
      onPending: (group) => {
        this.#dirty.add(group)
        this.#schedule()
      },
    }
  }

  /** Whether there is room for more of any group. */
  get acceptsMore(): boolean {
    return this.counters.pendingBytes < logPendingTotalMaxBytes
  }

  group(name: string): GroupWriter {
    let group = this.#groups.get(name)
    if (group === undefined) {
      if (this.#groups.size >= logGroupsMax) this.#forgetOne()
      group = new GroupWriter(name, this.#shared)
      this.#groups.set(name, group)
    }
    return group
  }

  /** Resolves when everything appended before is in its file, or dropped. */
  async flush(): Promise<void> {
    if (this.#flushing !== undefined) await this.#flushing
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined
      // What came meanwhile, and files to be closed once they rest.
      if (this.#dirty.size > 0 || this.#open.size > 0) this.#schedule()
    })
    return this.#flushing
  }

  /** Resolves when the flush that is under way has ended, and what it made room for. */
  async settled(): Promise<void> {
    await this.#flushing
    await this.#tidying
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    await this.flush()
    this.#timer?.cancel()
    await this.#tidying
    await Promise.all([...this.#open].map((group) => group.close()))
    this.#open.clear()
  }

  #schedule(): void {
    if (this.#flushing !== undefined) return
    const dueMs =
      this.#options.clock.now() + (this.#dirty.size > 0 ? logFlushIntervalMs : logIdleCloseMs)
    // A line does not wait for the time at which idle files are closed.
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return
    this.#timer?.cancel()
    this.#dueMs = dueMs
    this.#timer = this.#options.clock.after(dueMs - this.#options.clock.now(), () => {
      this.#timer = undefined
      void this.flush()
    })
  }

  async #flushAll(): Promise<void> {
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    // One after another: a handful of writes under way would only wait for the same disk.
    for (const group of dirty) await this.#flushOne(group)
    for (const group of this.#open) {
      if (group.isResting || this.counters.openFiles > logOpenFilesMax) {
        this.#open.delete(group)
        await group.close()
      }
    }
    this.#warn()
    if (this.#total.isDue) this.#tidying ??= this.#tidy().finally(() => (this.#tidying = undefined))
  }

  /** Beside the flushes: a look at thousands of groups takes a moment. */
  async #tidy(): Promise<void> {
    try {
      await this.#total.tidy()
    } catch (error) {
      this.#options.logger.error("functions' logs were not kept to their bound", {
        reason: reasonOf(error),
      })
    }
  }

  async #flushOne(group: GroupWriter): Promise<void> {
    try {
      await group.flush()
      if (group.isOpen) this.#open.add(group)
    } catch (error) {
      this.#options.logger.error("a function's log was not written", {
        group: group.name,
        reason: reasonOf(error),
      })
    }
  }

  #warn(): void {
    const { droppedEvents } = this.counters
    if (droppedEvents === this.#warnedDropped) return
    const events = droppedEvents - this.#warnedDropped
    this.#warnedDropped = droppedEvents
    this.#options.logger.warn('lines of functions were dropped from their logs', { events })
  }

  /** A group that is written to again gets a chunk of its own then. */
  #forgetOne(): void {
    for (const [name, group] of this.#groups) {
      if (group.isOpen || group.pendingBytes > 0) continue
      this.#groups.delete(name)
      return
    }
  }
}
