// Turns bodies into values and values into bodies, in the format that a request's content type names.
import { isUtf8 } from 'node:buffer'
import { ApiError } from '../../../common/aws/api-error.ts'
import { CborFlaw, decodeCbor, encodeCbor } from '../../../kinesis-wire/cbor.ts'
import type { WireFormat } from '../api/kinesis-context.ts'
import { KinesisError, type Outcome } from '../api/kinesis-errors.ts'
import { scanPuts } from '../api/put-scan.ts'

export const contentTypes: Readonly<Record<WireFormat, string>> = {
  json: 'application/x-amz-json-1.1',
  cbor: 'application/x-amz-cbor-1.1',
}

/** Undefined where it is none that Kinesis has: AWS knows no operation then. */
export function formatOf(contentType: string | undefined): WireFormat | undefined {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === contentTypes.json || type === 'application/json') return 'json'
  return type === contentTypes.cbor ? 'cbor' : undefined
}

/** The structure that a body holds; an empty one holds none. Of puts, data may be a place in `bytes`. */
export function decodeBody(format: WireFormat, bytes: Buffer, isPut = false): Outcome<object> {
  const value = format === 'cbor' ? parseCbor(bytes) : parseJson(bytes, isPut)
  if (value instanceof ApiError) return value
  const isStructure = typeof value === 'object' && value !== null && !isOther(value)
  return isStructure ? value : serialization('The body is not a structure')
}

/** As `Answer` describes members. */
export function encodeBody(format: WireFormat, value: object): readonly Uint8Array[] {
  return format === 'cbor' ? encodeCbor(value) : [Buffer.from(JSON.stringify(value, jsonMember))]
}

function parseJson(bytes: Buffer, isPut: boolean): unknown {
  if (!isUtf8(bytes)) return serialization('The body is not UTF-8')
  const scanned = isPut ? scanPuts(bytes) : undefined
  if (scanned !== undefined) return scanned
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return serialization(`The body is not JSON: ${error.message.slice(0, reasonMaxLength)}`)
  }
}

function parseCbor(bytes: Buffer): unknown {
  const value = decodeCbor(bytes)
  if (!(value instanceof CborFlaw)) return value
  return serialization(`The body is not CBOR: ${value.reason} at byte ${value.position}`)
}

function isOther(value: object): boolean {
  return Array.isArray(value) || value instanceof Uint8Array || value instanceof Date
}

/** A parser's reason quotes what it met. */
const reasonMaxLength = 200

function serialization(message: string): KinesisError {
  return new KinesisError('SerializationException', message)
}

/** Timestamps are seconds with a fraction, blobs Base64. Dates have become text before they get here. */
function jsonMember(this: unknown, name: string, value: unknown): unknown {
  const given = (this as Readonly<Record<string, unknown>>)[name]
  if (given instanceof Date) return given.getTime() / 1000
  if (given instanceof Uint8Array) {
    return Buffer.from(given.buffer, given.byteOffset, given.length).toString('base64')
  }
  return value
}
