// In a thread: takes one of its pool's directories for temporary files.
import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'

/** Of a place that no thread has: with nothing in it, with what a thread left that crashed, about to be emptied. */
export const empty = 0
export const left = -1
export const leaving = -2

/** What threads are handed at their start. */
export interface SharedDirectories {
  readonly root: string
  /** By directory: `empty`, `left`, `leaving`, or the id of the thread that has it, which begins at 1. */
  readonly owners: Int32Array<SharedArrayBuffer>
}

/** One that is left by a crash before an empty one. */
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
