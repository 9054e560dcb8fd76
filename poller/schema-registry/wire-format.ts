// Takes apart what serializers of a schema registry write: which schema, which of its messages, and the rest.
import { inflateSync } from 'node:zlib'
import { decodedDepthMax, decodedJsonMaxLength } from '../../common/schema-limits.ts'
import { DecodeError } from './decode-error.ts'
import type { SchemaType } from './registry-client.ts'
import { zigzag } from './zigzag.ts'

/** How a kind of registry has records begin. */
export interface WireFormat {
  /** The headers of records that may have the id, of their keys and of their values. */
  readonly idHeaders?: { readonly key: string; readonly value: string }
  /** The id of the schema that the header, or without one the bytes, begin with; undefined where they do not. */
  schemaIdOf(bytes: Buffer, idHeader?: Buffer): string | undefined
  /** What follows, of a part that has an id. Throws DecodeError where it is not what it says. */
  bodyOf(bytes: Buffer, type: SchemaType, idHeader?: Buffer): Buffer
}

/** Whose serializers wrote it. */
export type WireKind = 'confluent' | 'glue'

/*
 *   0 │ id of the schema, 4 bytes │ what the format has
 *   0 │ id of the schema, 4 bytes │ message indexes │ protobuf
 *
 * Where Confluent's serializers, from version 8 on, are asked for it, the record has nothing but what the format has, and a
 * header the rest: the same, or 1 │ GUID of the schema, 16 bytes │ message indexes of protobuf.
 */
const [idBytes, guidBytes] = [5, 17]

const confluent: WireFormat = {
  idHeaders: { key: '__key_schema_id', value: '__value_schema_id' },
  schemaIdOf: (bytes, idHeader) => {
    const from = idHeader ?? bytes
    if (from[0] === 0 && from.length >= idBytes) return String(from.readUInt32BE(1))
    const hasGuid = idHeader?.[0] === 1 && idHeader.length >= guidBytes
    return hasGuid ? uuidAt(idHeader, 1) : undefined
  },
  bodyOf: (bytes, type, idHeader) => {
    if (idHeader === undefined) return bytes.subarray(idBytes)
    if (type !== 'PROTOBUF') return bytes
    const indexes = idHeader.subarray(idHeader[0] === 0 ? idBytes : guidBytes)
    if (messageIndexes(indexes).at < indexes.length) throw new DecodeError('its header is too long')
    return Buffer.concat([indexes, bytes])
  },
}

/*
 *   3 │ 0, or 5 for zlib │ UUID of the schema's version │ what the format has
 *   3 │ 0, or 5 for zlib │ UUID of the schema's version │ message index │ protobuf
 */
const gluePrefixBytes = 18
const [plain, zlib] = [0, 5]

const glue: WireFormat = {
  schemaIdOf: (bytes) => {
    const [version, compression] = bytes
    if (bytes.length < gluePrefixBytes || version !== 3) return undefined
    if (compression !== plain && compression !== zlib) return undefined
    return uuidAt(bytes, 2)
  },
  bodyOf: (bytes) => {
    const body = bytes.subarray(gluePrefixBytes)
    if (bytes[1] === plain) return body
    try {
      return inflateSync(body, { maxOutputLength: decodedJsonMaxLength })
    } catch (error) {
      if (!(error instanceof Error)) throw error
      throw new DecodeError(`it cannot be unpacked: ${error.message}`)
    }
  },
}

export const wireFormats: Readonly<Record<WireKind, WireFormat>> = { confluent, glue }

function uuidAt(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16)
  return [[0, 8], [8, 12], [12, 16], [16, 20], [20]].map((of) => hex.slice(...of)).join('-')
}

/**
 * Of a protobuf body of Confluent's: the way to its message, from those of the file inwards, and where the message
 * begins. Throws DecodeError. A single 0 is short for the first message of the file.
 */
export function messageIndexes(body: Buffer): { readonly path: readonly number[]; at: number } {
  let at = 0
  const next = (): number => {
    const read = zigzag(body, at)
    at = read.end
    const value = Number(read.value)
    if (value < 0 || value > 0x7fff_ffff) throw new DecodeError('its message indexes are none')
    return value
  }
  const count = next()
  if (count > decodedDepthMax) throw new DecodeError(`it has ${count} message indexes`)
  const path = count === 0 ? [0] : Array.from({ length: count }, next)
  return { path, at }
}

/**
 * Of a protobuf body of Glue's: the message's place among the names of all messages of the file, in their order as
 * texts, and where it begins. Throws DecodeError.
 */
export function messagePlace(body: Buffer): { readonly place: number; readonly at: number } {
  let place = 0
  for (let at = 0; at < 5; at++) {
    const byte = body[at]
    if (byte === undefined) throw new DecodeError('it ends too early')
    place += (byte & 0x7f) * 0x80 ** at
    if (byte < 0x80) return { place, at: at + 1 }
  }
  throw new DecodeError('its message index is none')
}
