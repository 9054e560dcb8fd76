// Tests what is asked of a registry and what is made of its answers, against a server that answers as told.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:https'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { schemaAnswerMaxBytes, schemaReferencesMax } from '../../common/schema-limits.ts'
import { makeAuthority, makeCertificate } from '../../test/support/certificates.ts'
import { RegistryClient } from './registry-client.ts'

type Answer = readonly [status: number, body: unknown]
let server: Server
let url: string
let answers: Record<string, Answer>
let requests: IncomingMessage[]

beforeEach(async () => {
  answers = {}
  requests = []
  server = createServer((request, response) => {
    requests.push(request)
    const [status, body] = answers[request.url ?? ''] ?? [500, 'unexpected']
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const never = new AbortController().signal

function client(options: Partial<ConstructorParameters<typeof RegistryClient>[0]> = {}) {
  return new RegistryClient({ url, access: async () => ({}), ...options })
}

test('a schema is asked for by its id, and is Avro unless it says otherwise', async () => {
  answers['/schemas/ids/7'] = [200, { schema: '"int"' }]
  answers['/schemas/ids/8'] = [200, { schema: '{}', schemaType: 'JSON', references: [] }]
  expect(await client().schema('7', never)).toEqual({
    wire: 'confluent',
    type: 'AVRO',
    text: '"int"',
    references: [],
  })
  expect((await client({ url: `${url}/` }).schema('8', never))?.type).toBe('JSON')
  expect(requests[0]?.headers.accept).toContain('application/vnd.schemaregistry.v1+json')
})

test('a schema with a GUID is asked for by that', async () => {
  const guid = '4423247b-9149-4d26-99ef-e45eee189a60'
  answers[`/schemas/guids/${guid}`] = [200, { schema: '"string"', guid }]
  expect((await client().schema(guid, never))?.text).toBe('"string"')
  answers[`/schemas/guids/${guid}`] = [404, { error_code: 40403, message: 'Schema not found' }]
  expect(await client().schema(guid, never)).toBeUndefined()
})

test('a path before the API, as Apicurio and proxies have it, is kept', async () => {
  answers['/apis/ccompat/v7/schemas/ids/7'] = [200, { schema: '"int"' }]
  expect(await client({ url: `${url}/apis/ccompat/v7` }).schema('7', never)).toBeDefined()
})

test('all that a schema refers to comes with it, what is used before what uses it', async () => {
  const refer = (name: string) => ({ name, subject: `of ${name}`, version: 3 })
  answers['/schemas/ids/7'] = [200, { schema: 'top', references: [refer('a'), refer('b')] }]
  answers['/subjects/of%20a/versions/3'] = [200, { schema: 'A', references: [refer('b')] }]
  answers['/subjects/of%20b/versions/3'] = [200, { schema: 'B', references: [refer('a')] }]
  const found = await client().schema('7', never)
  expect(found?.references).toEqual([
    { name: 'b', text: 'B' },
    { name: 'a', text: 'A' },
  ])
  expect(requests).toHaveLength(3)
})

test.each([40401, 40402, 40403])('a 404 by %d is a schema that is not there', async (code) => {
  answers['/schemas/ids/7'] = [404, { error_code: code, message: 'not found' }]
  expect(await client().schema('7', never)).toBeUndefined()
})

test('a schema that refers to what is not there is not there either', async () => {
  const references = [{ name: 'a', subject: 'a', version: 1 }]
  answers['/schemas/ids/7'] = [200, { schema: 'top', references }]
  answers['/subjects/a/versions/1'] = [404, { error_code: 40401 }]
  expect(await client().schema('7', never)).toBeUndefined()
})

test.each<[string, Answer, RegExp]>([
  ['a 404 of another server', [404, '<html>'], /refused schemas\/ids\/7: it answered 404$/],
  [
    'a login that it does not know',
    [401, { message: 'Unauthorized' }],
    /answered 401, Unauthorized$/,
  ],
  ['its own trouble', [500, { error_code: 50001, message: 'Store' }], /answered 500, Store$/],
  ['a redirection', [302, ''], /answered 302$/],
  ['no schema', [200, { id: 7 }], /it answered no schema$/],
  ['no JSON', [200, 'hello'], /it answered no schema$/],
  ['another kind of schema', [200, { schema: 'x', schemaType: 'THRIFT' }], /no schema$/],
])('%s says nothing about the schema', async (_, answer, message) => {
  answers['/schemas/ids/7'] = answer
  await expect(client().schema('7', never)).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_REFUSED',
    message: expect.stringMatching(message) as string,
  })
})

test('endless references and endless answers are refused', async () => {
  for (let i = 0; i <= schemaReferencesMax; i++) {
    const references = [{ name: `n${i + 1}`, subject: `s${i + 1}`, version: 1 }]
    answers[i === 0 ? '/schemas/ids/7' : `/subjects/s${i}/versions/1`] = [
      200,
      { schema: 'x', references },
    ]
  }
  await expect(client().schema('7', never)).rejects.toThrow('refers to more than 64 others')
  answers['/schemas/ids/8'] = [200, 'x'.repeat(schemaAnswerMaxBytes + 1)]
  await expect(client().schema('8', never)).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_UNREACHABLE',
    message: expect.stringContaining('larger than') as string,
  })
})

test('a login goes with each request, and into no text', async () => {
  answers['/schemas/ids/7'] = [401, { message: 'no' }]
  const sasl = { mechanism: 'plain', username: 'ann', password: 'se:cret' } as const
  const asked = client({ access: async () => ({ sasl, tls: {} }) }).schema('7', never)
  await expect(asked).rejects.toThrow(/^(?!.*se:cret)/)
  expect(requests[0]?.headers.authorization).toBe(
    `Basic ${Buffer.from('ann:se:cret').toString('base64')}`,
  )
})

test('nobody at the address, and a caller that lost its patience', async () => {
  await expect(client({ url: 'http://127.0.0.1:9' }).schema('7', never)).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_UNREACHABLE',
    message: expect.stringMatching(
      /^no schema registry answers at http:\/\/127\.0\.0\.1:9: /,
    ) as string,
  })
  await expect(client().schema('7', AbortSignal.abort())).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_UNREACHABLE',
  })
})

test('over TLS both sides show who they are', async () => {
  const authority = await makeAuthority()
  const [own, ours] = [
    await makeCertificate(authority, 'registry'),
    await makeCertificate(authority, 'poller'),
  ]
  const secure = createTlsServer(
    { ...own, ca: authority.cert, requestCert: true },
    (request, response) => {
      requests.push(request)
      response.end(JSON.stringify({ schema: '"int"' }))
    },
  )
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve))
  const secureUrl = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`
  const shown = { certificate: ours.cert, privateKey: ours.key }
  const tls = { ca: authority.cert, client: shown }
  expect(
    await client({ url: secureUrl, access: async () => ({ tls }) }).schema('7', never),
  ).toBeDefined()
  await expect(
    client({ url: secureUrl, access: async () => ({ tls: { client: shown } }) }).schema('7', never),
  ).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_UNREACHABLE',
  })
  // The server asks for a certificate of the authority, and hangs up on who has none.
  await expect(
    client({ url: secureUrl, access: async () => ({ tls: { ca: authority.cert } }) }).schema(
      '7',
      never,
    ),
  ).rejects.toMatchObject({ code: 'SCHEMA_REGISTRY_UNREACHABLE' })
  secure.closeAllConnections()
  await new Promise((resolve) => secure.close(resolve))
})
