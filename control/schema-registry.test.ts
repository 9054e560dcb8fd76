// Tests what a mapping may say of a schema registry, text by text, and how updates change it.
import {
  GetEventSourceMappingCommand,
  UpdateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput as CreateInput,
  type KafkaSchemaRegistryConfig,
  type UpdateEventSourceMappingCommandInput as UpdateInput,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import { settledMapping as created } from '../test/support/kafka-mapping.ts'
import { deployTyres } from '../test/support/tyres.ts'

const clusterArn = 'arn:aws:kafka:us-east-1:000000000000:cluster/demo/1234'
const [invalid, violation] = ['InvalidParameterValueException', 'ValidationException']

async function start(): Promise<ControlHarness> {
  const harness = await startControlForTest()
  await deployTyres(harness)
  return harness
}

const registry = {
  SchemaRegistryURI: 'http://registry:8081',
  EventRecordFormat: 'JSON',
  SchemaValidationConfigs: [{ Attribute: 'VALUE' }],
} as const satisfies KafkaSchemaRegistryConfig

const schemaRefusal = (
  what: string,
  change: KafkaSchemaRegistryConfig,
  code: string,
  message: string | RegExp,
): [string, KafkaSchemaRegistryConfig, string, string | RegExp] => [
  what,
  { ...registry, ...change },
  code,
  message,
]

const glue = 'arn:aws:glue:us-east-1:000000000000:registry/default-registry'
const secret = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:ann-a1B2c3'
const one = (Type: string, URI: string): KafkaSchemaRegistryConfig => ({
  AccessConfigs: [{ Type: Type as never, URI }],
})

test.each([
  schemaRefusal(
    'without its URL',
    { SchemaRegistryURI: undefined },
    invalid,
    'SchemaRegistryConfig: SchemaRegistryURI is missing.',
  ),
  schemaRefusal(
    'without a format',
    { EventRecordFormat: undefined },
    invalid,
    'SchemaRegistryConfig: EventRecordFormat is missing.',
  ),
  schemaRefusal(
    'that checks nothing',
    { SchemaValidationConfigs: [] },
    invalid,
    'SchemaRegistryConfig: SchemaValidationConfigs has to name KEY, VALUE or both as Attribute.',
  ),
  schemaRefusal(
    'that checks something twice',
    { SchemaValidationConfigs: [{ Attribute: 'KEY' }, { Attribute: 'KEY' }] },
    invalid,
    'SchemaRegistryConfig: SchemaValidationConfigs can name each Attribute once.',
  ),
  schemaRefusal(
    'at no URL',
    { SchemaRegistryURI: 'registry:8081' },
    invalid,
    'SchemaRegistryConfig: SchemaRegistryURI registry:8081 is neither the http or https URL of a schema registry, nor the ARN of one of AWS Glue.',
  ),
  schemaRefusal(
    'with a login in its URL',
    { SchemaRegistryURI: 'http://ann:secret@registry:8081' },
    invalid,
    'SchemaRegistryConfig: SchemaRegistryURI has a login in it, which belongs into a secret: give it by AccessConfigs.',
  ),
  schemaRefusal(
    'of AWS Glue with a login',
    { SchemaRegistryURI: glue, ...one('BASIC_AUTH', secret) },
    invalid,
    'SchemaRegistryConfig: AccessConfigs do not fit a registry of AWS Glue, which is asked with the credentials of AWS.',
  ),
  schemaRefusal(
    'by half an ARN',
    { SchemaRegistryURI: 'arn:aws:glue:us-east-1:registry/r' },
    invalid,
    /is neither the http or https URL of a schema registry, nor the ARN/,
  ),
  schemaRefusal(
    'with a wrong URI and two wrong words',
    {
      SchemaRegistryURI: 'http://registry/?a',
      EventRecordFormat: 'AVRO' as never,
      SchemaValidationConfigs: [{ Attribute: 'HEADER' as never }],
    },
    violation,
    "3 validation errors detected: Value 'http://registry/?a' at 'selfManagedKafkaEventSourceConfig.schemaRegistryConfig.schemaRegistryURI' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9-\\/*:_+=.@-]*; Value 'AVRO' at 'selfManagedKafkaEventSourceConfig.schemaRegistryConfig.eventRecordFormat' failed to satisfy constraint: Member must satisfy enum value set: [JSON, SOURCE]; Value 'HEADER' at 'selfManagedKafkaEventSourceConfig.schemaRegistryConfig.schemaValidationConfigs.1.member.attribute' failed to satisfy constraint: Member must satisfy enum value set: [KEY, VALUE]",
  ),
  schemaRefusal(
    'with a way in that there is not',
    one('SASL_SCRAM_512_AUTH', secret),
    violation,
    /at '.*accessConfigs\.1\.member\.type' failed to satisfy constraint: Member must satisfy enum value set: \[BASIC_AUTH, CLIENT_CERTIFICATE_TLS_AUTH, SERVER_ROOT_CA_CERTIFICATE\]$/,
  ),
  schemaRefusal(
    'whose login is nowhere',
    one('BASIC_AUTH', 'somewhere'),
    invalid,
    /^SchemaRegistryConfig: AccessConfigs: the URI of BASIC_AUTH must call a secret: .*it is somewhere\.$/,
  ),
  schemaRefusal(
    'with two logins',
    {
      AccessConfigs: [
        { Type: 'BASIC_AUTH', URI: secret },
        { Type: 'CLIENT_CERTIFICATE_TLS_AUTH', URI: secret },
      ],
    },
    invalid,
    'SchemaRegistryConfig: AccessConfigs: BASIC_AUTH and CLIENT_CERTIFICATE_TLS_AUTH are two ways to authenticate, and there can be one.',
  ),
])('a schema registry %s is refused', async (_, config, name, message) => {
  const harness = await start()
  const found = await refusalOf(
    created(harness, { SelfManagedKafkaEventSourceConfig: { SchemaRegistryConfig: config } }),
  )
  const text = typeof message === 'string' ? message : (expect.stringMatching(message) as string)
  expect(found).toEqual({ name, status: 400, message: text })
  expect(harness.registry.mappings()).toEqual([])
})

test('a registry of AWS Glue is called by its ARN', async () => {
  const harness = await start()
  await created(harness, {
    SelfManagedKafkaEventSourceConfig: {
      SchemaRegistryConfig: { ...registry, SchemaRegistryURI: glue },
    },
  })
  expect(harness.registry.mappings()[0]?.schemaRegistry?.uri).toBe(glue)
})

const whole: KafkaSchemaRegistryConfig = {
  SchemaRegistryURI: 'https://registry:8081/apis',
  EventRecordFormat: 'JSON',
  AccessConfigs: [
    { Type: 'BASIC_AUTH', URI: secret },
    { Type: 'SERVER_ROOT_CA_CERTIFICATE', URI: 'file:/run/secrets/ca.json' },
  ],
  SchemaValidationConfigs: [{ Attribute: 'KEY' }, { Attribute: 'VALUE' }],
}

test.each<[string, 'SelfManagedKafkaEventSourceConfig' | 'AmazonManagedKafkaEventSourceConfig']>([
  ['its own servers', 'SelfManagedKafkaEventSourceConfig'],
  ['an MSK cluster', 'AmazonManagedKafkaEventSourceConfig'],
])('a schema registry for %s is kept, stays, is replaced as a whole, and goes', async (_, name) => {
  const harness = await start()
  const source: Partial<CreateInput> =
    name === 'AmazonManagedKafkaEventSourceConfig'
      ? { EventSourceArn: clusterArn, SelfManagedEventSource: undefined }
      : {}
  const config = (SchemaRegistryConfig?: KafkaSchemaRegistryConfig): Partial<UpdateInput> => ({
    [name]: { ConsumerGroupId: 'readers', ...(SchemaRegistryConfig && { SchemaRegistryConfig }) },
  })
  const UUID = await created(harness, { ...source, ...config(whole) })
  const now = async (): Promise<unknown> =>
    (await harness.client.send(new GetEventSourceMappingCommand({ UUID })))[name]
  const update = async (change: Partial<UpdateInput>): Promise<void> => {
    await harness.client.send(new UpdateEventSourceMappingCommand({ UUID, ...change }))
    await harness.settle(UUID)
  }
  expect(await now()).toEqual({ ConsumerGroupId: 'readers', SchemaRegistryConfig: whole })
  await update({ BatchSize: 7 })
  await update(config())
  expect(await now()).toEqual({ ConsumerGroupId: 'readers', SchemaRegistryConfig: whole })
  await update(config(registry))
  expect(await now()).toEqual({ ConsumerGroupId: 'readers', SchemaRegistryConfig: registry })
  await update(config({}))
  expect(await now()).toEqual({ ConsumerGroupId: 'readers' })
})

test('an update has to say all of a schema registry again', async () => {
  const harness = await start()
  const UUID = await created(harness, {
    SelfManagedKafkaEventSourceConfig: { SchemaRegistryConfig: registry },
  })
  const update = (SchemaRegistryConfig: KafkaSchemaRegistryConfig) =>
    harness.client.send(
      new UpdateEventSourceMappingCommand({
        UUID,
        SelfManagedKafkaEventSourceConfig: { SchemaRegistryConfig },
      }),
    )
  expect(await refusalOf(update({ EventRecordFormat: 'SOURCE' }))).toMatchObject({
    name: invalid,
    message: 'SchemaRegistryConfig: SchemaRegistryURI is missing.',
  })
  expect(harness.registry.mappings()[0]?.schemaRegistry?.format).toBe('JSON')
})

test('the configuration of another kind of source is refused in an update as well', async () => {
  const harness = await start()
  const UUID = await created(harness, {})
  const update = new UpdateEventSourceMappingCommand({
    UUID,
    AmazonManagedKafkaEventSourceConfig: { SchemaRegistryConfig: registry },
  })
  expect(await refusalOf(harness.client.send(update))).toMatchObject({
    name: invalid,
    message: 'AmazonManagedKafkaEventSourceConfig does not fit the event source of this mapping.',
  })
})
