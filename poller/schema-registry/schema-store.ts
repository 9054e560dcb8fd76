// Keeps the schemas that a mapping has met, asks for those that it has not, and goes on asking while nobody answers.
import { sleep, type Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import {
  schemaMissingForMs,
  schemaRetryMaxMs,
  schemaRetryMs,
  schemasMax,
  schemasMaxBytes,
} from '../../common/schema-limits.ts'
import { deserializerOf, type Deserializer } from './deserializer.ts'
import type { RegisteredSchema } from './registry-client.ts'

export interface SchemaStoreOptions {
  /** Undefined where there is none; rejects with AppError where nobody can tell. */
  readonly lookUp: (id: string, signal: AbortSignal) => Promise<RegisteredSchema | undefined>
  readonly clock: Clock
  readonly logger: Logger
  /** Each look-up that came to nothing. */
  readonly failed: () => void
  /** Why no schema can be had at the moment; undefined when all is well again. */
  readonly problem: (error: AppError | undefined) => void
}

/** `missing`: the registry has no such schema. */
export type Found = Deserializer | 'missing'

interface Kept {
  readonly found: Found
  readonly sizeBytes: number
  /** Until when it counts; a schema that is there never changes. */
  readonly untilMs: number
}

/** Invariant: no more schemas than `schemasMax`, and no more of their text than `schemasMaxBytes`. */
export class SchemaStore {
  readonly #options: SchemaStoreOptions
  /** The one that was used longest ago first. */
  readonly #kept = new Map<string, Kept>()
  #keptBytes = 0
  readonly #underWay = new Map<string, Promise<Found | undefined>>()
  readonly #failing = new Set<string>()
  readonly #stopping = new AbortController()

  constructor(options: SchemaStoreOptions) {
    this.#options = options
  }

  /** What is known without asking anybody. */
  known(id: string): Found | undefined {
    const kept = this.#kept.get(id)
    if (kept === undefined) return undefined
    this.#kept.delete(id)
    if (kept.untilMs <= this.#options.clock.now()) {
      this.#keptBytes -= kept.sizeBytes
      return undefined
    }
    this.#kept.set(id, kept)
    return kept.found
  }

  /** Resolves when the registry has answered, however long that takes; undefined once it is stopped. */
  find(id: string): Promise<Found | undefined> {
    const known = this.known(id)
    if (known !== undefined) return Promise.resolve(known)
    const underWay = this.#underWay.get(id)
    if (underWay !== undefined) return underWay
    const asking = this.#find(id).finally(() => this.#underWay.delete(id))
    this.#underWay.set(id, asking)
    return asking
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** Asserts the invariant, for tests. */
  get size(): { readonly schemas: number; readonly sizeBytes: number } {
    return { schemas: this.#kept.size, sizeBytes: this.#keptBytes }
  }

  async #find(id: string): Promise<Found | undefined> {
    const { lookUp, clock, logger, failed } = this.#options
    const { signal } = this.#stopping
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const schema = await lookUp(id, signal)
        const found = schema === undefined ? 'missing' : await deserializerOf(schema)
        this.#keep(id, found, schema)
        this.#told(id, undefined)
        return found
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        if (signal.aborted) break
        failed()
        logger.warn('no schema, trying again', { schema: id, reason: error.message })
        this.#told(id, error)
        await sleep(clock, Math.min(schemaRetryMaxMs, schemaRetryMs * 2 ** failures), signal)
      }
    }
    return undefined
  }

  /** All is well when no look-up is left that failed. */
  #told(id: string, error: AppError | undefined): void {
    const wasUnwell = this.#failing.size > 0
    if (error === undefined) this.#failing.delete(id)
    else this.#failing.add(id)
    if (error !== undefined) this.#options.problem(error)
    else if (wasUnwell && this.#failing.size === 0) this.#options.problem(undefined)
  }

  #keep(id: string, found: Found, schema: RegisteredSchema | undefined): void {
    const { clock } = this.#options
    const texts = schema === undefined ? [] : [schema, ...schema.references]
    const sizeBytes = texts.reduce((sum, { text }) => sum + text.length, 0)
    const untilMs = found === 'missing' ? clock.now() + schemaMissingForMs : Infinity
    this.#kept.set(id, { found, sizeBytes, untilMs })
    this.#keptBytes += sizeBytes
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size <= schemasMax && this.#keptBytes <= schemasMaxBytes) break
      if (oldest === id) break
      this.#kept.delete(oldest)
      this.#keptBytes -= kept.sizeBytes
    }
  }
}
