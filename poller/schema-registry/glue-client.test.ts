// Tests what is asked of AWS Glue and what is made of its answers, against a server that answers as told.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GlueClient } from './glue-client.ts'

let server: Server
let url: string
let answer: readonly [status: number, body: unknown]
let asked: { headers: IncomingHttpHeaders; body: string }[]

beforeEach(async () => {
  asked = []
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      asked.push({ headers: request.headers, body })
      const [status, said] = answer
      response.writeHead(status).end(JSON.stringify(said))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const never = new AbortController().signal
const id = '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'
const client = (to = url): GlueClient =>
  new GlueClient({ url: to, sign: async (headers) => ({ ...headers, authorization: 'signed' }) })

test('a version of a schema is asked for by its id, signed', async () => {
  answer = [200, { SchemaVersionId: id, SchemaDefinition: '"int"', DataFormat: 'AVRO' }]
  expect(await client().schema(id, never)).toEqual({
    wire: 'glue',
    type: 'AVRO',
    text: '"int"',
    references: [],
  })
  expect(asked).toMatchObject([
    {
      headers: {
        'x-amz-target': 'AWSGlue.GetSchemaVersion',
        'content-type': 'application/x-amz-json-1.1',
        authorization: 'signed',
      },
      body: JSON.stringify({ SchemaVersionId: id }),
    },
  ])
})

test.each(['EntityNotFoundException', 'com.amazonaws.glue#EntityNotFoundException'])(
  '%s is a version that is not there',
  async (__type) => {
    answer = [400, { __type, Message: 'Schema version is not found.' }]
    expect(await client().schema(id, never)).toBeUndefined()
  },
)

test.each<[string, typeof answer, RegExp]>([
  [
    'credentials that do not do',
    [400, { __type: 'AccessDeniedException', Message: 'not authorized' }],
    /refused GetSchemaVersion: it answered 400 AccessDeniedException not authorized$/,
  ],
  ['its own trouble', [500, {}], /it answered 500$/],
  ['no schema', [200, { DataFormat: 'AVRO' }], /it answered no schema$/],
  ['another format', [200, { DataFormat: 'XML', SchemaDefinition: 'x' }], /answered no schema$/],
])('%s says nothing about the schema', async (_, said, message) => {
  answer = said
  await expect(client().schema(id, never)).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_REFUSED',
    message: expect.stringMatching(message) as string,
  })
})

test('nobody at the address', async () => {
  await expect(client('http://127.0.0.1:9').schema(id, never)).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_UNREACHABLE',
  })
})
