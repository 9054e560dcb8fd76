// Takes each optional setting of a mapping through create, update and removal, in both paces.
import {
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput as CreateInput,
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

async function start(pace: 'local' | 'aws' = 'local'): Promise<ControlHarness> {
  const harness = await startControlForTest({ pace })
  await deployTyres(harness)
  return harness
}

async function updated(harness: ControlHarness, UUID: string, change: Partial<UpdateInput>) {
  const answer = await harness.client.send(new UpdateEventSourceMappingCommand({ UUID, ...change }))
  await harness.settle(UUID)
  return answer
}

const secret = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:ann-a1B2c3'

test.each<[string, Partial<CreateInput>, Partial<UpdateInput>, Partial<UpdateInput>]>([
  [
    'SourceAccessConfigurations',
    {
      SourceAccessConfigurations: [
        { Type: 'BASIC_AUTH', URI: secret },
        { Type: 'SERVER_ROOT_CA_CERTIFICATE', URI: 'file:/run/secrets/ca.json' },
        { Type: 'VPC_SUBNET', URI: 'subnet:subnet-1' },
        { Type: 'VPC_SUBNET', URI: 'subnet:subnet-2' },
        { Type: 'VPC_SECURITY_GROUP', URI: 'security_group:sg-1' },
      ],
    },
    { SourceAccessConfigurations: [{ Type: 'CLIENT_CERTIFICATE_TLS_AUTH', URI: secret }] },
    { SourceAccessConfigurations: [] },
  ],
  [
    'MetricsConfig',
    { MetricsConfig: { Metrics: ['EventCount', 'ErrorCount', 'KafkaMetrics'] } },
    { MetricsConfig: { Metrics: ['KafkaMetrics'] } },
    { MetricsConfig: {} },
  ],
  [
    'LoggingConfig',
    { LoggingConfig: { SystemLogLevel: 'DEBUG' }, ProvisionedPollerConfig: { MinimumPollers: 1 } },
    { LoggingConfig: { SystemLogLevel: 'WARN' } },
    { LoggingConfig: {} },
  ],
  [
    'KMSKeyArn',
    { KMSKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/1' },
    { KMSKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/2' },
    { KMSKeyArn: '' },
  ],
  [
    'ProvisionedPollerConfig',
    { ProvisionedPollerConfig: { MinimumPollers: 2, MaximumPollers: 3, PollerGroupName: 'g' } },
    { ProvisionedPollerConfig: { MinimumPollers: 3, MaximumPollers: 3, PollerGroupName: 'h' } },
    { ProvisionedPollerConfig: {} },
  ],
  [
    'FilterCriteria',
    { FilterCriteria: { Filters: [{ Pattern: '{"value":{"a":[1]}}' }] } },
    { FilterCriteria: { Filters: [{ Pattern: '{"value":{"a":[2]}}' }] } },
    { FilterCriteria: {} },
  ],
])('%s is kept, changed and taken away by updates', async (name, first, second, none) => {
  const harness = await start()
  const UUID = await created(harness, first)
  const now = async (): Promise<unknown> => {
    const found = await harness.client.send(new GetEventSourceMappingCommand({ UUID }))
    return (found as unknown as Record<string, unknown>)[name]
  }
  expect(await now()).toEqual(first[name as keyof CreateInput])
  const other = await updated(harness, UUID, { BatchSize: 7 })
  expect(other).toMatchObject({ BatchSize: 7, ...first })
  expect(await updated(harness, UUID, second)).toMatchObject(second)
  expect(await now()).toEqual(second[name as keyof UpdateInput])
  await updated(harness, UUID, none)
  expect(await now()).toBeUndefined()
})

test('an empty destination and an empty group go alone, and leave what is beside them', async () => {
  const harness = await start()
  const UUID = await created(harness, {
    MaximumRetryAttempts: 3,
    DestinationConfig: { OnFailure: { Destination: 'kafka://dead' } },
    ProvisionedPollerConfig: { MinimumPollers: 2, MaximumPollers: 3, PollerGroupName: 'g' },
  })
  const answer = await updated(harness, UUID, {
    DestinationConfig: { OnFailure: { Destination: '' } },
    ProvisionedPollerConfig: { PollerGroupName: '' },
  })
  expect(answer).toMatchObject({ MaximumRetryAttempts: 3, DestinationConfig: { OnFailure: {} } })
  expect(answer.ProvisionedPollerConfig).toEqual({ MinimumPollers: 2, MaximumPollers: 3 })
})

test('filter criteria with a key of the customer’s are shown by Get, and not by List', async () => {
  const harness = await start()
  const FilterCriteria = { Filters: [{ Pattern: '{"value":{"a":[1]}}' }] }
  const UUID = await created(harness, {
    FilterCriteria,
    KMSKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/1',
  })
  const { client } = harness
  const got = await client.send(new GetEventSourceMappingCommand({ UUID }))
  expect(got.FilterCriteria).toEqual(FilterCriteria)
  const { EventSourceMappings: [listed] = [] } = await client.send(
    new ListEventSourceMappingsCommand({}),
  )
  expect(listed).toMatchObject({ UUID, KMSKeyArn: got.KMSKeyArn })
  expect(listed).not.toHaveProperty('FilterCriteria')
})

test('why a mapping cannot read is its reason for the state, until something changes', async () => {
  const harness = await start()
  const UUID = await created(harness, {})
  const reason = async (): Promise<string | undefined> =>
    (await harness.client.send(new GetEventSourceMappingCommand({ UUID }))).StateTransitionReason
  await harness.settle(UUID, { stateTransitionReason: 'EVENT_SOURCE_AUTHN_ERROR' })
  expect(await reason()).toBe('EVENT_SOURCE_AUTHN_ERROR')
  const update = new UpdateEventSourceMappingCommand({ UUID, BatchSize: 2 })
  expect((await harness.client.send(update)).StateTransitionReason).toBe('USER_INITIATED')
  expect(await reason()).toBe('USER_INITIATED')
})

const onDemandOnly: [string, Partial<CreateInput>][] = [
  ['LoggingConfig', { LoggingConfig: { SystemLogLevel: 'INFO' } }],
  ['MaximumRetryAttempts', { MaximumRetryAttempts: 0 }],
  ['MaximumRecordAgeInSeconds', { MaximumRecordAgeInSeconds: 60 }],
  ['BisectBatchOnFunctionError', { BisectBatchOnFunctionError: true }],
  ['FunctionResponseTypes', { FunctionResponseTypes: ['ReportBatchItemFailures'] }],
  [
    'SchemaRegistryConfig',
    {
      SelfManagedKafkaEventSourceConfig: {
        SchemaRegistryConfig: {
          SchemaRegistryURI: 'http://registry:8081',
          EventRecordFormat: 'JSON',
          SchemaValidationConfigs: [{ Attribute: 'VALUE' }],
        },
      },
    },
  ],
  ['A kafka:// destination', { DestinationConfig: { OnFailure: { Destination: 'kafka://dead' } } }],
]

test.each(onDemandOnly)('pace aws has %s in provisioned mode only', async (name, change) => {
  const harness = await start('aws')
  const refusal = {
    name: 'InvalidParameterValueException',
    status: 400,
    message: `${name} is only supported for Kafka event source mappings with ProvisionedPollerConfig.`,
  }
  expect(await refusalOf(created(harness, change))).toEqual(refusal)
  const UUID = await created(harness, {
    ...change,
    ProvisionedPollerConfig: { MinimumPollers: 1 },
  })
  expect(await refusalOf(updated(harness, UUID, { ProvisionedPollerConfig: {} }))).toEqual(refusal)
})

test.each(onDemandOnly)('pace local has %s always', async (_, change) => {
  const harness = await start()
  await created(harness, change)
  expect(harness.registry.mappings()).toHaveLength(1)
})

test('pace aws sends what is given up to a queue in both modes', async () => {
  const Destination = 'arn:aws:sqs:us-east-1:000000000000:dead'
  const harness = await start('aws')
  await created(harness, { DestinationConfig: { OnFailure: { Destination } } })
  expect(harness.registry.mappings()).toHaveLength(1)
})

test('a Kafka mapping takes a parallelization factor, and gives it up, at our pace alone', async () => {
  const harness = await start()
  const UUID = await created(harness, { ParallelizationFactor: 10 })
  const shown = () => harness.client.send(new GetEventSourceMappingCommand({ UUID }))
  expect(await shown()).toMatchObject({ ParallelizationFactor: 10, Topics: ['telemetry'] })
  await updated(harness, UUID, { BatchSize: 7 })
  expect((await shown()).ParallelizationFactor).toBe(10)
  await updated(harness, UUID, { ParallelizationFactor: 3 })
  expect(harness.registry.mapping(UUID)?.parallelizationFactor).toBe(3)
  await updated(harness, UUID, { ParallelizationFactor: 1 })
  expect(await shown()).not.toHaveProperty('ParallelizationFactor')
  const aws = await start('aws')
  const refusal = {
    name: 'InvalidParameterValueException',
    status: 400,
    message: 'Unsupported ParallelizationFactor parameter for given event source mapping type.',
  }
  expect(await refusalOf(created(aws, { ParallelizationFactor: 2 }))).toEqual(refusal)
  const plain = await created(aws, { ParallelizationFactor: 1 })
  expect(await refusalOf(updated(aws, plain, { ParallelizationFactor: 2 }))).toEqual(refusal)
})
