// Follows records from a producer with schemas over a registry to a function, which sees their JSON or their bytes.
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  UpdateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput as CreateInput,
  type KafkaSchemaRegistryConfig,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import avro from 'avsc'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient, mappingEnabled, readRecorded } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

const order: avro.Schema = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'country', type: 'string' },
  ],
}
const type = avro.Type.forSchema(order)
const written = (id: number, country: string): Buffer =>
  Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), type.toBuffer({ id, country })])

let scratch: string
let platform: Platform
let client: LambdaClient
let registry: Server
let isDown: boolean
let logins: Set<string | undefined>

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-schemas-'))
  isDown = false
  logins = new Set()
  registry = createServer((request, response) => {
    logins.add(request.headers.authorization)
    const isThere = request.url === '/schemas/ids/1'
    const answer = isThere ? { schema: JSON.stringify(order) } : { error_code: 40403 }
    response.writeHead(isDown ? 503 : isThere ? 200 : 404).end(isDown ? '' : JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  const env = { REGISTRY_LOGIN: '{"username":"ann","password":"secret"}' }
  platform = await startPlatform({ dataDir: join(scratch, 'data'), env })
  client = lambdaClient(platform)
})
afterEach(async () => {
  client.destroy()
  await platform.stop()
  registry.closeAllConnections()
  await new Promise((resolve) => registry.close(resolve))
  await rm(scratch, { recursive: true, force: true })
})

const kafka = (): Kafka => new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
const out = (): string => join(scratch, 'out.ndjson')
const registryConfig = (change: KafkaSchemaRegistryConfig = {}): KafkaSchemaRegistryConfig => ({
  SchemaRegistryURI: `http://127.0.0.1:${(registry.address() as AddressInfo).port}`,
  EventRecordFormat: 'JSON',
  SchemaValidationConfigs: [{ Attribute: 'VALUE' }],
  AccessConfigs: [{ Type: 'BASIC_AUTH', URI: 'env:REGISTRY_LOGIN' }],
  ...change,
})

const noting = `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  for (const record of Object.values(event.records).flat()) {
    const { value, headers, valueSchemaMetadata } = record
    appendFileSync(process.env.OUT, JSON.stringify({ value, headers, valueSchemaMetadata }) + '\\n')
  }
}
`

async function send(...values: (Buffer | null)[]): Promise<void> {
  const producer = kafka().producer({ allowAutoTopicCreation: true })
  await producer.connect()
  await producer.send({ topic: 'orders', messages: values.map((value) => ({ key: 'k', value })) })
  await producer.disconnect()
}

async function map(settings: Partial<CreateInput>): Promise<string> {
  await createFunction(client, {
    name: 'on-orders',
    files: { 'index.mjs': noting },
    environment: { OUT: out() },
  })
  const { UUID = '' } = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'on-orders',
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      Topics: ['orders'],
      ...settings,
    }),
  )
  return UUID
}

const handled = (count: number): Promise<readonly Record<string, unknown>[]> =>
  eventually(
    async () => {
      const found = (await readRecorded(out())) as unknown as readonly Record<string, unknown>[]
      return found.length >= count ? found : undefined
    },
    () => `${count} records to be handled\n${platform.log().slice(-3000)}`,
    30_000,
  )

const result = async (UUID: string): Promise<string> =>
  (await client.send(new GetEventSourceMappingCommand({ UUID }))).LastProcessingResult ?? ''

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')

test('a function gets JSON that filters have seen, what no schema gets at goes to its topic, and SOURCE is the bytes', async () => {
  const UUID = await map({
    SelfManagedKafkaEventSourceConfig: { SchemaRegistryConfig: registryConfig() },
    FilterCriteria: { Filters: [{ Pattern: '{"value":{"country":["NL","BE"]}}' }] },
    DestinationConfig: { OnFailure: { Destination: 'kafka://dead' } },
  })
  const unknown = Buffer.from([0, 0, 0, 0, 9, 2])
  await send(written(1, 'NL'), written(2, 'DE'), Buffer.from('text'), unknown, written(3, 'BE'))
  const avroMetadata = { dataFormat: 'AVRO', schemaId: '1' }
  const json = (id: number, country: string) => ({
    value: base64(`{"id":${id},"country":"${country}"}`),
    headers: [],
    valueSchemaMetadata: avroMetadata,
  })
  expect(await handled(2)).toEqual([json(1, 'NL'), json(3, 'BE')])
  expect(logins).toEqual(new Set([`Basic ${base64('ann:secret')}`]))

  const dead: Record<string, unknown>[] = []
  const consumer = kafka().consumer({ groupId: 'reader' })
  await consumer.connect()
  await consumer.subscribe({ topics: ['dead'], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message: { value } }) => {
      dead.push(JSON.parse(String(value)) as Record<string, unknown>)
    },
  })
  await eventually(
    async () => (dead.length >= 2 ? true : undefined),
    () => `two records that no schema gets at\n${platform.log().slice(-3000)}`,
  )
  await consumer.disconnect()
  const given = (condition: string, value: Buffer) => ({
    requestContext: expect.objectContaining({ condition, approximateInvokeCount: 1 }) as object,
    responseContext: null,
    payload: expect.objectContaining({
      records: { 'orders-0': [expect.objectContaining({ value: base64(value) })] },
    }) as object,
  })
  // Each is sent by itself, and either may be there first.
  expect(dead).toHaveLength(2)
  expect(dead).toContainEqual(expect.objectContaining(given('SCHEMA_NOT_FOUND', unknown)))
  expect(dead).toContainEqual(
    expect.objectContaining(given('DESERIALIZATION_ERROR', Buffer.from('text'))),
  )
  const metrics = await (await fetch(platform.metrics)).text()
  expect(metrics).toMatch(/millrace_mapping_schema_registry_errors_total\{[^}]*\} 2\n/)

  const SchemaRegistryConfig = registryConfig({ EventRecordFormat: 'SOURCE' })
  await client.send(
    new UpdateEventSourceMappingCommand({
      UUID,
      SelfManagedKafkaEventSourceConfig: { SchemaRegistryConfig },
    }),
  )
  await mappingEnabled(client, platform, UUID)
  await send(written(4, 'FR'), written(5, 'NL'))
  expect((await handled(3))[2]).toEqual({
    value: base64(type.toBuffer({ id: 5, country: 'NL' })),
    headers: [],
    valueSchemaMetadata: avroMetadata,
  })
})

test('records wait while the registry is away, the mapping says so, and none is lost', async () => {
  isDown = true
  const UUID = await map({
    SelfManagedKafkaEventSourceConfig: { SchemaRegistryConfig: registryConfig() },
  })
  await send(written(1, 'NL'), null, written(2, 'DE'))
  await eventually(
    async () => ((await result(UUID)).includes('it answered 503') ? true : undefined),
    () => `the mapping to say why it waits\n${platform.log().slice(-3000)}`,
  )
  expect(await result(UUID)).toMatch(
    /^PROBLEM: Connection error\. schema registry http:\S+ refused schemas\/ids\/1: it answered 503\.?$/,
  )
  isDown = false
  const values = (await handled(3)).map(({ value }) => value)
  const json = (text: string): string => base64(text)
  expect(values).toEqual([
    json('{"id":1,"country":"NL"}'),
    undefined,
    json('{"id":2,"country":"DE"}'),
  ])
  await eventually(
    async () => ((await result(UUID)) === 'OK' ? true : undefined),
    () => `all to be well again\n${platform.log().slice(-3000)}`,
  )
})
