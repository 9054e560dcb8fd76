// Parses and writes whole Kafka frames, header and body: requests and responses, either side of the wire.
import assert from 'node:assert/strict'
import { apiByKey, apis, type ApiName } from './apis.ts'
import type { ReceivedResponse, RequestOf, RequestToSend, ResponseOf } from './apis.ts'
import { DecodeError } from './decode-error.ts'
import type { Field } from './fields.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** A request of one API; `api` tells which body it has. */
export type KafkaRequest<Name extends ApiName = ApiName> = {
  [N in Name]: {
    readonly ok: true
    readonly api: N
    readonly version: number
    readonly correlationId: number
    readonly clientId: string | null
    readonly body: RequestOf<N>
  }
}[Name]

/** Why a frame is no request. What could not be read of its header is -1. */
export interface RequestRefusal {
  readonly ok: false
  readonly kind: 'unknown-api' | 'unsupported-version' | 'malformed'
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly reason: string
}

export type ParsedRequest = KafkaRequest | RequestRefusal

/**
 * Never throws. Byte fields of the body are views of `frame`. Bytes behind the body are ignored, as
 * Kafka ignores them. An ApiVersions request of an unknown version is to be answered with the body of
 * version 0 and UNSUPPORTED_VERSION (KIP-511).
 */
export function parseRequest(frame: Buffer): ParsedRequest {
  const reader = new Reader(frame)
  const header = { apiKey: -1, apiVersion: -1, correlationId: -1 }
  const refuse = (kind: RequestRefusal['kind'], reason: string): RequestRefusal => ({
    ok: false,
    kind,
    ...header,
    reason,
  })
  try {
    header.apiKey = reader.int16()
    header.apiVersion = reader.int16()
    header.correlationId = reader.int32()
    const api = apiByKey(header.apiKey)
    const { apiVersion: version, correlationId } = header
    if (api === undefined) return refuse('unknown-api', `API key ${header.apiKey} is not spoken`)
    if (version < api.minVersion || version > api.maxVersion) {
      const range = `${api.minVersion} to ${api.maxVersion}`
      return refuse('unsupported-version', `${api.name} version ${version} is not in ${range}`)
    }
    // The client id keeps its int16 length in the flexible header as well (KIP-482).
    const clientId = reader.nullableString()
    reader.flexible = version >= api.flexibleSince
    if (reader.flexible) reader.taggedFields()
    const body = api.request.read(reader, version)
    return { ok: true, api: api.name, version, correlationId, clientId, body } as KafkaRequest
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return refuse('malformed', error.message)
  }
}

/** A response frame with its length in front, in pieces fit for `writev`. */
export function encodeResponse<Name extends ApiName>(
  api: Name,
  version: number,
  correlationId: number,
  body: ResponseOf<Name>,
): Buffer[] {
  const { response, flexible } = tableAt(api, version)
  const writer = new Writer({ flexible })
  writer.int32(0)
  writer.int32(correlationId)
  if (hasTaggedHeader(api, flexible)) writer.unsignedVarint(0)
  response.write(writer, body as never, version)
  return finish(writer)
}

/** Who sends a request, and what it is. */
export interface RequestHeader<Name extends ApiName> {
  readonly api: Name
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
}

/** A request frame with its length in front, in pieces fit for `writev`. */
export function encodeRequest<Name extends ApiName>(
  header: RequestHeader<Name>,
  body: RequestToSend<Name>,
): Buffer[] {
  const { key, request, flexible } = tableAt(header.api, header.version)
  const writer = new Writer()
  writer.int32(0)
  writer.int16(key)
  writer.int16(header.version)
  writer.int32(header.correlationId)
  writer.nullableString(header.clientId)
  writer.flexible = flexible
  if (flexible) writer.unsignedVarint(0)
  request.write(writer, body as never, header.version)
  return finish(writer)
}

export type ParsedResponse<Name extends ApiName> =
  | { readonly ok: true; readonly correlationId: number; readonly body: ReceivedResponse<Name> }
  | { readonly ok: false; readonly reason: string }

/** Reads the response to a request of this API and version. Never throws. */
export function parseResponse<Name extends ApiName>(
  api: Name,
  version: number,
  frame: Buffer,
): ParsedResponse<Name> {
  const { response, flexible } = tableAt(api, version)
  const reader = new Reader(frame, { flexible })
  try {
    const correlationId = reader.int32()
    if (hasTaggedHeader(api, flexible)) reader.taggedFields()
    const body = response.read(reader, version) as ReceivedResponse<Name>
    return { ok: true, correlationId, body }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { ok: false, reason: error.message }
  }
}

interface TableAtVersion {
  readonly key: number
  readonly request: Field<unknown, never>
  readonly response: Field<unknown, never>
  readonly flexible: boolean
}

function tableAt(name: ApiName, version: number): TableAtVersion {
  const { key, request, response, minVersion, maxVersion, flexibleSince } = apis[name]
  assert(version >= minVersion && version <= maxVersion, `${name} has no version ${version}`)
  return { key, request, response, flexible: version >= flexibleSince }
}

// KIP-511: a client must be able to read this one response before it knows what the broker speaks.
function hasTaggedHeader(api: ApiName, flexible: boolean): boolean {
  return flexible && api !== 'ApiVersions'
}

/** Puts the frame's length, known only now, into its first four bytes. */
function finish(writer: Writer): Buffer[] {
  const length = writer.sizeBytes - 4
  const pieces = writer.done()
  pieces[0]?.writeInt32BE(length, 0)
  return pieces
}
