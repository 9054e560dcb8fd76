// Remembers what a template has deployed, so that what it no longer has can be named.
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, systemCode } from '../../common/errors.ts'
import { storageFailed, writeDurably } from '../registry/durable-file.ts'

/** Names of functions; mappings by UUID, with the logical id that they had in the template. */
export interface Deployed {
  readonly functions: readonly string[]
  readonly mappings: readonly { readonly uuid: string; readonly logicalId: string }[]
}

/** One file per template, `<dataDir>/templates/<digest of its path>.json`. */
export class DeployedStore {
  readonly #file: string
  readonly #directory: string
  readonly #template: string

  constructor(dataDir: string, template: string) {
    this.#template = template
    this.#directory = join(dataDir, 'templates')
    const digest = createHash('sha256').update(template).digest('hex').slice(0, 16)
    this.#file = join(this.#directory, `${digest}.json`)
  }

  /** Empty where nothing was deployed. Rejects with AppError REGISTRY_CORRUPT or STORAGE_FAILED. */
  async read(): Promise<Deployed> {
    let text: string
    try {
      text = await readFile(this.#file, 'utf8')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return { functions: [], mappings: [] }
      throw storageFailed('read', this.#file, error)
    }
    return parseDeployed(text, this.#file)
  }

  /** Rejects with AppError STORAGE_FAILED. */
  async write(deployed: Deployed): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true })
    } catch (error) {
      throw storageFailed('create', this.#directory, error)
    }
    await writeDurably(this.#file, `${JSON.stringify({ template: this.#template, ...deployed })}\n`)
  }
}

function parseDeployed(text: string, file: string): Deployed {
  const corrupt = (reason: string): AppError => new AppError('REGISTRY_CORRUPT', { file, reason })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) throw corrupt(error.message)
    throw error
  }
  if (typeof value !== 'object' || value === null) throw corrupt('not an object')
  const functions = 'functions' in value ? value.functions : undefined
  const mappings = 'mappings' in value ? value.mappings : undefined
  if (!isListOf(functions, (item) => typeof item === 'string')) throw corrupt('no functions')
  if (!isListOf(mappings, isMapping)) throw corrupt('no mappings')
  return { functions, mappings }
}

function isListOf<T>(value: unknown, is: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every((item) => is(item))
}

function isMapping(value: unknown): value is Deployed['mappings'][number] {
  if (typeof value !== 'object' || value === null) return false
  const { uuid, logicalId } = value as Record<string, unknown>
  return typeof uuid === 'string' && typeof logicalId === 'string'
}
