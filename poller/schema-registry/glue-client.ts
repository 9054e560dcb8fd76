// Asks AWS Glue, or whatever speaks its API, for versions of schemas by their ids.
import { AppError, reasonOf } from '../../common/errors.ts'
import { httpAnswer, objectOf, type HttpAnswer } from './http-answer.ts'
import type { RegisteredSchema } from './registry-client.ts'

export interface GlueClientOptions {
  /** `https://host`, without a path. */
  readonly url: string
  /** All headers that a request with these and this body is to have; rejects with nothing but a programmer's error. */
  readonly sign: (headers: Record<string, string>, body: Buffer) => Promise<Record<string, string>>
}

const operation = 'GetSchemaVersion'

export class GlueClient {
  readonly #options: GlueClientOptions

  constructor(options: GlueClientOptions) {
    this.#options = options
  }

  /**
   * Undefined where there is no such version. Rejects with AppError SCHEMA_REGISTRY_UNREACHABLE or
   * SCHEMA_REGISTRY_REFUSED. Glue's schemas refer to no others.
   */
  async schema(id: string, signal: AbortSignal): Promise<RegisteredSchema | undefined> {
    const { status, text } = await this.#ask(id, signal)
    const { __type, SchemaDefinition: definition, DataFormat: type, ...rest } = objectOf(text)
    if (status === 200) {
      const isKnown = type === 'AVRO' || type === 'PROTOBUF' || type === 'JSON'
      if (!isKnown || typeof definition !== 'string') throw this.#refused('it answered no schema')
      return { wire: 'glue', type, text: definition, references: [] }
    }
    // Some have a namespace before the name.
    const code = typeof __type === 'string' ? __type.replace(/^.*#/, '') : ''
    if (code === 'EntityNotFoundException') return undefined
    const said = [rest['message'], rest['Message']].find((each) => typeof each === 'string') ?? ''
    throw this.#refused(`it answered ${status} ${code} ${said.slice(0, 200)}`.trim())
  }

  async #ask(id: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { url, sign } = this.#options
    const body = Buffer.from(JSON.stringify({ SchemaVersionId: id }))
    const named = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSGlue.${operation}`,
      'content-length': String(body.length),
    }
    try {
      return await httpAnswer({ url, headers: await sign(named, body), body }, signal)
    } catch (error) {
      const details = { url, reason: reasonOf(error) }
      throw new AppError('SCHEMA_REGISTRY_UNREACHABLE', details, error)
    }
  }

  #refused(reason: string): AppError {
    const { url } = this.#options
    return new AppError('SCHEMA_REGISTRY_REFUSED', { url, request: operation, reason })
  }
}
