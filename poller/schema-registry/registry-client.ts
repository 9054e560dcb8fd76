// Asks a schema registry with Confluent's API for schemas by their ids, and for what these refer to.
import type { BrokerAccess } from '../../common/broker-access.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { schemaReferencesMax } from '../../common/schema-limits.ts'
import { httpAnswer, objectOf, type HttpAnswer } from './http-answer.ts'
import type { WireKind } from './wire-format.ts'

export type SchemaType = 'AVRO' | 'PROTOBUF' | 'JSON'

export interface RegisteredSchema {
  readonly wire: WireKind
  readonly type: SchemaType
  readonly text: string
  /** All that it refers to, however deep, each once and after what it refers to itself. */
  readonly references: readonly { readonly name: string; readonly text: string }[]
}

export interface RegistryClientOptions {
  readonly url: string
  /** Looks up who we are to the registry; rejects with an AppError where a secret cannot be used. */
  readonly access: () => Promise<BrokerAccess>
}

/** Confluent's codes for a schema, a subject and a version that are not there; any other 404 is of another server. */
const missingCodes = new Set<unknown>([40401, 40402, 40403])

const accept = 'application/vnd.schemaregistry.v1+json, application/json'

export class RegistryClient {
  readonly #options: RegistryClientOptions

  constructor(options: RegistryClientOptions) {
    this.#options = options
  }

  /**
   * Of a number, or of a GUID, which has hyphens. Undefined where the registry has no such schema. Rejects with AppError SCHEMA_REGISTRY_UNREACHABLE,
   * SCHEMA_REGISTRY_REFUSED, or what `access` rejects with; none of them says what is in a secret.
   */
  async schema(id: string, signal: AbortSignal): Promise<RegisteredSchema | undefined> {
    const access = await this.#options.access()
    const ask = (path: string): Promise<SchemaAnswer | undefined> => this.#ask(path, access, signal)
    const answer = await ask(id.includes('-') ? `schemas/guids/${id}` : `schemas/ids/${id}`)
    if (answer === undefined) return undefined
    const found = new Map<string, string>()
    const isWhole = await this.#follow(answer, found, ask)
    if (!isWhole) return undefined
    const references = Array.from(found, ([name, text]) => ({ name, text }))
    return { wire: 'confluent', type: answer.schemaType, text: answer.schema, references }
  }

  /** False where something that is referred to is not there. */
  async #follow(
    { references }: SchemaAnswer,
    found: Map<string, string>,
    ask: (path: string) => Promise<SchemaAnswer | undefined>,
  ): Promise<boolean> {
    for (const { name, subject, version } of references) {
      if (found.has(name)) continue
      if (found.size >= schemaReferencesMax) {
        const reason = `the schema refers to more than ${schemaReferencesMax} others`
        throw this.#refused(name, reason)
      }
      // Its place is kept, so that what refers in circles ends; its text comes after those it refers to.
      found.set(name, '')
      const answer = await ask(`subjects/${encodeURIComponent(subject)}/versions/${version}`)
      if (answer === undefined || !(await this.#follow(answer, found, ask))) return false
      found.delete(name)
      found.set(name, answer.schema)
    }
    return true
  }

  async #ask(
    path: string,
    access: BrokerAccess,
    signal: AbortSignal,
  ): Promise<SchemaAnswer | undefined> {
    const url = `${this.#options.url.replace(/\/+$/, '')}/${path}`
    let answer: HttpAnswer
    try {
      answer = await httpAnswer({ url, headers: { accept }, access }, signal)
    } catch (error) {
      const details = { url: this.#options.url, reason: reasonOf(error) }
      throw new AppError('SCHEMA_REGISTRY_UNREACHABLE', details, error)
    }
    const body = objectOf(answer.text)
    if (answer.status === 404 && missingCodes.has(body['error_code'])) return undefined
    if (answer.status !== 200) {
      const said = typeof body['message'] === 'string' ? `, ${body['message'].slice(0, 200)}` : ''
      throw this.#refused(path, `it answered ${answer.status}${said}`)
    }
    return schemaAnswer(body) ?? Promise.reject(this.#refused(path, 'it answered no schema'))
  }

  #refused(request: string, reason: string): AppError {
    return new AppError('SCHEMA_REGISTRY_REFUSED', { url: this.#options.url, request, reason })
  }
}

interface SchemaAnswer {
  readonly schema: string
  readonly schemaType: SchemaType
  readonly references: readonly { name: string; subject: string; version: number }[]
}

function schemaAnswer(body: Readonly<Record<string, unknown>>): SchemaAnswer | undefined {
  // Avro is what a registry had before it had others, and goes without saying.
  const { schema, schemaType = 'AVRO', references } = body
  if (typeof schema !== 'string') return undefined
  if (schemaType !== 'AVRO' && schemaType !== 'PROTOBUF' && schemaType !== 'JSON') return undefined
  const listed: unknown[] = Array.isArray(references) ? references : []
  return {
    schema,
    schemaType,
    references: listed.map((each) => {
      const { name, subject, version } = Object(each) as Record<string, unknown>
      return { name: String(name), subject: String(subject), version: Number(version) }
    }),
  }
}
