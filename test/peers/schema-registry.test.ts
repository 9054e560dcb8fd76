// Puts Apicurio Registry, Confluent's serializers and Powertools for Lambda around mappings with a schema registry.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  type KafkaSchemaRegistryConfig,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const home = new URL('../../.cache/peers/apicurio', import.meta.url).pathname
const python = '.cache/peers/bin/python'
const script = 'test/peers/schema-registry.py'

let scratch: string
let platform: Platform
let client: LambdaClient
let registry: ChildProcess
let url: string

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-registry-'))
  const port = await freePort()
  url = `http://127.0.0.1:${port}/apis/ccompat/v7`
  const jvm = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-Dquarkus.http.host=127.0.0.1']
  const jar = join(home, 'apicurio-registry-app-2.6.13.Final-runner.jar')
  registry = spawn('java', [...jvm, `-Dquarkus.http.port=${port}`, '-jar', jar], {
    stdio: 'ignore',
  })
  registry.once('error', () => {})
  platform = await startPlatform({ dataDir: join(scratch, 'data') })
  client = lambdaClient(platform)
  await eventually(
    async () => {
      const answer = await fetch(`${url}/subjects`).catch(() => undefined)
      return answer?.ok === true ? true : undefined
    },
    () => 'Apicurio Registry to answer; run "make test-peers"',
    60_000,
  )
  await succeed(python, [script, 'produce', platform.kafka, url])
}, 90_000)

afterAll(async () => {
  client.destroy()
  await platform.stop()
  registry.kill('SIGKILL')
  await rm(scratch, { recursive: true, force: true })
})

interface DeliveredRecord {
  readonly key?: string
  readonly value: string
  readonly keySchemaMetadata?: object
  readonly valueSchemaMetadata?: { readonly dataFormat: string; readonly schemaId: string }
}
interface DeliveredEvent {
  readonly records: Readonly<Record<string, readonly DeliveredRecord[]>>
}

/** Each event as the function got it. */
const noting = `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => appendFileSync(process.env.OUT, JSON.stringify(event) + '\\n')
`

/** The first event of a mapping of its own, which has to have so many records. */
async function delivered(
  topic: string,
  count: number,
  config: KafkaSchemaRegistryConfig,
): Promise<DeliveredEvent> {
  const name = `on-${topic}-${config.EventRecordFormat}`
  const out = join(scratch, name)
  await createFunction(client, { name, files: { 'index.mjs': noting }, environment: { OUT: out } })
  const SchemaRegistryConfig = { SchemaRegistryURI: url, ...config }
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: name,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      SelfManagedKafkaEventSourceConfig: { SchemaRegistryConfig },
      Topics: [topic],
    }),
  )
  return eventually(
    async () => {
      const text = await readFile(out, 'utf8').catch(() => '')
      const [line] = text.split('\n')
      const event =
        line === undefined || line === '' ? undefined : (JSON.parse(line) as DeliveredEvent)
      return event?.records[`${topic}-0`]?.length === count ? event : undefined
    },
    () => `${count} records of ${topic}\n${platform.log().slice(-3000)}`,
    30_000,
  )
}

const value = [{ Attribute: 'VALUE' as const }]
const texts = (event: DeliveredEvent, topic: string): string[] =>
  (event.records[`${topic}-0`] ?? []).map((record) => atob(record.value))
const utf8 = (text: string): string => Buffer.from(text, 'latin1').toString('utf8')

test('Avro of keys and values, with a reference, becomes JSON', async () => {
  const event = await delivered('avro', 2, {
    EventRecordFormat: 'JSON',
    SchemaValidationConfigs: [{ Attribute: 'KEY' }, ...value],
  })
  const json = (note: string): string =>
    `{"id":9007199254740993,"total":{"cents":-5,"currency":"USD"},"note":${note},"weights":[0.1,2.5],"tags":{"a":true}}`
  expect(texts(event, 'avro').map(utf8)).toEqual([json('"ü"'), json('null')])
  const [record] = event.records['avro-0'] ?? []
  expect(atob(record?.key ?? '')).toBe('"k1"')
  expect(record).toMatchObject({
    keySchemaMetadata: { dataFormat: 'AVRO', schemaId: expect.stringMatching(/^\d+$/) as string },
    valueSchemaMetadata: { dataFormat: 'AVRO', schemaId: expect.stringMatching(/^\d+$/) as string },
  })
})

test('protobuf becomes ProtoJSON, whichever of its messages', async () => {
  const config = { EventRecordFormat: 'JSON', SchemaValidationConfigs: value } as const
  const event = await delivered('proto', 2, config)
  expect(texts(event, 'proto')).toEqual([
    '{"sensorId":"s-1","takenAt":"2023-11-14T22:13:20.123Z","place":{"latDeg":52.5},"count":"9007199254740993"}',
    '{"latDeg":-1}',
  ])
  expect(event.records['proto-0']?.[0]?.valueSchemaMetadata?.dataFormat).toBe('PROTOBUF')
})

test('JSON that is not of its schema does not come, and the rest does', async () => {
  const config = { EventRecordFormat: 'JSON', SchemaValidationConfigs: value } as const
  const event = await delivered('json', 1, config)
  expect(JSON.parse(texts(event, 'json')[0] ?? '')).toEqual({ page: '/', seconds: 3 })
  expect(event.records['json-0']?.[0]?.valueSchemaMetadata?.dataFormat).toBe('JSON')
})

test('Powertools reads records in their source format', async () => {
  const config = { EventRecordFormat: 'SOURCE', SchemaValidationConfigs: value } as const
  const read = async (event: DeliveredEvent): Promise<unknown> =>
    JSON.parse(
      (await succeed(python, [script, 'read'], { input: JSON.stringify(event) })).toString(),
    )
  const order = {
    id: 2 ** 53,
    total: { cents: -5, currency: 'USD' },
    weights: [expect.closeTo(0.1), 2.5],
    tags: { a: true },
  }
  expect(await read(await delivered('avro', 2, config))).toEqual([
    { ...order, note: 'ü' },
    { ...order, note: null },
  ])
  const event = await delivered('proto', 2, config)
  // The second record is of another message than the function reads.
  const { 'proto-0': [first] = [] } = event.records
  const [reading] = (await read({
    ...event,
    records: { 'proto-0': first === undefined ? [] : [first] },
  })) as object[]
  expect(reading).toMatchObject({ sensor_id: 's-1', place: { lat_deg: 52.5 } })
})

test('ids that Confluent’s serializers put into headers are read, with protobuf’s message', async () => {
  // Apicurio's registry knows no GUIDs: this one knows those that were written, and nothing else.
  const said = await succeed(python, [script, 'headers', platform.kafka])
  const schemas = JSON.parse(said.toString()) as Record<string, unknown>
  const server = createServer((request, response) => {
    const guid = /^\/schemas\/guids\/(.*)$/.exec(request.url ?? '')?.[1] ?? ''
    const schema = schemas[guid]
    response.writeHead(schema === undefined ? 404 : 200)
    response.end(JSON.stringify(schema ?? { error_code: 40403 }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const SchemaRegistryURI = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const avro = await delivered('avro-headers', 1, {
      SchemaRegistryURI,
      EventRecordFormat: 'JSON',
      SchemaValidationConfigs: [{ Attribute: 'KEY' }, ...value],
    })
    const [record] = avro.records['avro-headers-0'] ?? []
    expect([atob(record?.key ?? ''), ...texts(avro, 'avro-headers')]).toEqual([
      '"k1"',
      '{"cents":-5}',
    ])
    expect(Object.keys(schemas)).toContain(record?.valueSchemaMetadata?.schemaId)
    const proto = { SchemaRegistryURI, SchemaValidationConfigs: value }
    const json = await delivered('proto-headers', 1, { ...proto, EventRecordFormat: 'JSON' })
    expect(texts(json, 'proto-headers')).toEqual(['{"latDeg":-1}'])
    const source = await delivered('proto-headers', 1, { ...proto, EventRecordFormat: 'SOURCE' })
    expect(texts(source, 'proto-headers')).toEqual(['\x04\0\0\x09\0\0\0\0\0\0\xf0\xbf'])
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
