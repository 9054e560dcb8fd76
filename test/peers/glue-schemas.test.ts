// Puts moto's AWS Glue and a serializer of its schema registry around mappings.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateEventSourceMappingCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const bin = new URL('../../.cache/peers/bin', import.meta.url).pathname
const credentials = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' }

let scratch: string
let platform: Platform
let client: LambdaClient
let moto: ChildProcess
let versions: { readonly proto: string }

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-glue-'))
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  moto = spawn(join(bin, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  })
  moto.once('error', () => {})
  const env = { ...credentials, AWS_ENDPOINT_URL_GLUE: endpoint }
  platform = await startPlatform({ dataDir: join(scratch, 'data'), env })
  client = lambdaClient(platform)
  await eventually(
    async () => {
      const answer = await fetch(`${endpoint}/moto-api/`).catch(() => undefined)
      return answer?.ok === true ? true : undefined
    },
    () => 'moto to answer; run "make test-peers"',
    30_000,
  )
  const args = ['test/peers/glue-schemas.py', platform.kafka, endpoint]
  const output = await succeed(join(bin, 'python'), args, { env: credentials })
  versions = JSON.parse(output.toString()) as typeof versions
}, 60_000)

afterAll(async () => {
  client.destroy()
  await platform.stop()
  moto.kill('SIGKILL')
  await rm(scratch, { recursive: true, force: true })
})

interface Delivered {
  readonly value: string
  readonly valueSchemaMetadata: { readonly dataFormat: string; readonly schemaId: string }
}

const noting = `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  for (const record of Object.values(event.records).flat()) {
    appendFileSync(process.env.OUT, JSON.stringify(record) + '\\n')
  }
}
`

async function delivered(
  topic: string,
  format: 'JSON' | 'SOURCE',
  count: number,
): Promise<readonly Delivered[]> {
  const name = `on-${topic}-${format}`
  const out = join(scratch, name)
  await createFunction(client, { name, files: { 'index.mjs': noting }, environment: { OUT: out } })
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: name,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      SelfManagedKafkaEventSourceConfig: {
        SchemaRegistryConfig: {
          SchemaRegistryURI: 'arn:aws:glue:us-east-1:123456789012:registry/shop',
          EventRecordFormat: format,
          SchemaValidationConfigs: [{ Attribute: 'VALUE' }],
        },
      },
      Topics: [topic],
    }),
  )
  return eventually(
    async () => {
      const text = await readFile(out, 'utf8').catch(() => '')
      const lines = text.split('\n').slice(0, -1)
      return lines.length === count ? lines.map((line) => JSON.parse(line) as Delivered) : undefined
    },
    () => `${count} records of ${topic}\n${platform.log().slice(-3000)}`,
    30_000,
  )
}

const textOf = ({ value }: Delivered): string => Buffer.from(value, 'base64').toString()

test('Avro of a registry of Glue becomes JSON, compressed or not', async () => {
  const records = await delivered('avro', 'JSON', 2)
  const json = '{"id":1099511627776,"note":"ü"}'
  expect(records.map(textOf)).toEqual([json, json])
  expect(records[0]?.valueSchemaMetadata).toEqual({
    dataFormat: 'AVRO',
    schemaId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string,
  })
})

test('protobuf is of the message that its index says, and in its source format keeps the index', async () => {
  const [record] = await delivered('proto', 'JSON', 1)
  expect(record === undefined ? '' : textOf(record)).toBe('{"sensorId":"s-1"}')
  expect(record?.valueSchemaMetadata).toEqual({ dataFormat: 'PROTOBUF', schemaId: versions.proto })
  const [source] = await delivered('proto', 'SOURCE', 1)
  expect(source === undefined ? '' : textOf(source)).toBe('\u0001\n\u0003s-1')
})
