// Tells whether the files of a hot-reload directory have changed, without reading them.
import { readdirSync, statSync, type Dirent } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../common/clock.ts'
import { systemCode } from '../common/errors.ts'
import { hotReloadFilesMax } from '../common/limits.ts'

/** What a look at the directory may cost of the time: one twentieth. */
const costFactor = 20
const intervalMinMs = 10

/** Beside the code that it deploys, as SAM's `CodeUri: .` has it, a template is no part of it. */
const templates = new Set(['template.yaml', 'template.yml'])

/**
 * Looks at names, sizes and times of up to `hotReloadFilesMax` files before an invocation; no watcher,
 * so an idle directory costs nothing. Under load a look is used again for a while, in proportion
 * to what it took.
 */
export class CodeSignature {
  readonly directory: string
  readonly #clock: Clock
  #value = ''
  #nextLookMs = -Infinity

  constructor(directory: string, clock: Clock) {
    this.directory = directory
    this.#clock = clock
  }

  /** Equal texts mean equal code. */
  read(): string {
    const nowMs = this.#clock.now()
    if (nowMs < this.#nextLookMs) return this.#value
    const startedMs = performance.now()
    this.#value = look(this.directory)
    const tookMs = performance.now() - startedMs
    this.#nextLookMs = nowMs + Math.max(intervalMinMs, costFactor * tookMs)
    return this.#value
  }
}

function look(root: string): string {
  const seen: string[] = []
  const directories = [root]
  for (const directory of directories) {
    for (const entry of entriesOf(directory)) {
      if (seen.length >= hotReloadFilesMax) return seen.join('\n')
      if (directory === root && templates.has(entry.name)) continue
      const path = join(directory, entry.name)
      // Installing packages touches node_modules itself; what lies in it is too much to look at.
      if (entry.isDirectory() && entry.name !== 'node_modules' && entry.name !== '.git') {
        directories.push(path)
      }
      const status = statSync(path, { throwIfNoEntry: false })
      seen.push(`${path} ${status?.size} ${status?.mtimeMs} ${status?.ino}`)
    }
  }
  return seen.join('\n')
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    // Gone or never there: the handler cannot be loaded, and its invocation says so.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return []
    throw error
  }
}
