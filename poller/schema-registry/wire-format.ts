// Takes apart what serializers of a Confluent registry write: which schema, which of its messages, and the rest.
import { decodedDepthMax } from '../../common/schema-limits.ts'
import { DecodeError } from './decode-error.ts'
import { zigzag } from './zigzag.ts'

/*
 *   0 │ id of the schema, 4 bytes │ what the format has
 *   0 │ id of the schema, 4 bytes │ message indexes │ protobuf
 */
const magic = 0
export const schemaPrefixBytes = 5

/** The id of the schema that bytes begin with; undefined where they do not. */
export function schemaIdOf(bytes: Buffer): number | undefined {
  if (bytes.length < schemaPrefixBytes || bytes[0] !== magic) return undefined
  return bytes.readUInt32BE(1)
}

/**
 * Of a protobuf body: the way to its message, from those of the file inwards, and where the message begins. Throws
 * DecodeError. A single 0 is short for the first message of the file.
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
