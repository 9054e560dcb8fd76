// Puts kafkajs' own encoders and decoders beside our tables, version by version.
import { createRequire } from 'node:module'
import { expect } from 'vitest'
import { apis, type ApiName, type RequestOf, type ResponseOf } from '../../protocol/apis.ts'
import { encodeResponse, parseRequest, type ParsedRequest } from '../../protocol/request.ts'

const require = createRequire(import.meta.url)

interface Definition {
  readonly versions: readonly string[]
  protocol(at: { version: string }): (options: object) => Exchange
}
interface Exchange {
  readonly request: object
  readonly response: { decode(body: Buffer): Promise<object> }
}

const encodeKafkajs = require('kafkajs/src/protocol/request.js') as (
  request: object,
) => Promise<{ buffer: Buffer }>
const { requests } = require('kafkajs/src/protocol/requests/index.js') as {
  requests: Readonly<Record<string, Definition>>
}

/** One call as kafkajs takes it and as our tables have it, at a version where that matters. */
export interface Case<Name extends ApiName> {
  readonly api: Name
  readonly options: (version: number) => object
  readonly request: (version: number) => Partial<RequestOf<Name>>
  readonly response: (version: number) => ResponseOf<Name>
  readonly decoded: (version: number) => object
}

/** Checks a case against its API, then forgets which one it is, so that cases share a list. */
export const define = <Name extends ApiName>(oneCase: Case<Name>): Case<ApiName> => oneCase

function definitionOf(api: ApiName): Definition {
  const definition = requests[api === 'FindCoordinator' ? 'GroupCoordinator' : api]
  expect(definition, api).toBeDefined()
  return definition as Definition
}

/** The versions that both sides have. */
export function sharedVersions(api: ApiName): number[] {
  const { minVersion, maxVersion } = apis[api]
  return definitionOf(api)
    .versions.map(Number)
    .filter((version) => version >= minVersion && version <= maxVersion)
}

export function exchange(api: ApiName, version: number, options: object): Exchange {
  return definitionOf(api).protocol({ version: String(version) })(options)
}

/** Our reading of a request that kafkajs wrote. */
export async function parseKafkajs(request: object): Promise<ParsedRequest> {
  const sent = await encodeKafkajs({ correlationId: 11, clientId: 'kafkajs', request })
  return parseRequest(sent.buffer.subarray(4))
}

/** kafkajs' reading of a response that we wrote. */
export async function decodeWithKafkajs<Name extends ApiName>(
  one: { readonly api: Name; readonly version: number; readonly options: object },
  body: ResponseOf<Name>,
): Promise<object> {
  const { response } = exchange(one.api, one.version, one.options)
  const frame = Buffer.concat(encodeResponse(one.api, one.version, 11, body))
  // kafkajs' connection takes off the length and the correlation id.
  return response.decode(frame.subarray(8))
}

/** Expects both sides to understand each other at every version they share. */
export async function expectUnderstanding(one: Case<ApiName>): Promise<void> {
  const versions = sharedVersions(one.api)
  expect(versions.length).toBeGreaterThan(0)
  for (const version of versions) {
    const { request } = exchange(one.api, version, one.options(version))
    const at = `version ${version}`
    expect(await parseKafkajs(request), at).toMatchObject({
      ok: true,
      api: one.api,
      version,
      correlationId: 11,
      clientId: 'kafkajs',
      body: one.request(version),
    })
    const call = { api: one.api, version, options: one.options(version) }
    const decoded = await decodeWithKafkajs(call, one.response(version))
    expect(decoded, at).toMatchObject(one.decoded(version))
  }
}
