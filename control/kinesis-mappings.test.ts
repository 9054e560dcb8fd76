// Tests mappings of Kinesis streams in the API: recorded answers and refusals, what an update keeps, states.
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
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
import { deployTyres } from '../test/support/tyres.ts'

const streamArn = 'arn:aws:kinesis:us-east-1:000000000000:stream/telemetry'
const consumerArn = `${streamArn}/consumer/fast:1700000000`
const missing = 'arn:aws:kinesis:us-east-1:000000000000:stream/gone'
const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:tyres'
const valid = {
  FunctionName: 'tyres',
  EventSourceArn: streamArn,
  StartingPosition: 'LATEST',
} satisfies CreateInput

async function start(pace: 'local' | 'aws' = 'local'): Promise<ControlHarness> {
  const harness = await startControlForTest({
    pace,
    streams: {
      find: async (arn) =>
        arn === missing ? 'missing' : arn.includes('away') ? { unknown: 'It sleeps.' } : 'found',
    },
  })
  await deployTyres(harness)
  return harness
}

function create({ client }: ControlHarness, change: Partial<CreateInput> = {}) {
  return client.send(new CreateEventSourceMappingCommand({ ...valid, ...change }))
}

function update(
  { client }: ControlHarness,
  uuid: string | undefined,
  change: Omit<UpdateInput, 'UUID'>,
) {
  return client.send(new UpdateEventSourceMappingCommand({ UUID: uuid, ...change }))
}

test('what is created with a starting position alone is answered as recorded on AWS', async () => {
  const { $metadata, UUID, LastModified, ...rest } = await create(await start())
  expect($metadata.httpStatusCode).toBe(202)
  expect(UUID).toMatch(/^[0-9a-f-]{36}$/)
  expect(LastModified).toBeInstanceOf(Date)
  expect(rest).toEqual({
    BatchSize: 100,
    BisectBatchOnFunctionError: false,
    DestinationConfig: { OnFailure: {} },
    EventSourceArn: streamArn,
    EventSourceMappingArn: `arn:aws:lambda:us-east-1:000000000000:event-source-mapping:${UUID}`,
    FunctionArn: functionArn,
    FunctionResponseTypes: [],
    LastProcessingResult: 'No records processed',
    MaximumBatchingWindowInSeconds: 0,
    MaximumRecordAgeInSeconds: -1,
    MaximumRetryAttempts: -1,
    ParallelizationFactor: 1,
    StartingPosition: 'LATEST',
    State: 'Creating',
    StateTransitionReason: 'User action',
    TumblingWindowInSeconds: 0,
  })
})

test('every parameter that streams have is kept, and reported', async () => {
  const harness = await start()
  const given = {
    EventSourceArn: consumerArn,
    StartingPosition: 'AT_TIMESTAMP',
    StartingPositionTimestamp: new Date(1_700_000_000_000),
    Enabled: false,
    BatchSize: 10_000,
    MaximumBatchingWindowInSeconds: 300,
    ParallelizationFactor: 10,
    TumblingWindowInSeconds: 900,
    MaximumRetryAttempts: 10_000,
    MaximumRecordAgeInSeconds: 604_800,
    BisectBatchOnFunctionError: true,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:us-east-1:000000000000:dead' } },
    FilterCriteria: { Filters: [{ Pattern: '{"data":{"a":[1]},"partitionKey":["k"]}' }] },
    MetricsConfig: { Metrics: ['EventCount'] },
    KMSKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/1',
    ProvisionedPollerConfig: { MinimumPollers: 2, MaximumPollers: 4 },
  } satisfies Partial<CreateInput>
  const { UUID } = await create(harness, given)
  const { client } = harness
  const { Enabled: _enabled, ...shown } = given
  const got = await client.send(new GetEventSourceMappingCommand({ UUID }))
  expect(got).toMatchObject({ ...shown, State: 'Disabled' })
  expect(got.Topics).toBeUndefined()
  const listed = await client.send(
    new ListEventSourceMappingsCommand({ EventSourceArn: consumerArn }),
  )
  expect(listed.EventSourceMappings?.map((each) => each.UUID)).toEqual([UUID])
})

test('an update keeps what it leaves out, and takes back by defaults and empty values', async () => {
  const harness = await start()
  const destination = { OnFailure: { Destination: 'arn:aws:sqs:us-east-1:000000000000:dead' } }
  const { UUID } = await create(harness, {
    ParallelizationFactor: 4,
    TumblingWindowInSeconds: 30,
    MaximumRetryAttempts: 3,
    DestinationConfig: destination,
    FilterCriteria: { Filters: [{ Pattern: '{"data":{"a":[1]}}' }] },
    ProvisionedPollerConfig: { MinimumPollers: 2 },
  })
  await harness.settle(UUID ?? '')
  const kept = await update(harness, UUID, { BatchSize: 7 })
  expect(kept).toMatchObject({
    State: 'Updating',
    BatchSize: 7,
    ParallelizationFactor: 4,
    TumblingWindowInSeconds: 30,
    MaximumRetryAttempts: 3,
    DestinationConfig: destination,
  })
  await harness.settle(UUID ?? '')
  const { FilterCriteria, ProvisionedPollerConfig, ...taken } = await update(harness, UUID, {
    ParallelizationFactor: 1,
    TumblingWindowInSeconds: 0,
    MaximumRetryAttempts: -1,
    DestinationConfig: { OnFailure: { Destination: '' } },
    FilterCriteria: {},
    ProvisionedPollerConfig: {},
  })
  expect([FilterCriteria, ProvisionedPollerConfig]).toEqual([undefined, undefined])
  expect(taken).toMatchObject({
    BatchSize: 7,
    ParallelizationFactor: 1,
    TumblingWindowInSeconds: 0,
    MaximumRetryAttempts: -1,
    DestinationConfig: { OnFailure: {} },
    StateTransitionReason: 'User action',
  })
})

test('states follow the poller, and a mapping can be disabled, enabled and deleted', async () => {
  const harness = await start()
  const { client } = harness
  const { UUID = '' } = await create(harness)
  const state = async (): Promise<string | undefined> =>
    (await client.send(new GetEventSourceMappingCommand({ UUID }))).State
  expect(await state()).toBe('Creating')
  await harness.settle(UUID)
  expect(await state()).toBe('Enabled')
  expect((await update(harness, UUID, { Enabled: false })).State).toBe('Disabling')
  await harness.settle(UUID)
  expect(await state()).toBe('Disabled')
  expect((await update(harness, UUID, { Enabled: true })).State).toBe('Enabling')
  await harness.settle(UUID)
  const deleted = await client.send(new DeleteEventSourceMappingCommand({ UUID }))
  expect(deleted.State).toBe('Deleting')
})

const invalid = 'InvalidParameterValueException'
const violation = 'ValidationException'
const unsupported = (name: string): string => `${name} is not supported for a Kinesis event source.`

test.each<[string, Partial<CreateInput>, string, string]>([
  [
    'no starting position',
    { StartingPosition: undefined },
    invalid,
    "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
  ],
  [
    'an unknown starting position',
    { StartingPosition: 'invalid' as 'LATEST' },
    violation,
    "1 validation error detected: Value 'invalid' at 'startingPosition' failed to satisfy constraint: " +
      'Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]',
  ],
  [
    'a stream that is not there',
    { EventSourceArn: missing },
    invalid,
    `Stream not found: ${missing}`,
  ],
  [
    'an unknown function',
    { FunctionName: 'none', EventSourceArn: missing },
    invalid,
    'Function does not exist',
  ],
  [
    'a stream that cannot be asked about',
    { EventSourceArn: `${streamArn}-away` },
    invalid,
    `Cannot access stream ${streamArn}-away. It sleeps.`,
  ],
  [
    'a factor of 0',
    { ParallelizationFactor: 0 },
    violation,
    "1 validation error detected: Value '0' at 'parallelizationFactor' failed to satisfy constraint: " +
      'Member must have value greater than or equal to 1',
  ],
  [
    'a factor of 11',
    { ParallelizationFactor: 11 },
    violation,
    "1 validation error detected: Value '11' at 'parallelizationFactor' failed to satisfy constraint: " +
      'Member must have value less than or equal to 10',
  ],
  [
    'a tumbling window of 901 s',
    { TumblingWindowInSeconds: 901 },
    violation,
    "1 validation error detected: Value '901' at 'tumblingWindowInSeconds' failed to satisfy constraint: " +
      'Member must have value less than or equal to 900',
  ],
  [
    'a record age of 59 s',
    { MaximumRecordAgeInSeconds: 59 },
    invalid,
    'MaximumRecordAgeInSeconds must be -1, or from 60 to 604800.',
  ],
  [
    'a destination of successes',
    { DestinationConfig: { OnSuccess: { Destination: 'arn:aws:sqs:us-east-1:000000000000:q' } } },
    invalid,
    'Unsupported DestinationConfig parameter for given event source mapping type.',
  ],
  ['a topic', { Topics: ['telemetry'] }, invalid, unsupported('Topics')],
  [
    'a way in',
    { SourceAccessConfigurations: [{ Type: 'BASIC_AUTH', URI: 'file:/a' }] },
    invalid,
    unsupported('SourceAccessConfigurations'),
  ],
  [
    'scaling as of queues',
    { ScalingConfig: { MaximumConcurrency: 2 } },
    invalid,
    unsupported('ScalingConfig'),
  ],
  [
    'a log level',
    { LoggingConfig: { SystemLogLevel: 'INFO' } },
    invalid,
    unsupported('LoggingConfig'),
  ],
  [
    'metrics of Kafka',
    { MetricsConfig: { Metrics: ['KafkaMetrics'] } },
    invalid,
    unsupported('The metric group KafkaMetrics'),
  ],
  [
    'a poller group',
    { ProvisionedPollerConfig: { PollerGroupName: 'g' } },
    invalid,
    unsupported('ProvisionedPollerConfig.PollerGroupName'),
  ],
  [
    'a topic as destination',
    { DestinationConfig: { OnFailure: { Destination: 'kafka://dead' } } },
    invalid,
    unsupported('A kafka:// destination'),
  ],
  ...['null', '"a"', '{"data":"a"}', '{"data":[]}', '{"data":["text"]}'].map(
    (Pattern): [string, Partial<CreateInput>, string, string] => [
      `the filter ${Pattern}`,
      { FilterCriteria: { Filters: [{ Pattern }] } },
      invalid,
      'Invalid filter pattern definition.',
    ],
  ),
])('%s is refused', async (_, change, name, message) => {
  const harness = await start()
  expect(await refusalOf(create(harness, change))).toEqual({ name, status: 400, message })
  expect(harness.registry.mappings()).toEqual([])
})

test('a second mapping of a stream to a function is refused; one of its consumer is another', async () => {
  const harness = await start()
  const { UUID } = await create(harness)
  expect(await refusalOf(create(harness))).toEqual({
    name: 'ResourceConflictException',
    status: 409,
    message:
      `The event source arn (" ${streamArn} ") and function (" tyres ") provided mapping already exists. ` +
      `Please update or delete the existing mapping with UUID ${UUID}`,
  })
  await create(harness, { EventSourceArn: consumerArn })
})

test('in the pace of AWS there are no event pollers of its own', async () => {
  const harness = await start('aws')
  const pollers = { ProvisionedPollerConfig: { MinimumPollers: 1 } }
  const message = unsupported('ProvisionedPollerConfig')
  expect(await refusalOf(create(harness, pollers))).toMatchObject({ name: invalid, message })
  const { UUID } = await create(harness, {
    MaximumRetryAttempts: 2,
    BisectBatchOnFunctionError: true,
  })
  await harness.settle(UUID ?? '')
  expect(await refusalOf(update(harness, UUID, pollers))).toMatchObject({ name: invalid, message })
})
