// Tests that deploying a template brings its plan about, once, and says what it leaves.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test as base } from 'vitest'
import { ZipFile } from 'yazl'
import { AppError } from '../../common/errors.ts'
import { silentLogger } from '../../common/logger.ts'
import { openTemplateStage, type TemplateStage } from '../../test/support/template-stage.ts'
import type { FunctionService } from '../lambda/function-service.ts'
import type { MappingService } from '../lambda/mapping-service.ts'
import { deployTemplate, type DeployReport } from './deploy.ts'

const test = base.extend<{ stage: TemplateStage }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what is needed.
  stage: async ({}, use) => {
    const stage = await openTemplateStage()
    await use(stage)
    await stage.close()
  },
})

const template = `
Parameters:
  Batch: { Type: Number, Default: 50 }
Resources:
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs24.x
      Handler: app.handler
      CodeUri: src
      MemorySize: 256
      Environment: { Variables: { LEVEL: 1 } }
      Events:
        Stream:
          Type: SelfManagedKafka
          Properties:
            KafkaBootstrapServers: [127.0.0.1:1]
            Topics: [readings]
            BatchSize: !Ref Batch
            FilterCriteria: { Filters: [{ Pattern: '{"value":{"a":[1]}}' }] }
`

function actions({ items }: DeployReport): string[] {
  return items.map(({ kind, name, action }) => `${kind} ${name} ${action}`)
}

test('a template becomes topics, functions and mappings, in this order', async ({ stage }) => {
  const report = await stage.deploy(template)
  expect(actions(report)).toEqual([
    'topic readings created',
    'function Reader created',
    'mapping ReaderStream created',
  ])
  expect(report.warnings).toEqual([])
  expect(stage.registry.function('Reader')).toMatchObject({
    code: { kind: 'hot-reload', directory: join(stage.dir, 'src') },
    runtime: 'nodejs24.x',
    handler: 'app.handler',
    memorySizeMb: 256,
    timeoutSeconds: 3,
    environment: { LEVEL: '1' },
  })
  expect(stage.registry.mappings()).toMatchObject([
    {
      functionName: 'Reader',
      bootstrapServers: ['127.0.0.1:1'],
      topic: 'readings',
      batchSize: 50,
      desired: 'enabled',
      filterPatterns: ['{"value":{"a":[1]}}'],
    },
  ])
})

test('a consumer of a stream is registered first, and its ARN handed to mappings and functions', async ({
  stage,
}) => {
  const report = await stage.deploy(`
Resources:
  Laps: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  Wall:
    Type: AWS::Kinesis::StreamConsumer
    Properties: { ConsumerName: wall, StreamARN: !GetAtt Laps.Arn }
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs24.x
      Handler: app.handler
      CodeUri: src
      Environment: { Variables: { WALL: !Ref Wall } }
      Events:
        Lap:
          Type: Kinesis
          Properties: { Stream: !GetAtt Wall.ConsumerARN, StartingPosition: LATEST }
`)
  expect(actions(report)).toEqual([
    'stream Laps created',
    'consumer wall created',
    'function Reader created',
    'mapping ReaderLap created',
  ])
  const [mapping] = stage.registry.mappings()
  expect(mapping?.eventSourceArn).toMatch(/:stream\/Laps\/consumer\/wall:1764000000$/)
  const { WALL } = stage.registry.function('Reader')?.environment ?? {}
  expect(WALL).toBe(mapping?.eventSourceArn)
})

test('what is there and equal is left alone', async ({ stage }) => {
  await stage.deploy(template)
  const before = [stage.registry.function('Reader'), ...stage.registry.mappings()]
  const report = await stage.deploy(template)
  expect(actions(report).slice(1)).toEqual([
    'function Reader unchanged',
    'mapping ReaderStream unchanged',
  ])
  expect([stage.registry.function('Reader'), ...stage.registry.mappings()]).toEqual(before)
})

test('what has changed is updated in place', async ({ stage }) => {
  await stage.deploy(template)
  const [mapping] = stage.registry.mappings()
  await stage.pollerHasAll()
  const changed = template
    .replace('MemorySize: 256', 'Timeout: 9')
    .replace('{ LEVEL: 1 }', '{}')
    .replace(/ +FilterCriteria.*\n/, '')
  const report = await stage.deploy(changed, ['Batch=70'])
  expect(actions(report).slice(1)).toEqual([
    'function Reader updated',
    'mapping ReaderStream updated',
  ])
  expect(stage.registry.function('Reader')).toMatchObject({
    memorySizeMb: 128,
    timeoutSeconds: 9,
    environment: {},
  })
  expect(stage.registry.mappings()).toMatchObject([
    { uuid: mapping?.uuid, batchSize: 70, filterPatterns: [] },
  ])
})

test('provisioned mode comes, changes and goes with its property', async ({ stage }) => {
  const config = (value: string): string =>
    template.replace(
      'BatchSize: !Ref Batch',
      `BatchSize: 50\n            ProvisionedPollerConfig: ${value}`,
    )
  const seen: unknown[] = []
  for (const text of [
    config('{ MinimumPollers: 2, PollerGroupName: g }'),
    config('{ MaximumPollers: 4 }'),
    config('{ MaximumPollers: 4 }'),
    template,
  ]) {
    const report = await stage.deploy(text)
    await stage.pollerHasAll()
    seen.push([actions(report).at(-1), stage.registry.mappings()[0]?.provisionedPollers])
  }
  expect(seen).toEqual([
    ['mapping ReaderStream created', { minimum: 2, maximum: 200, groupName: 'g' }],
    ['mapping ReaderStream updated', { minimum: 1, maximum: 4 }],
    ['mapping ReaderStream unchanged', { minimum: 1, maximum: 4 }],
    ['mapping ReaderStream updated', undefined],
  ])
})

test('what a template says of failures is taken back with its properties', async ({ stage }) => {
  const failures = template.replace(
    'BatchSize: !Ref Batch',
    `BatchSize: 50
            MaximumRetryAttempts: 2
            BisectBatchOnFunctionError: true
            DestinationConfig: { OnFailure: { Destination: kafka://dead } }`,
  )
  const handling = {
    maximumRetryAttempts: 2,
    maximumRecordAgeSeconds: -1,
    bisects: true,
    reportsItemFailures: false,
    destination: 'kafka://dead',
  }
  const seen: unknown[] = []
  for (const text of [template, failures, failures, template]) {
    const report = await stage.deploy(text)
    await stage.pollerHasAll()
    seen.push([actions(report).at(-1), stage.registry.mappings()[0]?.failureHandling])
  }
  expect(seen).toEqual([
    ['mapping ReaderStream created', undefined],
    ['mapping ReaderStream updated', handling],
    ['mapping ReaderStream unchanged', handling],
    ['mapping ReaderStream updated', undefined],
  ])
})

test('a level, metrics and a key are deployed, changed, and taken back with their properties', async ({
  stage,
}) => {
  const observed = (level: string): string =>
    template.replace(
      'BatchSize: !Ref Batch',
      `BatchSize: 50
            KmsKeyArn: arn:aws:kms:us-east-1:000000000000:key/1
            LoggingConfig: { SystemLogLevel: ${level} }
            MetricsConfig: { Metrics: [ErrorCount] }`,
    )
  const seen: unknown[] = []
  for (const text of [observed('INFO'), observed('WARN'), observed('WARN'), template]) {
    const report = await stage.deploy(text)
    await stage.pollerHasAll()
    const { kmsKeyArn, metrics, systemLogLevel } = stage.registry.mappings()[0] ?? {}
    seen.push([actions(report).at(-1), kmsKeyArn, metrics, systemLogLevel])
  }
  const key = 'arn:aws:kms:us-east-1:000000000000:key/1'
  expect(seen).toEqual([
    ['mapping ReaderStream created', key, ['ErrorCount'], 'INFO'],
    ['mapping ReaderStream updated', key, ['ErrorCount'], 'WARN'],
    ['mapping ReaderStream unchanged', key, ['ErrorCount'], 'WARN'],
    ['mapping ReaderStream updated', undefined, undefined, undefined],
  ])
})

test('the way into a cluster is deployed, changed, and taken back with its property', async ({
  stage,
}) => {
  const secured = (type: string): string =>
    template.replace(
      'BatchSize: !Ref Batch',
      `BatchSize: 50
            SourceAccessConfigurations:
              - { Type: VPC_SUBNET, URI: "subnet:subnet-1" }
              - { Type: ${type}, URI: "file:/run/secrets/reader.json" }`,
    )
  const seen: unknown[] = []
  const [plain, scram] = [secured('BASIC_AUTH'), secured('SASL_SCRAM_512_AUTH')]
  for (const text of [plain, scram, scram, template]) {
    const report = await stage.deploy(text)
    await stage.pollerHasAll()
    seen.push([actions(report).at(-1), stage.registry.mappings()[0]?.sourceAccess])
  }
  const access = (type: string) => [
    { type: 'VPC_SUBNET', uri: 'subnet:subnet-1' },
    { type, uri: 'file:/run/secrets/reader.json' },
  ]
  expect(seen).toEqual([
    ['mapping ReaderStream created', access('BASIC_AUTH')],
    ['mapping ReaderStream updated', access('SASL_SCRAM_512_AUTH')],
    ['mapping ReaderStream unchanged', access('SASL_SCRAM_512_AUTH')],
    ['mapping ReaderStream updated', undefined],
  ])
})

test('lanes of a topic are deployed, changed, and taken back with their property', async ({
  stage,
}) => {
  const seen: unknown[] = []
  for (const factor of ['ParallelizationFactor: 4', 'ParallelizationFactor: 2', '']) {
    const report = await stage.deploy(
      template.replace('BatchSize: !Ref Batch', `BatchSize: 50\n            ${factor}`),
    )
    await stage.pollerHasAll()
    const [mapping] = stage.registry.mappings()
    seen.push([actions(report).at(-1), mapping?.parallelizationFactor])
  }
  expect(seen).toEqual([
    ['mapping ReaderStream created', 4],
    ['mapping ReaderStream updated', 2],
    ['mapping ReaderStream updated', undefined],
  ])
})

test('a schema registry is deployed, changed, and taken back with its property', async ({
  stage,
}) => {
  const withRegistry = (format: string): string =>
    template.replace(
      'BatchSize: !Ref Batch',
      `BatchSize: 50
            SchemaRegistryConfig:
              SchemaRegistryURI: http://registry:8081
              EventRecordFormat: ${format}
              SchemaValidationConfigs: [{ Attribute: VALUE }]`,
    )
  const seen: unknown[] = []
  const json = withRegistry('JSON')
  for (const text of [json, json, withRegistry('SOURCE'), template]) {
    const report = await stage.deploy(text)
    await stage.pollerHasAll()
    seen.push([actions(report).at(-1), stage.registry.mappings()[0]?.schemaRegistry?.format])
  }
  expect(seen).toEqual([
    ['mapping ReaderStream created', 'JSON'],
    ['mapping ReaderStream unchanged', 'JSON'],
    ['mapping ReaderStream updated', 'SOURCE'],
    ['mapping ReaderStream updated', undefined],
  ])
})

test('a schema registry at no URL is refused before anything changes', async ({ stage }) => {
  const wrong = template.replace(
    'BatchSize: !Ref Batch',
    'SchemaRegistryConfig: { SchemaRegistryURI: somewhere, EventRecordFormat: JSON, SchemaValidationConfigs: [{ Attribute: KEY }] }',
  )
  await expect(stage.deploy(wrong)).rejects.toThrow('is neither the http or https URL')
  expect(stage.registry.functions()).toEqual([])
})

test('a login whose URI calls no secret is refused before anything changes', async ({ stage }) => {
  const wrong = template.replace(
    'BatchSize: !Ref Batch',
    'SourceAccessConfigurations: [{ Type: BASIC_AUTH, URI: somewhere }]',
  )
  await expect(stage.deploy(wrong)).rejects.toThrow('the URI of BASIC_AUTH must call a secret')
  expect(stage.registry.functions()).toEqual([])
})

test('a destination that is the source itself is refused before anything changes', async ({
  stage,
}) => {
  const looped = template.replace(
    'BatchSize: !Ref Batch',
    'DestinationConfig: { OnFailure: { Destination: kafka://readings } }',
  )
  await expect(stage.deploy(looped)).rejects.toThrow(
    'OnFailure destination kafka://readings is the topic that the mapping reads.',
  )
  expect(stage.registry.functions()).toEqual([])
})

test('what Lambda lets nobody change in a mapping is named and left', async ({ stage }) => {
  await stage.deploy(template)
  const changed = template.replace(
    'BatchSize: !Ref Batch',
    'BatchSize: 50\n            ConsumerGroupId: g',
  )
  const report = await stage.deploy(changed)
  const uuid = stage.registry.mappings()[0]?.uuid ?? ''
  expect(report.warnings).toEqual([
    `${stage.dir}/template.yaml:14: mapping ReaderStream: ConsumerGroupId cannot be changed; delete mapping ${uuid} first`,
  ])
  expect(actions(report)).toContain('mapping ReaderStream unchanged')
})

test('what is not in the template any more is left and reported until somebody deletes it', async ({
  stage,
}) => {
  await stage.deploy(template)
  const emptied = template.replace('  Reader:', '  Other:').replace('[readings]', '[others]')
  for (let round = 0; round < 2; round++) {
    const report = await stage.deploy(emptied)
    expect(actions(report).slice(3)).toEqual(['function Reader left', 'mapping ReaderStream left'])
  }
  expect(
    stage.registry
      .functions()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['Other', 'Reader'])
  await stage.functions.delete('Reader')
  expect(actions(await stage.deploy(emptied)).slice(3)).toEqual(['mapping ReaderStream left'])
})

test('inline code is a directory of its own, written only where it changes', async ({ stage }) => {
  const inline = template
    .replace('CodeUri: src', 'InlineCode: exports.handler = 1')
    .replace('app.', 'index.')
  await stage.deploy(inline)
  const directory = join(stage.dir, 'data', 'inline', 'Reader')
  expect(stage.registry.function('Reader')?.code).toEqual({ kind: 'hot-reload', directory })
  expect(await readFile(join(directory, 'index.js'), 'utf8')).toBe('exports.handler = 1')
  const before = await stat(join(directory, 'index.js'))
  expect(actions(await stage.deploy(inline))).toContain('function Reader unchanged')
  expect((await stat(join(directory, 'index.js'))).ino).toBe(before.ino)
  await stage.deploy(inline.replace('handler = 1', 'handler = 2'))
  expect(await readFile(join(directory, 'index.js'), 'utf8')).toBe('exports.handler = 2')
})

test('a zip is deployed, and deployed again only when its bytes have changed', async ({
  stage,
}) => {
  const zipped = template.replace('CodeUri: src', 'CodeUri: src/code.zip')
  await writeZip(join(stage.dir, 'src/code.zip'), 'exports.handler = 1')
  expect(actions(await stage.deploy(zipped))).toContain('function Reader created')
  const first = stage.registry.function('Reader')?.code
  expect(first?.kind).toBe('zip')
  expect(actions(await stage.deploy(zipped))).toContain('function Reader unchanged')
  await writeZip(join(stage.dir, 'src/code.zip'), 'exports.handler = 2')
  expect(actions(await stage.deploy(zipped))).toContain('function Reader updated')
  expect(stage.registry.function('Reader')?.code).not.toEqual(first)
})

test.for([
  [
    'a directory that is not there',
    'CodeUri: src',
    'CodeUri: nowhere',
    /:5: function Reader: CodeUri: .*nowhere is not a directory$/,
  ],
  [
    'a zip that is not there',
    'CodeUri: src',
    'CodeUri: a.zip',
    /:5: function Reader: CodeUri: .*a.zip cannot be read \(ENOENT\)$/,
  ],
  [
    'what the Lambda API refuses',
    '"a":[1]',
    '"a":1',
    /:14: mapping ReaderStream: Invalid filter pattern definition.$/,
  ],
  [
    'what the template has wrong',
    'MemorySize: 256',
    'MemorySize: 1',
    /:11: .*MemorySize: "1" is not a whole number/,
  ],
] as const)('%s ends the deployment with its line', async ([, from, to, message], { stage }) => {
  const failure: unknown = await stage
    .deploy(template.replace(from, to))
    .catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(AppError)
  expect(failure).toMatchObject({ code: 'TEMPLATE_INVALID' })
  expect((failure as AppError).message).toMatch(message)
})

test('somebody else’s cluster may be down; the platform’s own may not', async ({ stage }) => {
  stage.topicFailure = new AppError('BROKER_UNREACHABLE', { brokers: 'b:1', reason: 'refused' })
  const report = await stage.deploy(template)
  expect(report.warnings).toEqual([
    `${stage.dir}/template.yaml:14: topic readings was not created: no broker answers at b:1: refused`,
  ])
  expect(actions(report)).toEqual(['function Reader created', 'mapping ReaderStream created'])
  const own = `${template}\nMetadata: { Millrace: { Topics: { own: {} } } }`
  await expect(stage.deploy(own)).rejects.toThrow('no broker answers at b:1')
})

test.each([
  ['no file', 'nowhere.yaml', /nowhere.yaml cannot be read \(ENOENT\)/],
  ['a directory without a template', '.', /there is no template.yaml in /],
])('a template that is not there is a wrong configuration: %s', async (_, path, message) => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-template-'))
  const unused = {} as FunctionService & MappingService
  const failure: unknown = await deployTemplate({
    path: join(dir, path),
    parameterOverrides: [],
    region: 'us-east-1',
    accountId: '000000000000',
    dataDir: dir,
    brokers: [],
    kinesis: { kinesisEndpoint: '', own: 'http://127.0.0.1:1' },
    functions: unused,
    mappings: unused,
    logger: silentLogger,
  }).catch((error: unknown) => error)
  await rm(dir, { recursive: true })
  expect(failure).toMatchObject({ code: 'CONFIG_INVALID' })
  expect((failure as AppError).message).toMatch(message)
})

async function writeZip(file: string, text: string): Promise<void> {
  const zip = new ZipFile()
  zip.addBuffer(Buffer.from(text), 'app.js')
  zip.end()
  const chunks: Buffer[] = []
  for await (const chunk of zip.outputStream) chunks.push(Buffer.from(chunk))
  await writeFile(file, Buffer.concat(chunks))
}

const reserving = (reader: string, writer: string): string => `
Globals: { Function: { Runtime: nodejs24.x, CodeUri: src, Handler: app.handler } }
Resources:
  Reader:
    Type: AWS::Serverless::Function
    Properties: { Description: reads${reader} }
  Writer:
    Type: AWS::Lambda::Function
    Properties: { Runtime: nodejs24.x, Code: src, Handler: app.handler${writer} }
`

test('a template reserves concurrency, moves it and takes it back', async ({ stage }) => {
  const reserved = (): unknown =>
    ['Reader', 'Writer'].map((name) => stage.registry.function(name)?.reservedConcurrency)
  await stage.deploy(reserving(', ReservedConcurrentExecutions: 800', ''))
  expect(reserved()).toEqual([800, undefined])
  // What one gives up is there for the other, whichever comes first in the template.
  const writer = ', ReservedConcurrentExecutions: !Sub "850"'
  const report = await stage.deploy(reserving(', ReservedConcurrentExecutions: 0', writer))
  expect(reserved()).toEqual([0, 850])
  expect(actions(report)).toEqual(['function Reader updated', 'function Writer updated'])
  await stage.deploy(reserving('', writer))
  expect(reserved()).toEqual([undefined, 850])
  expect(actions(await stage.deploy(reserving('', writer)))).toEqual([
    'function Reader unchanged',
    'function Writer unchanged',
  ])
})

test('reservations that leave too little change nothing', async ({ stage }) => {
  const tooMuch = reserving(
    ', ReservedConcurrentExecutions: 500',
    ', ReservedConcurrentExecutions: 401',
  )
  await expect(stage.deploy(tooMuch)).rejects.toThrow(
    /function Reader: Specified ReservedConcurrentExecutions .* minimum value of \[100\]/,
  )
  expect(stage.registry.functions()).toEqual([])
})

const published = template.replace(
  '      MemorySize: 256\n',
  `      MemorySize: 256
      AutoPublishAlias: live
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 }
      Tags: { team: pit }
`,
)

test('a function with an alias is published at each change, and its events go to the alias', async ({
  stage,
}) => {
  await stage.deploy(published)
  await stage.pollerHasAll()
  const reader = () => stage.registry.function('Reader')
  expect(reader()).toMatchObject({
    lastVersion: 1,
    tags: { team: 'pit' },
    aliases: [{ name: 'live', functionVersion: '1' }],
    provisioned: [{ qualifier: 'live', executions: 2 }],
  })
  expect(stage.registry.mappings()).toMatchObject([{ functionName: 'Reader', qualifier: 'live' }])
  expect(actions(await stage.deploy(published))).toEqual([
    'topic readings created',
    'function Reader unchanged',
    'mapping ReaderStream unchanged',
  ])
  await stage.deploy(published.replace('MemorySize: 256', 'MemorySize: 512').replace('pit', 'race'))
  expect(reader()).toMatchObject({
    lastVersion: 2,
    tags: { team: 'race' },
    aliases: [{ name: 'live', functionVersion: '2' }],
  })
  const without = published.replace(/      Provisioned.*\n/, '')
  expect(actions(await stage.deploy(without))).toContain('function Reader updated')
  expect(reader()).not.toHaveProperty('provisioned')
})

test('a mapping moves to the alias when the function gets one, and back', async ({ stage }) => {
  await stage.deploy(template)
  const [first] = stage.registry.mappings()
  expect(first?.qualifier).toBeUndefined()
  await stage.pollerHasAll()
  expect(actions(await stage.deploy(published))).toContain('mapping ReaderStream updated')
  expect(stage.registry.mappings()).toMatchObject([{ uuid: first?.uuid, qualifier: 'live' }])
  await stage.pollerHasAll()
  expect(actions(await stage.deploy(template))).toContain('mapping ReaderStream updated')
  expect(stage.registry.mappings()[0]).not.toHaveProperty('qualifier')
})

test.each([
  ['AutoPublishAlias: 12', /AutoPublishAlias: "12" is not an alias's name/],
  [
    'ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 }',
    /ProvisionedConcurrencyConfig wants an AutoPublishAlias/,
  ],
  ['Tags: { "aws:x": y }', /Tag keys that begin with aws: are reserved/],
])('%s is an error', async (property, message) => {
  const stage = await openTemplateStage()
  try {
    const wrong = template.replace('MemorySize: 256', property)
    await expect(stage.deploy(wrong)).rejects.toThrow(message)
    expect(stage.registry.functions()).toEqual([])
  } finally {
    await stage.close()
  }
})

const streamTemplate = (...more: string[]): string => `
Resources:
  Laps:
    Type: AWS::Kinesis::Stream
    Properties: { ShardCount: 2 }
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs24.x
      Handler: app.handler
      CodeUri: src
      Events:
        Lap:
          Type: Kinesis
          Properties:
            Stream: !GetAtt Laps.Arn
            StartingPosition: LATEST
            ${more.join('\n            ')}
`

test('a stream is made before the mapping that reads it, and a template takes back what it has no more', async ({
  stage,
}) => {
  const more = [
    'ParallelizationFactor: 3',
    'TumblingWindowInSeconds: 60',
    'MaximumRetryAttempts: 2',
  ]
  expect(actions(await stage.deploy(streamTemplate(...more)))).toEqual([
    'stream Laps created',
    'function Reader created',
    'mapping ReaderLap created',
  ])
  const arn = 'arn:aws:kinesis:us-east-1:000000000000:stream/Laps'
  expect(stage.streams).toMatchObject([{ name: 'Laps', arn, shardCount: 2 }])
  expect(stage.topics).toEqual([])
  const mapping = (): unknown => stage.registry.mappings()[0]
  expect(mapping()).toMatchObject({
    eventSourceArn: arn,
    topic: 'Laps',
    startingPosition: 'LATEST',
    batchingWindowSeconds: 0,
    parallelizationFactor: 3,
    tumblingWindowSeconds: 60,
    failureHandling: { maximumRetryAttempts: 2 },
  })
  await stage.pollerHasAll()
  expect(actions(await stage.deploy(streamTemplate(...more)))).toContain(
    'mapping ReaderLap unchanged',
  )
  expect(actions(await stage.deploy(streamTemplate()))).toContain('mapping ReaderLap updated')
  expect(mapping()).toMatchObject({ failureHandling: { maximumRetryAttempts: -1 } })
  expect(mapping()).not.toHaveProperty('parallelizationFactor')
  expect(mapping()).not.toHaveProperty('tumblingWindowSeconds')
  await stage.pollerHasAll()
  expect(actions(await stage.deploy(streamTemplate()))).toContain('mapping ReaderLap unchanged')
})
