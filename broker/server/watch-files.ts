// Looks every few seconds whether files have changed.
import type { Clock, Timer } from '../../common/clock.ts'
import { versionOfFiles } from './tls-files.ts'

interface WatchedFiles {
  readonly paths: readonly string[]
  /** `versionOfFiles` of what is in use. */
  readonly version: string
}

/** Calls `changed` after each change, one call at a time, until it is cancelled. */
export function watchFiles(
  { paths, version }: WatchedFiles,
  { clock, everyMs }: { readonly clock: Clock; readonly everyMs: number },
  changed: () => Promise<void>,
): Timer {
  let isOver = false
  let current = version
  const look = async (): Promise<void> => {
    const before = current
    current = await versionOfFiles(paths)
    if (current !== before) await changed()
    if (!isOver) timer = clock.after(everyMs, () => void look())
  }
  let timer = clock.after(everyMs, () => void look())
  return {
    cancel() {
      isOver = true
      timer.cancel()
    },
  }
}
