// Makes of a registered schema what reads records by it, as JSON; what cannot be read is a value, not an error.
import { avroReader } from './avro-json.ts'
import { DecodeError } from './decode-error.ts'
import type { RegisteredSchema, SchemaType } from './registry-client.ts'

export interface Deserializer {
  readonly type: SchemaType
  /** Of what follows the schema's id; the JSON, or why it cannot be read. */
  read(body: Buffer): { readonly json: Buffer } | { readonly reason: string }
}

/** One whose schema cannot be used reads nothing, and says why of each record. */
export async function deserializerOf(schema: RegisteredSchema): Promise<Deserializer> {
  const { type } = schema
  let json: (body: Buffer) => Buffer
  try {
    json = await jsonReader(schema)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const { message: reason } = error
    return { type, read: () => ({ reason }) }
  }
  return {
    type,
    read(body) {
      try {
        return { json: json(body) }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        return { reason: error.message }
      }
    },
  }
}

/** Most pollers never need the libraries. */
async function jsonReader(schema: RegisteredSchema): Promise<(body: Buffer) => Buffer> {
  const { wire, type, text, references } = schema
  if (type === 'AVRO') {
    const texts = references.map((reference) => reference.text)
    const read = avroReader(text, texts)
    return (body) => Buffer.from(read(body))
  }
  if (type === 'PROTOBUF') {
    const { protobufReader } = await import('./protobuf-json.ts')
    const read = protobufReader(text, references, wire)
    return (body) => Buffer.from(read(body))
  }
  const { jsonCheck } = await import('./json-schema.ts')
  const check = jsonCheck(text, references)
  return (body) => {
    check(body)
    return body
  }
}
