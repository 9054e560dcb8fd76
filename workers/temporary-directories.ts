// Gives each thread of a pool a directory for temporary files, which outlives a crash as an environment's /tmp does.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClaimedDirectory } from './claimed-directory.ts'
import { empty, leaving, left, type SharedDirectories } from './runtime/claim-directory.ts'

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
