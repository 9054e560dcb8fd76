// Tests CloudFormation's own resource types, and the properties of mappings that are not there yet.
import { expect, test } from 'vitest'
import { loadText } from '../../test/support/load-template.ts'

const clusterArn = 'arn:aws:kafka:eu-west-1:012345678901:cluster/c/0-1'

/** A function `Fn`, with `code` as its Code; then more lines, of which the first is line 8. */
function withFunction(code: string, ...more: string[]): string {
  return [
    'Resources:',
    '  Fn:',
    '    Type: AWS::Lambda::Function',
    '    Properties:',
    '      Runtime: nodejs24.x',
    '      Handler: index.handler',
    `      Code: ${code}`,
    ...more,
  ].join('\n')
}

/** A mapping of that function; the first of `lines` is line 12. */
function withMapping(...lines: string[]): string {
  return withFunction(
    '.',
    '  Map:',
    '    Type: AWS::Lambda::EventSourceMapping',
    '    Properties:',
    '      FunctionName: !GetAtt Fn.Arn',
    ...lines.map((line) => `      ${line}`),
  )
}

test.each<[string, unknown]>([
  ['.', { kind: 'directory', directory: '/app' }],
  ['build/fn.zip', { kind: 'zip', file: '/app/build/fn.zip' }],
  ['{ S3Bucket: hot-reload, S3Key: /srv/fn }', { kind: 'directory', directory: '/srv/fn' }],
  [
    '{ ZipFile: "exports.handler = 1" }',
    { kind: 'inline', text: 'exports.handler = 1', fileName: 'index.js' },
  ],
])('a Lambda function has its code from %s', (code, planned) => {
  const { plan, warnings, errors } = loadText(withFunction(code))
  expect({ warnings, errors }).toEqual({ warnings: [], errors: [] })
  expect(plan.functions).toEqual([
    {
      logicalId: 'Fn',
      line: 2,
      configuration: {
        FunctionName: 'Fn',
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: 'arn:aws:iam::012345678901:role/FnRole',
        Description: '',
        MemorySize: 128,
        Timeout: 3,
        Architectures: ['x86_64'],
        EphemeralStorage: { Size: 512 },
        Environment: { Variables: {} },
      },
      code: planned,
    },
  ])
})

test.each<[string, string]>([
  ['{ S3Bucket: b, S3Key: k }', '7: AWS::Lambda::Function Fn: code in S3 is not supported'],
  ['{ ImageUri: i }', '2: AWS::Lambda::Function Fn: container images are not supported'],
  ['{ Zip: x }', '7: AWS::Lambda::Function Fn: Code: Zip does not belong here'],
])('code from %s is an error', (code, error) => {
  expect(loadText(withFunction(code)).errors).toEqual([error])
})

test('a self-managed mapping becomes members of CreateEventSourceMapping', () => {
  const { plan, warnings, errors } = loadText(
    withMapping(
      'SelfManagedEventSource: { Endpoints: { KafkaBootstrapServers: [b1:9092, b2:9092] } }',
      'Topics: [orders]',
      'SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: readers }',
      'BatchSize: 7',
      'MaximumBatchingWindowInSeconds: 2',
      'Enabled: false',
      'StartingPosition: LATEST',
      `FilterCriteria: { Filters: [{ Pattern: '{"key":["k"]}' }] }`,
      'MaximumRetryAttempts: -1',
      'BisectBatchOnFunctionError: false',
      'FunctionResponseTypes: []',
      'Tags: [{ Key: a, Value: b }]',
    ),
  )
  expect({ warnings, errors }).toEqual({ warnings: [], errors: [] })
  expect(plan.mappings).toEqual([
    {
      logicalId: 'Map',
      line: 8,
      input: {
        FunctionName: 'arn:aws:lambda:eu-west-1:012345678901:function:Fn',
        SelfManagedEventSource: {
          Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['b1:9092', 'b2:9092'] },
        },
        SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'readers' },
        Topics: ['orders'],
        StartingPosition: 'LATEST',
        BatchSize: 7,
        MaximumBatchingWindowInSeconds: 2,
        Enabled: false,
        BisectBatchOnFunctionError: false,
        FunctionResponseTypes: [],
        MaximumRetryAttempts: -1,
        FilterCriteria: { Filters: [{ Pattern: '{"key":["k"]}' }] },
      },
    },
  ])
  expect(plan.topics).toEqual([
    { name: 'orders', line: 8, bootstrapServers: ['b1:9092', 'b2:9092'], configs: {} },
  ])
})

test('a managed mapping becomes members of CreateEventSourceMapping', () => {
  const { plan, warnings, errors } = loadText(
    withMapping(
      `EventSourceArn: ${clusterArn}`,
      'Topics: [orders]',
      'StartingPosition: AT_TIMESTAMP',
      'StartingPositionTimestamp: 1700000000',
      'AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: readers }',
    ),
  )
  expect({ warnings, errors }).toEqual({ warnings: [], errors: [] })
  expect(plan.mappings[0]?.input).toEqual({
    FunctionName: 'arn:aws:lambda:eu-west-1:012345678901:function:Fn',
    EventSourceArn: clusterArn,
    AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'readers' },
    Topics: ['orders'],
    StartingPosition: 'AT_TIMESTAMP',
    StartingPositionTimestamp: 1_700_000_000_000,
    BatchSize: 100,
    Enabled: true,
    FilterCriteria: { Filters: [] },
  })
})

test('what a mapping says of failures goes to the Lambda API as it is', () => {
  const { plan, warnings, errors } = loadText(
    withMapping(
      `EventSourceArn: ${clusterArn}`,
      'Topics: [orders]',
      'BisectBatchOnFunctionError: true',
      'DestinationConfig: { OnFailure: { Destination: kafka://dead } }',
      'FunctionResponseTypes: [ReportBatchItemFailures]',
      'MaximumRecordAgeInSeconds: 60',
      'MaximumRetryAttempts: 3',
    ),
  )
  expect({ warnings, errors }).toEqual({ warnings: [], errors: [] })
  expect(plan.mappings[0]?.input).toMatchObject({
    BisectBatchOnFunctionError: true,
    DestinationConfig: { OnFailure: { Destination: 'kafka://dead' } },
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    MaximumRecordAgeInSeconds: 60,
    MaximumRetryAttempts: 3,
  })
})

test.each([
  'arn:aws:sqs:eu-west-1:012345678901:failed',
  'arn:aws:sns:eu-west-1:012345678901:failed',
  'arn:aws:s3:::failed',
])('records that are given up go to %s', (Destination) => {
  const { plan, warnings, errors } = loadText(
    withMapping(
      `EventSourceArn: ${clusterArn}`,
      'Topics: [orders]',
      `DestinationConfig: { OnFailure: { Destination: "${Destination}" } }`,
    ),
  )
  expect({ warnings, errors }).toEqual({ warnings: [], errors: [] })
  expect(plan.mappings[0]?.input.DestinationConfig).toEqual({ OnFailure: { Destination } })
})

test('a mapping says how it is watched and kept', () => {
  const { plan, warnings, errors } = loadText(
    withMapping(
      `EventSourceArn: ${clusterArn}`,
      'Topics: [orders]',
      'KmsKeyArn: arn:aws:kms:x',
      'LoggingConfig: { SystemLogLevel: DEBUG }',
      'MetricsConfig: { Metrics: [EventCount, KafkaMetrics] }',
    ),
  )
  expect({ warnings, errors }).toEqual({ warnings: [], errors: [] })
  expect(plan.mappings[0]?.input).toMatchObject({
    KMSKeyArn: 'arn:aws:kms:x',
    LoggingConfig: { SystemLogLevel: 'DEBUG' },
    MetricsConfig: { Metrics: ['EventCount', 'KafkaMetrics'] },
  })
})

test('a schema registry is handed on, without a login that only the template declares', () => {
  const { plan, warnings, errors } = loadText(
    withMapping(
      `EventSourceArn: ${clusterArn}`,
      'Topics: [orders]',
      'AmazonManagedKafkaEventSourceConfig:',
      '  ConsumerGroupId: readers',
      '  SchemaRegistryConfig:',
      '    SchemaRegistryURI: https://registry:8081',
      '    EventRecordFormat: JSON',
      '    AccessConfigs:',
      '      - { Type: BASIC_AUTH, URI: !Ref Login }',
      '      - { Type: SERVER_ROOT_CA_CERTIFICATE, URI: "file:/ca.json" }',
      '    SchemaValidationConfigs: [{ Attribute: VALUE }]',
    ).replace('Resources:', 'Resources:\n  Login: { Type: AWS::SecretsManager::Secret }'),
  )
  expect(errors).toEqual([])
  expect(warnings).toContainEqual(
    expect.stringContaining(
      'nothing makes the secret of BASIC_AUTH: the schema registry is reached without it',
    ),
  )
  expect(plan.mappings[0]?.input.AmazonManagedKafkaEventSourceConfig).toEqual({
    ConsumerGroupId: 'readers',
    SchemaRegistryConfig: {
      SchemaRegistryURI: 'https://registry:8081',
      EventRecordFormat: 'JSON',
      AccessConfigs: [{ Type: 'SERVER_ROOT_CA_CERTIFICATE', URI: 'file:/ca.json' }],
      SchemaValidationConfigs: [{ Attribute: 'VALUE' }],
    },
  })
})

test('a mapping goes without a schema registry that only the template declares, and that is said', () => {
  const { plan, warnings } = loadText(
    withMapping(
      `EventSourceArn: ${clusterArn}`,
      'Topics: [orders]',
      'AmazonManagedKafkaEventSourceConfig: { SchemaRegistryConfig: { SchemaRegistryURI: !GetAtt Schemas.Arn } }',
    ).replace('Resources:', 'Resources:\n  Schemas: { Type: AWS::Glue::Registry }'),
  )
  expect(warnings).toContainEqual(
    expect.stringContaining(
      'nothing makes the schema registry: the mapping goes without SchemaRegistryConfig',
    ),
  )
  expect(plan.mappings[0]?.input).not.toHaveProperty('AmazonManagedKafkaEventSourceConfig')
})

test('a mapping of a topic has lanes for its keys, beyond AWS', () => {
  const { plan, warnings, errors } = loadText(
    withMapping(`EventSourceArn: ${clusterArn}`, 'Topics: [orders]', 'ParallelizationFactor: 2'),
  )
  expect({ warnings, errors }).toEqual({ warnings: [], errors: [] })
  expect(plan.mappings[0]?.input.ParallelizationFactor).toBe(2)
})

test('each property of a mapping that is not there yet is named with its line', () => {
  const { plan, warnings, errors } = loadText(
    withMapping(
      `EventSourceArn: ${clusterArn}`,
      'Topics: [orders]',
      'DestinationConfig: { OnSuccess: { Destination: arn:aws:sqs:eu-west-1:012345678901:q } }',
      'TumblingWindowInSeconds: 2',
    ),
  )
  const without = (line: number, name: string): string =>
    `${line}: AWS::Lambda::EventSourceMapping Map: ${name} is not available yet: the mapping goes without it`
  expect({ warnings, errors }).toEqual({
    warnings: [
      without(14, 'DestinationConfig'),
      '15: AWS::Lambda::EventSourceMapping: the property TumblingWindowInSeconds is not supported',
    ],
    errors: [],
  })
  expect(Object.keys(plan.mappings[0]?.input ?? {}).toSorted()).toEqual([
    'BatchSize',
    'Enabled',
    'EventSourceArn',
    'FilterCriteria',
    'FunctionName',
    'Topics',
  ])
})

test.each<[string, string[], string[]]>([
  [
    'no source',
    ['Topics: [a]'],
    ['8: AWS::Lambda::EventSourceMapping Map: EventSourceArn or SelfManagedEventSource is missing'],
  ],
  [
    'no topic',
    [`EventSourceArn: ${clusterArn}`],
    ['8: AWS::Lambda::EventSourceMapping Map: Topics is missing'],
  ],
  [
    'a batch size out of range',
    [`EventSourceArn: ${clusterArn}`, 'Topics: [a]', 'BatchSize: 0'],
    [
      '14: AWS::Lambda::EventSourceMapping Map: BatchSize: "0" is not a whole number from 1 to 10000',
    ],
  ],
])('a mapping has errors with their lines: %s', (_, lines, errors) => {
  expect(loadText(withMapping(...lines)).errors).toEqual(errors)
})

test('a mapping of a queue is passed over with a warning', () => {
  const { plan, warnings, errors } = loadText(
    withMapping('EventSourceArn: arn:aws:sqs:eu-west-1:012345678901:q', 'ScalingConfig: {}'),
  )
  expect({ warnings, errors, mappings: plan.mappings }).toEqual({
    warnings: [
      '12: AWS::Lambda::EventSourceMapping Map: event sources other than Kafka and Kinesis are not supported',
    ],
    errors: [],
    mappings: [],
  })
})

const streamOf = (...properties: string[]): string =>
  withFunction('.', '  Stream:', '    Type: AWS::Kinesis::Stream', '    Properties:').concat(
    ...properties.map((property) => `\n      ${property}`),
  )

test('a Kinesis stream is planned with its shards, and a mapping of it by its ARN', () => {
  const text = streamOf(
    'Name: laps',
    'ShardCount: 4',
    'RetentionPeriodHours: 48',
    'MaxRecordSizeInKiB: 2048',
    'StreamEncryption: { EncryptionType: KMS, KeyId: alias/aws/kinesis }',
    'Tags: [{ Key: team, Value: pit }]',
  ).concat(
    '\n  Map:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:',
    '\n      { FunctionName: !Ref Fn, EventSourceArn: !GetAtt Stream.Arn, StartingPosition: LATEST,',
    '\n        ParallelizationFactor: 4, TumblingWindowInSeconds: 30 }',
  )
  const { plan, errors, warnings } = loadText(text)
  expect([errors, warnings]).toEqual([[], []])
  const arn = 'arn:aws:kinesis:eu-west-1:012345678901:stream/laps'
  expect(plan.streams).toEqual([
    {
      name: 'laps',
      arn,
      line: 8,
      shardCount: 4,
      retentionHours: 48,
      maxRecordKib: 2048,
      tags: { team: 'pit' },
    },
  ])
  expect(plan.mappings.map(({ input }) => input)).toMatchObject([
    {
      EventSourceArn: arn,
      StartingPosition: 'LATEST',
      BatchSize: 100,
      MaximumBatchingWindowInSeconds: 0,
      ParallelizationFactor: 4,
      TumblingWindowInSeconds: 30,
    },
  ])
  expect(plan.topics).toEqual([])
})

test('a Kinesis stream has its logical id as name, and on demand no count of shards', () => {
  const { plan, errors } = loadText(streamOf('StreamModeDetails: { StreamMode: ON_DEMAND }'))
  expect(errors).toEqual([])
  expect(plan.streams).toMatchObject([{ name: 'Stream', retentionHours: 24 }])
  expect(plan.streams[0]?.shardCount).toBeUndefined()
})

test.each([
  [['Name: a b', 'ShardCount: 1'], '"a b" is not a stream\'s name'],
  [['Name: s'], 'ShardCount is missing'],
  [
    ['ShardCount: 1', 'StreamModeDetails: { StreamMode: ON_DEMAND }'],
    'a stream on demand has no ShardCount',
  ],
])('a Kinesis stream with %j is an error with its line', (properties, reason) => {
  expect(loadText(streamOf(...properties))).toMatchObject({
    errors: [`8: AWS::Kinesis::Stream Stream: ${reason}`],
  })
})

test('a mapping of a stream without a starting position is an error', () => {
  const text = streamOf('ShardCount: 1').concat(
    '\n  Map:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:',
    '\n      { FunctionName: !Ref Fn, EventSourceArn: !GetAtt Stream.Arn }',
  )
  expect(loadText(text).errors).toEqual([
    '12: AWS::Lambda::EventSourceMapping Map: StartingPosition is missing',
  ])
})

const consumerOf = (...properties: readonly string[]): string =>
  streamOf('Name: laps', 'ShardCount: 1').concat(
    '\n  Pit:\n    Type: AWS::Kinesis::StreamConsumer\n    Properties:',
    ...properties.map((property) => `\n      ${property}`),
  )

test('a consumer of a stream is planned, and a mapping of it by its ARN or Ref', () => {
  const mapping = (logicalId: string, arn: string): string =>
    `\n  ${logicalId}:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:`.concat(
      `\n      { FunctionName: !Ref Fn, EventSourceArn: ${arn}, StartingPosition: LATEST }`,
    )
  const text = consumerOf(
    'ConsumerName: pit',
    'StreamARN: !GetAtt Stream.Arn',
    'Tags: [{ Key: team, Value: red }]',
  ).concat(mapping('One', '!GetAtt Pit.ConsumerARN'), mapping('Two', '!Ref Pit'))
  const { plan, errors, warnings } = loadText(text)
  expect([errors, warnings]).toEqual([[], []])
  const streamArn = 'arn:aws:kinesis:eu-west-1:012345678901:stream/laps'
  const plannedArn = `${streamArn}/consumer/pit:0`
  const line = expect.any(Number) as number
  const tags = { team: 'red' }
  expect(plan.consumers).toEqual([{ name: 'pit', streamArn, plannedArn, line, tags }])
  expect(plan.mappings.map(({ input }) => input.EventSourceArn)).toEqual([plannedArn, plannedArn])
})

test.each([
  [['ConsumerName: pit'], 'StreamARN is missing'],
  [['ConsumerName: pit', 'StreamARN: !Ref Stream'], '"pit" of "laps" is no consumer of a stream'],
  [
    ['ConsumerName: "p it"', 'StreamARN: !GetAtt Stream.Arn'],
    '"p it" of "arn:aws:kinesis:eu-west-1:012345678901:stream/laps" is no consumer of a stream',
  ],
])('a consumer with %j is an error', (properties, reason) => {
  const errors = [expect.stringMatching(`AWS::Kinesis::StreamConsumer Pit: ${reason}`) as string]
  expect(loadText(consumerOf(...properties))).toMatchObject({ errors })
})

test('a Kinesis stream whose condition is false is none', () => {
  const stream = '  Stream: { Type: AWS::Kinesis::Stream, Condition: Never }'
  const text = `${withFunction('.', stream)}\nConditions: { Never: !Equals [a, b] }`
  expect(loadText(text)).toMatchObject({ errors: [], warnings: [] })
})
