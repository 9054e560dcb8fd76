// Keeps unpacked code for as long as a function or one of its versions refers to it.
import type { Clock, Timer } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { FunctionCode, FunctionRecord, Registry } from '../registry/registry.ts'
import type { CodeStore } from './code-store.ts'
import { codeOfLayers, type Layers } from './layers.ts'
import type { Serial } from './serial.ts'

export interface CodeKeeperOptions {
  readonly registry: Registry
  readonly codeStore: CodeStore
  readonly layers: Layers
  /** In whose turn code is removed, so that nobody takes it up meanwhile. */
  readonly changes: Serial
  readonly clock: Clock
  readonly logger: Logger
}

/** Replaced code may still run, and load more of its files, for as long as the longest timeout. */
const removalDelayMs = 16 * 60_000

export class CodeKeeper {
  readonly #options: CodeKeeperOptions
  /** Code that may go, by directory. */
  readonly #freed = new Map<string, Timer>()

  constructor(options: CodeKeeperOptions) {
    this.#options = options
  }

  /** Follows a moved data directory and drops unused code. */
  async start(): Promise<void> {
    const { registry, codeStore } = this.#options
    for (const record of registry.functions()) {
      const moved = this.#moved(record)
      if (moved !== undefined) await registry.putFunction(moved)
    }
    for (const record of registry.versions()) {
      const moved = this.#moved(record)
      if (moved !== undefined) await registry.putVersion(moved)
    }
    await codeStore.sweep(await this.#used())
  }

  /** Code that was to be removed later is removed at the next start. */
  stop(): void {
    for (const timer of this.#freed.values()) timer.cancel()
  }

  /** Removes the code of a function, and what was laid together of its layers, later, unless something refers to it then. */
  free(record: FunctionRecord): void {
    for (const code of codesOf(record)) this.freeCode(code)
  }

  freeCode(code: FunctionCode): void {
    const { clock, codeStore, changes, logger } = this.#options
    const { directory } = code
    this.#freed.get(directory)?.cancel()
    const timer = clock.after(removalDelayMs, () => {
      this.#freed.delete(directory)
      changes
        .run(async () => {
          const all = await this.#used()
          if (!all.some((used) => used.directory === directory)) {
            await codeStore.remove(code)
          }
        })
        .catch((error: unknown) => {
          logger.warn('unused code not removed', { directory, reason: reasonOf(error) })
        })
    })
    this.#freed.set(directory, timer)
  }

  #moved<Kept extends FunctionRecord>(record: Kept): Kept | undefined {
    const { codeStore } = this.#options
    const { code, layers } = record
    const moved = {
      ...record,
      revision: record.revision + 1,
      ...(code.kind === 'zip'
        ? { code: { ...code, directory: codeStore.directoryOf(code.sha256) } }
        : {}),
      ...(layers === undefined
        ? {}
        : { layers: { ...layers, directory: codeStore.directoryOf(layers.sha256) } }),
    }
    const isThere =
      moved.code.directory === code.directory && moved.layers?.directory === layers?.directory
    return isThere ? undefined : moved
  }

  async #used(): Promise<readonly FunctionCode[]> {
    const { registry, layers } = this.#options
    const ofFunctions = [...registry.functions(), ...registry.versions()].flatMap(codesOf)
    return [...ofFunctions, ...(await layers.code())]
  }
}

function codesOf({ code, layers }: FunctionRecord): readonly FunctionCode[] {
  return layers === undefined ? [code] : [code, codeOfLayers(layers)]
}
