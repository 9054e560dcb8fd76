// Gives each thread of a pool a directory for temporary files, which outlives a crash as an environment's /tmp does.
import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClaimedDirectory } from './claimed-directory.ts'

/** Of a place that no thread has: with nothing in it, with what a thread left that crashed, about to be emptied. */
const empty = 0
const left = -1
const leaving = -2

/** What threads are handed at their start. */
export interface SharedDirectories {
  readonly root: string
  /** By directory: `empty`, `left`, `leaving`, or the id of the thread that has it, which begins at 1. */
  readonly owners: Int32Array<SharedArrayBuffer>
}

/** On the thread's side: takes a directory that is left by a crash before an empty one. */
export function claimDirectory({ root, owners }: SharedDirectories, threadId: number): string {
  for (const state of [left, empty]) {
    for (let place = 0; place < owners.length; place++) {
      if (Atomics.compareExchange(owners, place, state, threadId) !== state) continue
      const directory = join(root, String(place))
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      return directory
    }
  }
  // What ended threads had is still being removed: this one goes with the pool.
  return mkdtempSync(join(root, 'more-'))
}

/** Lambda: a crash or timeout resets the environment and keeps its /tmp; whatever else ends it takes that with it. */
export class TemporaryDirectories {
  readonly shared: SharedDirectories
  readonly #directory = new ClaimedDirectory('millrace-tmp-')
  readonly #keeps = new Set<number>()
  readonly #clearing = new Set<Promise<void>>()

  constructor(count: number) {
    this.shared = {
      root: this.#directory.path,
      owners: new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT)),
    }
  }

  /** The thread is ended within its event. */
  keep(threadId: number): void {
    this.#keeps.add(threadId)
  }

  /** Those of all other threads are given on, if they crashed, or emptied. `isBusy`: it had not answered. */
  forgetAllBut(
    threads: readonly { readonly threadId: number }[],
    isBusy: (threadId: number) => boolean,
  ): void {
    const alive = new Set(threads.map(({ threadId }) => threadId))
    const { owners } = this.shared
    for (const [place, owner] of owners.entries()) {
      if (owner <= 0 || alive.has(owner)) continue
      if (this.#keeps.delete(owner) || isBusy(owner)) Atomics.store(owners, place, left)
      // Until it is empty it is still taken.
      else this.#clear(place)
    }
  }

  #clear(place: number): void {
    const { owners, root } = this.shared
    Atomics.store(owners, place, leaving)
    const cleared = remove(join(root, String(place))).then(() => {
      Atomics.store(owners, place, empty)
      this.#clearing.delete(cleared)
    })
    this.#clearing.add(cleared)
  }

  async close(): Promise<void> {
    // Two removals of one directory at once leave it: each takes the other's work for an end.
    await Promise.all(this.#clearing)
    await this.#directory.close()
  }
}

function remove(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true, maxRetries: 3 })
}
