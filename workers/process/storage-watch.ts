// Looks at what environments have in their temporary directories, and tells who has too much.
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Timer } from '../../common/clock.ts'
import { systemCode } from '../../common/errors.ts'
import { storageCheckIntervalMs, storageLookCostFactor } from '../../common/process-limits.ts'

export interface WatchedStorage {
  readonly directory: string
  readonly maxBytes: number
  readonly isBusy: () => boolean
  /** Called once. */
  readonly onExceeded: (bytes: number) => void
}

/** One for all environments, for one look at a time. Without a mount of its own nothing else stops a process from writing. */
export class StorageWatch {
  readonly #clock: Clock
  /** Who may have written since the last look. */
  readonly #watched = new Set<WatchedStorage>()
  #timer: Timer | undefined
  #isLooking = false
  #waitMs = storageCheckIntervalMs

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** An event begins: it is looked at until one look has begun after the event's end. */
  add(watched: WatchedStorage): void {
    this.#watched.add(watched)
    this.#arm()
  }

  remove(watched: WatchedStorage): void {
    this.#watched.delete(watched)
  }

  close(): void {
    this.#watched.clear()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    if (this.#isLooking || this.#watched.size === 0) return
    this.#timer ??= this.#clock.after(this.#waitMs, () => {
      this.#timer = undefined
      void this.#look()
    })
  }

  async #look(): Promise<void> {
    this.#isLooking = true
    const startedMs = performance.now()
    // Those of now: who is added meanwhile has the next look.
    const lookedAt = [...this.#watched]
    for (const watched of lookedAt) {
      const wasBusy = watched.isBusy()
      const bytes = await allocatedBytes(watched.directory)
      if (!this.#watched.has(watched)) continue
      if (bytes <= watched.maxBytes && wasBusy) continue
      this.#watched.delete(watched)
      if (bytes > watched.maxBytes) watched.onExceeded(bytes)
    }
    const tookMs = performance.now() - startedMs
    this.#waitMs = Math.max(storageCheckIntervalMs, storageLookCostFactor * tookMs)
    this.#isLooking = false
    this.#arm()
  }
}

/** What files below the directory take on the disk; what cannot be looked at counts for nothing. */
async function allocatedBytes(directory: string): Promise<number> {
  try {
    let bytes = 0
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name)
      bytes += entry.isDirectory() ? await allocatedBytes(path) : await sizeOf(path)
    }
    return bytes
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return 0
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await lstat(path)).blocks * 512
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return 0
  }
}
