// Tests what an event source mapping may not be, text by text, and what is accepted as a default.
import {
  CreateAliasCommand,
  PublishVersionCommand,
  UpdateAliasCommand,
  type UpdateAliasCommandInput,
  UpdateEventSourceMappingCommand,
  UpdateFunctionConfigurationCommand,
  type CreateEventSourceMappingCommandInput as CreateInput,
  type SourceAccessConfiguration,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import {
  servers,
  kafkaMapping as valid,
  createMapping as create,
} from '../test/support/kafka-mapping.ts'
import { deployTyres } from '../test/support/tyres.ts'

const clusterArn = 'arn:aws:kafka:us-east-1:000000000000:cluster/demo/1234'

async function start(): Promise<ControlHarness> {
  const harness = await startControlForTest()
  for (const FunctionName of ['tyres', 'other']) {
    await deployTyres(harness, FunctionName)
  }
  return harness
}

const invalid = 'InvalidParameterValueException'
const violation = 'ValidationException'
const filters = (...patterns: unknown[]): Partial<CreateInput> => ({
  FilterCriteria: { Filters: patterns.map((Pattern) => ({ Pattern }) as { Pattern: string }) },
})
const secret = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:ann-a1B2c3'
const access = (
  ...list: (readonly [string | undefined, string | undefined])[]
): Partial<CreateInput> => ({
  SourceAccessConfigurations: list.map(
    ([Type, URI]) => ({ Type, URI }) as SourceAccessConfiguration,
  ),
})
const unavailable = (name: string): string =>
  `${name} is not available yet for a Kafka event source.`
const tomorrow = new Date(Date.now() + 86_400_000)

test.each<[string, Partial<CreateInput>, string, string | RegExp]>([
  ['no source', { SelfManagedEventSource: undefined }, invalid, 'Unrecognized event source.'],
  [
    'a DynamoDB source',
    {
      SelfManagedEventSource: undefined,
      EventSourceArn: 'arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/s',
    },
    invalid,
    /^Event source arn:aws:dynamodb:\S+ is not available yet: a Kinesis stream is/,
  ],
  ['two sources', { EventSourceArn: clusterArn }, invalid, /^Give either EventSourceArn or/],
  ['an unknown function', { FunctionName: 'none' }, invalid, 'Function does not exist'],
  ['an unknown alias', { FunctionName: 'tyres:prod' }, invalid, 'Function does not exist'],
  ['no topic', { Topics: undefined }, invalid, 'Topics must name exactly one topic.'],
  [
    'two topics',
    { Topics: ['aa', 'bb'] },
    violation,
    "1 validation error detected: Value '[aa, bb]' at 'topics' failed to satisfy constraint: Member must have length less than or equal to 1",
  ],
  [
    'an unknown starting position',
    { StartingPosition: 'invalid' as never },
    violation,
    "1 validation error detected: Value 'invalid' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
  ],
  [
    'sizes out of range, counted',
    { BatchSize: 0, MaximumBatchingWindowInSeconds: 301 },
    violation,
    "2 validation errors detected: Value '0' at 'batchSize' failed to satisfy constraint: Member must have value greater than or equal to 1; Value '301' at 'maximumBatchingWindowInSeconds' failed to satisfy constraint: Member must have value less than or equal to 300",
  ],
  ['a server without port', servers('kafka'), violation, /regular expression pattern: /],
  [
    'eleven servers',
    servers(...Array.from({ length: 11 }, (_, i) => `k:${i}`)),
    violation,
    /at 'selfManagedEventSource\.endpoints\.KAFKA_BOOTSTRAP_SERVERS' failed to satisfy constraint: Member must have length less than or equal to 10$/,
  ],
  ['no function', { FunctionName: undefined }, violation, /Value null at 'functionName'/],
  [
    'a broken filter',
    filters('{"value":{"k":"v"}}'),
    invalid,
    'Invalid filter pattern definition.',
  ],
  ['a filter that is text', filters('text'), invalid, 'Invalid filter pattern definition.'],
  ['a filter that is null', filters(null), invalid, 'Invalid filter pattern definition.'],
  [
    'six filters',
    filters(...Array.from({ length: 6 }, () => '{"value":{"a":[1]}}')),
    invalid,
    'There cannot be more than 5 filters.',
  ],
  [
    'a long filter',
    filters('x'.repeat(4097)),
    violation,
    /'filterCriteria.filters.1.member.pattern'/,
  ],
  [
    'a time in the future',
    { StartingPosition: 'AT_TIMESTAMP', StartingPositionTimestamp: tomorrow },
    invalid,
    'StartingPositionTimestamp must not be in the future.',
  ],
  [
    'AT_TIMESTAMP without time',
    { StartingPosition: 'AT_TIMESTAMP' },
    invalid,
    'StartingPosition AT_TIMESTAMP needs StartingPositionTimestamp.',
  ],
  [
    'a destination of successes',
    { DestinationConfig: { OnSuccess: { Destination: 'arn:aws:sqs:us-east-1:0:q' } } },
    invalid,
    'Unsupported DestinationConfig parameter for given event source mapping type.',
  ],
  ...(
    [
      ['a queue in order', 'arn:aws:sqs:us-east-1:000000000000:dead.fifo'],
      ['a function', 'arn:aws:lambda:us-east-1:000000000000:function:dead'],
    ] as const
  ).map(([what, Destination]): [string, Partial<CreateInput>, string, string] => [
    `${what} as destination of failures`,
    { DestinationConfig: { OnFailure: { Destination } } },
    invalid,
    `OnFailure destination ${Destination} takes no records: give kafka://topic, of the cluster that the mapping reads, or the ARN of a standard SQS queue, a standard SNS topic or an S3 bucket.`,
  ]),
  [
    'a destination without a name',
    { DestinationConfig: { OnFailure: { Destination: 'kafka://' } } },
    invalid,
    'OnFailure destination kafka:// does not name a topic.',
  ],
  [
    'the source as destination of failures',
    { DestinationConfig: { OnFailure: { Destination: 'kafka://telemetry' } } },
    invalid,
    'OnFailure destination kafka://telemetry is the topic that the mapping reads.',
  ],
  [
    'a destination too long',
    { DestinationConfig: { OnFailure: { Destination: `kafka://${'d'.repeat(343)}` } } },
    violation,
    /^1 validation error detected: Value 'kafka:\S+' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must have length less than or equal to 350$/,
  ],
  [
    'a secret that is none',
    access(['BASIC_AUTH', 'arn:aws:x']),
    invalid,
    'SourceAccessConfigurations: the URI of BASIC_AUTH must call a secret: its ARN in AWS Secrets Manager, file:/a/path.json, or env:A_VARIABLE; it is arn:aws:x.',
  ],
  [
    'a secret above the directory of secrets',
    access(['BASIC_AUTH', `${secret}/../../users`]),
    invalid,
    /^SourceAccessConfigurations: the URI of BASIC_AUTH must call a secret: /,
  ],
  [
    'a way in without the name of its secret',
    access(['BASIC_AUTH', undefined]),
    invalid,
    'SourceAccessConfigurations: each needs a Type and a URI.',
  ],
  [
    'two ways to authenticate',
    access(['SASL_SCRAM_512_AUTH', secret], ['CLIENT_CERTIFICATE_TLS_AUTH', secret]),
    invalid,
    'SourceAccessConfigurations: SASL_SCRAM_512_AUTH and CLIENT_CERTIFICATE_TLS_AUTH are two ways to authenticate, and there can be one.',
  ],
  [
    'two authorities',
    access(['SERVER_ROOT_CA_CERTIFICATE', secret], ['SERVER_ROOT_CA_CERTIFICATE', secret]),
    invalid,
    'SourceAccessConfigurations: SERVER_ROOT_CA_CERTIFICATE can be given once.',
  ],
  ...['VIRTUAL_HOST', 'IAM_AUTH', 'OAUTHBEARER_AUTH'].map(
    (type): [string, Partial<CreateInput>, string, string] => [
      `${type}, which is of other sources or of AWS alone`,
      access([type, secret]),
      invalid,
      `SourceAccessConfigurations: ${type} is not available for a Kafka event source.`,
    ],
  ),
  [
    'an unknown type and a wrong URI, counted',
    access(['PASSWORD', 'a b'], ['BASIC_AUTH', 'a\tb']),
    violation,
    /^2 validation errors detected: Value 'PASSWORD' at 'sourceAccessConfigurations\.1\.member\.type' failed to satisfy constraint: Member must satisfy enum value set: \[BASIC_AUTH, VPC_SUBNET, .*; Value 'a\tb' at 'sourceAccessConfigurations\.2\.member\.uRI' failed/,
  ],
  [
    'a URI of 201 characters',
    access(['BASIC_AUTH', `${secret}${'x'.repeat(201 - secret.length)}`]),
    violation,
    /at 'sourceAccessConfigurations\.1\.member\.uRI' failed to satisfy constraint: Member must have length less than or equal to 200$/,
  ],
  [
    'twenty-four ways in',
    access(...Array.from({ length: 24 }, () => ['VPC_SUBNET', 'subnet:s'] as const)),
    violation,
    "1 validation error detected: Value at 'sourceAccessConfigurations' failed to satisfy constraint: Member must have length less than or equal to 23",
  ],
  [
    'a group of metrics that there is not',
    { MetricsConfig: { Metrics: ['EventCount', 'All' as never] } },
    violation,
    "1 validation error detected: Value 'All' at 'metricsConfig.metrics.2.member' failed to satisfy constraint: Member must satisfy enum value set: [EventCount, ErrorCount, KafkaMetrics]",
  ],
  [
    'four groups of metrics',
    { MetricsConfig: { Metrics: Array.from({ length: 4 }, () => 'EventCount' as const) } },
    violation,
    /at 'metricsConfig\.metrics' failed to satisfy constraint: Member must have length less than or equal to 3$/,
  ],
  [
    'a level that there is not',
    { LoggingConfig: { SystemLogLevel: 'ERROR' as never } },
    violation,
    "1 validation error detected: Value 'ERROR' at 'loggingConfig.systemLogLevel' failed to satisfy constraint: Member must satisfy enum value set: [DEBUG, INFO, WARN]",
  ],
  [
    'a key that is no ARN',
    { KMSKeyArn: 'my-key' },
    violation,
    "1 validation error detected: Value 'my-key' at 'kMSKeyArn' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()",
  ],
  ['a queue', { Queues: ['q'] }, invalid, unavailable('Queues')],
  [
    'the concurrency of a queue',
    { ScalingConfig: { MaximumConcurrency: 2 } },
    invalid,
    unavailable('ScalingConfig'),
  ],
  [
    'a database',
    { DocumentDBEventSourceConfig: { DatabaseName: 'd' } },
    invalid,
    unavailable('DocumentDBEventSourceConfig'),
  ],
  [
    'retries and an age beyond their bounds',
    { MaximumRetryAttempts: 10_001, MaximumRecordAgeInSeconds: 604_801 },
    violation,
    "2 validation errors detected: Value '10001' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 10000; Value '604801' at 'maximumRecordAgeInSeconds' failed to satisfy constraint: Member must have value less than or equal to 604800",
  ],
  ...[0, 59].map((MaximumRecordAgeInSeconds): [string, Partial<CreateInput>, string, string] => [
    `a record age of ${MaximumRecordAgeInSeconds} s`,
    { MaximumRecordAgeInSeconds },
    invalid,
    'MaximumRecordAgeInSeconds must be -1, or from 60 to 604800.',
  ]),
  [
    'a tumbling window',
    { TumblingWindowInSeconds: 1 },
    invalid,
    unavailable('TumblingWindowInSeconds'),
  ],
  [
    'another type of response',
    { FunctionResponseTypes: ['Other'] as never },
    violation,
    "1 validation error detected: Value 'Other' at 'functionResponseTypes' failed to satisfy constraint: Member must satisfy enum value set: [ReportBatchItemFailures]",
  ],
  [
    'no event poller at all',
    { ProvisionedPollerConfig: { MinimumPollers: 0 } },
    violation,
    "1 validation error detected: Value '0' at 'provisionedPollerConfig.minimumPollers' failed to satisfy constraint: Member must have value greater than or equal to 1",
  ],
  [
    'event pollers above both bounds',
    { ProvisionedPollerConfig: { MinimumPollers: 201, MaximumPollers: 2001 } },
    violation,
    "2 validation errors detected: Value '201' at 'provisionedPollerConfig.minimumPollers' failed to satisfy constraint: Member must have value less than or equal to 200; Value '2001' at 'provisionedPollerConfig.maximumPollers' failed to satisfy constraint: Member must have value less than or equal to 2000",
  ],
  [
    'a group of pollers with a blank',
    { ProvisionedPollerConfig: { PollerGroupName: 'my group' } },
    violation,
    "1 validation error detected: Value 'my group' at 'provisionedPollerConfig.pollerGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9-_]{0,128}",
  ],
  [
    'a maximum below the minimum',
    { ProvisionedPollerConfig: { MinimumPollers: 3, MaximumPollers: 2 } },
    invalid,
    'MaximumPollers (2) must not be less than MinimumPollers (3).',
  ],
  [
    "the other kind's configuration",
    { AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'g' } },
    invalid,
    'AmazonManagedKafkaEventSourceConfig does not fit a self-managed event source.',
  ],
])('%s refuses the creation', async (_, change, code, message) => {
  const harness = await start()
  // Sent past the SDK's own checks, so that it is ours which is tested.
  const response = await fetch(`${harness.url}/2015-03-31/event-source-mappings/`, {
    method: 'POST',
    body: JSON.stringify({ ...valid, ...change }, (_key, value: unknown) =>
      typeof value === 'string' && value === tomorrow.toISOString() ? +tomorrow / 1000 : value,
    ),
  })
  const body = (await response.json()) as Record<string, string>
  expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([400, code])
  expect(body['Type']).toBe(code === violation ? undefined : 'User')
  if (typeof message === 'string') expect(body['message']).toBe(message)
  else expect(body['message']).toMatch(message)
  expect(harness.registry.mappings()).toEqual([])
})

test('what says no more than the default of AWS is accepted', async () => {
  const harness = await start()
  await create(harness, {
    BisectBatchOnFunctionError: false,
    DestinationConfig: { OnFailure: {} },
    FilterCriteria: { Filters: [] },
    FunctionResponseTypes: [],
    KMSKeyArn: '',
    LoggingConfig: {},
    MetricsConfig: { Metrics: [] },
    MaximumRecordAgeInSeconds: -1,
    MaximumRetryAttempts: -1,
    ParallelizationFactor: 1,
    ProvisionedPollerConfig: {},
    SourceAccessConfigurations: [],
    TumblingWindowInSeconds: 0,
  })
  expect(harness.registry.mappings()).toHaveLength(1)
  const [mapping] = harness.registry.mappings()
  for (const name of ['sourceAccess', 'metrics', 'systemLogLevel', 'kmsKeyArn']) {
    expect(mapping).not.toHaveProperty(name)
  }
})

test('a function behind a mapping may run for 14 minutes and no longer, whichever comes first', async () => {
  const harness = await start()
  const { client } = harness
  const setTimeout = (FunctionName: string, Timeout: number) =>
    client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout }))
  const refusal = {
    name: invalid,
    status: 400,
    message:
      "Event source mappings for Apache Kafka only support functions with a timeout of at most 840 seconds, and this one's is 841.",
  }
  await setTimeout('tyres', 841)
  expect(await refusalOf(create(harness))).toEqual(refusal)
  await setTimeout('tyres', 840)
  const { UUID } = await create(harness)
  expect(await refusalOf(setTimeout('tyres', 841))).toEqual(refusal)
  await setTimeout('other', 841)
  const move = new UpdateEventSourceMappingCommand({ UUID, FunctionName: 'other' })
  await harness.settle(UUID ?? '')
  expect(await refusalOf(client.send(move))).toEqual(refusal)
})

test('an alias that a mapping invokes goes to no version that may run for longer than 14 minutes, weighted or not', async () => {
  const harness = await start()
  const { client } = harness
  const publish = async (Timeout: number) => {
    await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'tyres', Timeout }))
    return (await client.send(new PublishVersionCommand({ FunctionName: 'tyres' }))).Version
  }
  const [short, long] = [await publish(840), await publish(841)]
  const alias = { FunctionName: 'tyres', Name: 'live' }
  await client.send(new CreateAliasCommand({ ...alias, FunctionVersion: short }))
  await create(harness, { FunctionName: 'tyres:live' })
  const change = (input: Partial<UpdateAliasCommandInput>) =>
    refusalOf(client.send(new UpdateAliasCommand({ ...alias, ...input })))
  const message = expect.stringContaining("and this one's is 841.") as string
  const refusal = { name: invalid, status: 400, message }
  expect(await change({ FunctionVersion: long })).toEqual(refusal)
  const weights = { AdditionalVersionWeights: { [long ?? '']: 0.1 } }
  expect(await change({ RoutingConfig: weights })).toEqual(refusal)
  // Nobody reads by this one.
  await client.send(
    new CreateAliasCommand({ FunctionName: 'tyres', Name: 'other', FunctionVersion: long }),
  )
})
