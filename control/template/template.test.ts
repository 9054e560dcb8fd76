// Tests what templates come to: plans as exact data, warnings and errors with their lines.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { formatFinding } from './findings.ts'
import { loadTemplate, type LoadedTemplate, type LoadOptions } from './template.ts'

const options: LoadOptions = {
  file: '/app/template.yaml',
  parameters: {},
  region: 'eu-west-1',
  accountId: '012345678901',
}

function load(text: string, parameters: Record<string, string> = {}): LoadedTemplate {
  return loadTemplate(text, { ...options, parameters })
}

function findings({ warnings, errors }: LoadedTemplate): {
  warnings: string[]
  errors: string[]
} {
  const lines = (list: LoadedTemplate['errors']) =>
    list.map((finding) => formatFinding(finding).replace('/app/template.yaml:', ''))
  return { warnings: lines(warnings), errors: lines(errors) }
}

/** A function with more lines in its properties; the first of them is line 7. */
function withProperties(...lines: string[]): string {
  return [
    'Resources:',
    '  Fn:',
    '    Type: AWS::Serverless::Function',
    '    Properties:',
    '      Runtime: nodejs24.x',
    '      CodeUri: src/',
    ...lines.map((line) => `      ${line}`),
  ].join('\n')
}

/** A function with an event of type SelfManagedKafka; the first of `lines` is line 15. */
function withEvent(...lines: string[]): string {
  return withProperties(
    'Handler: a.b',
    'Events:',
    '  Stream:',
    '    Type: SelfManagedKafka',
    '    Properties:',
    '      KafkaBootstrapServers: [localhost:9092]',
    '      Topics: [readings]',
    '      ConsumerGroupId: readers',
    ...lines.map((line) => `      ${line}`),
  )
}

test('a small function has Lambda’s defaults in its plan', () => {
  const loaded = load(withProperties('Handler: app.handler'))
  expect(findings(loaded)).toEqual({ warnings: [], errors: [] })
  expect(loaded.plan).toEqual({
    functions: [
      {
        logicalId: 'Fn',
        line: 2,
        configuration: {
          FunctionName: 'Fn',
          Runtime: 'nodejs24.x',
          Handler: 'app.handler',
          Role: 'arn:aws:iam::012345678901:role/FnRole',
          Description: '',
          MemorySize: 128,
          Timeout: 3,
          Architectures: ['x86_64'],
          EphemeralStorage: { Size: 512 },
          Environment: { Variables: {} },
        },
        code: { kind: 'directory', directory: '/app/src' },
      },
    ],
    mappings: [],
    topics: [],
    streams: [],
    consumers: [],
  })
})

test('a template with everything that is supported becomes this plan', () => {
  const loaded = load(
    `
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: { Type: String, Default: dev, AllowedValues: [dev, prod] }
  Servers: { Type: CommaDelimitedList, Default: 'b1:9092, b2:9092' }
Metadata:
  Millrace:
    Topics:
      orders-dev: { Partitions: 6, RetentionMs: -1, SegmentBytes: 1048576 }
      audit: { RetentionBytes: 1000000 }
Globals:
  Function:
    Runtime: nodejs24.x
    MemorySize: 512
    Architectures: [x86_64]
    Environment: { Variables: { STAGE: !Ref Stage, LEVEL: info } }
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub orders-\${Stage}
      Handler: app.handler
      CodeUri: build/orders.zip
      MemorySize: 1024
      Timeout: 30
      EphemeralStorage: { Size: 1024 }
      Role: !GetAtt Nowhere.Arn
      Environment:
        Variables:
          LEVEL: debug
          AUDIT_ARN: !GetAtt Audit.Arn
          AUDIT: { Ref: Audit }
          GONE: !Ref AWS::NoValue
          REGION: { 'Fn::Sub': ['\${where}/\${AWS::AccountId}\${!x}', { where: !Ref 'AWS::Region' }] }
      Events:
        Stream:
          Type: SelfManagedKafka
          Properties:
            KafkaBootstrapServers: !Ref Servers
            Topics: [!Sub 'orders-\${Stage}']
            ConsumerGroupId: !Sub '\${Orders}-group'
            StartingPosition: AT_TIMESTAMP
            StartingPositionTimestamp: 1700000000.5
            BatchSize: 500
            MaximumBatchingWindowInSeconds: 5
            Enabled: false
            FilterCriteria: { Filters: [{ Pattern: '{"value":{"a":[1]}}' }, { Pattern: '{"key":["k"]}' }] }
  Audit:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      InlineCode: |
        exports.handler = async () => 'ok'
      Events:
        Stream:
          Type: MSK
          Properties:
            Stream: !GetAtt Cluster.Arn
            StartingPosition: LATEST
            Topics: [audit]
  Cluster:
    Type: AWS::MSK::Cluster
    Properties: { ClusterName: main, NumberOfBrokerNodes: 3 }
Outputs:
  Anything: { Value: !If [a, b, c] }
`,
  )
  expect(findings(loaded)).toEqual({
    warnings: ["62: AWS::MSK::Cluster Cluster: the platform's own broker takes its place"],
    errors: [],
  })
  const ordersConfiguration = {
    FunctionName: 'orders-dev',
    Runtime: 'nodejs24.x',
    Handler: 'app.handler',
    Role: 'arn:aws:iam::012345678901:role/OrdersRole',
    Description: '',
    MemorySize: 1024,
    Timeout: 30,
    Architectures: ['x86_64'],
    EphemeralStorage: { Size: 1024 },
    Environment: {
      Variables: {
        STAGE: 'dev',
        LEVEL: 'debug',
        AUDIT_ARN: 'arn:aws:lambda:eu-west-1:012345678901:function:Audit',
        AUDIT: 'Audit',
        REGION: 'eu-west-1/012345678901${x}',
      },
    },
  }
  const servers = ['b1:9092', 'b2:9092']
  expect(loaded.plan).toEqual({
    functions: [
      {
        logicalId: 'Orders',
        line: 19,
        configuration: ordersConfiguration,
        code: { kind: 'zip', file: '/app/build/orders.zip' },
      },
      {
        logicalId: 'Audit',
        line: 49,
        configuration: {
          ...ordersConfiguration,
          FunctionName: 'Audit',
          Handler: 'index.handler',
          Role: 'arn:aws:iam::012345678901:role/AuditRole',
          MemorySize: 512,
          Timeout: 3,
          EphemeralStorage: { Size: 512 },
          Environment: { Variables: { STAGE: 'dev', LEVEL: 'info' } },
        },
        code: {
          kind: 'inline',
          text: "exports.handler = async () => 'ok'\n",
          fileName: 'index.js',
        },
      },
    ],
    mappings: [
      {
        logicalId: 'OrdersStream',
        line: 37,
        input: {
          FunctionName: 'orders-dev',
          SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: servers } },
          Topics: ['orders-dev'],
          StartingPosition: 'AT_TIMESTAMP',
          StartingPositionTimestamp: 1_700_000_000_500,
          BatchSize: 500,
          MaximumBatchingWindowInSeconds: 5,
          Enabled: false,
          FilterCriteria: {
            Filters: [{ Pattern: '{"value":{"a":[1]}}' }, { Pattern: '{"key":["k"]}' }],
          },
          SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'orders-dev-group' },
        },
      },
      {
        logicalId: 'AuditStream',
        line: 56,
        input: {
          FunctionName: 'Audit',
          EventSourceArn:
            'arn:aws:kafka:eu-west-1:012345678901:cluster/main/00000000-0000-0000-0000-000000000000-1',
          Topics: ['audit'],
          StartingPosition: 'LATEST',
          BatchSize: 100,
          Enabled: true,
          FilterCriteria: { Filters: [] },
        },
      },
    ],
    streams: [],
    consumers: [],
    topics: [
      {
        name: 'orders-dev',
        line: 10,
        bootstrapServers: servers,
        partitions: 6,
        configs: { 'retention.ms': '-1', 'segment.bytes': '1048576' },
      },
      { name: 'audit', line: 11, configs: { 'retention.bytes': '1000000' } },
    ],
  })
})

test('the same template in JSON becomes the same plan', () => {
  const properties = { Runtime: 'nodejs24.x', CodeUri: 'src/', Handler: 'app.handler' }
  const json = {
    Resources: { Fn: { Type: 'AWS::Serverless::Function', Properties: properties } },
  }
  const loaded = load(JSON.stringify(json, null, 2).replace('{', '{\n'))
  const yaml = load(withProperties('Handler: app.handler'))
  expect(findings(loaded).errors).toEqual([])
  expect(loaded.plan.functions[0]?.line).toBe(4)
  expect({ ...loaded.plan.functions[0], line: 2 }).toEqual(yaml.plan.functions[0])
})

test('the folder of functions loads without a word', () => {
  const file = new URL('../../functions/template.yaml', import.meta.url).pathname
  const loaded = loadTemplate(readFileSync(file, 'utf8'), { ...options, file })
  expect({ warnings: loaded.warnings, errors: loaded.errors }).toEqual({ warnings: [], errors: [] })
})

test('the example loads without a word', () => {
  const file = new URL('../../examples/tyre-pressure/template.yaml', import.meta.url).pathname
  const loaded = loadTemplate(readFileSync(file, 'utf8'), { ...options, file })
  expect({ warnings: loaded.warnings, errors: loaded.errors }).toEqual({ warnings: [], errors: [] })
  expect(loaded.plan.topics).toMatchObject([{ name: 'telemetry', partitions: 12 }])
  expect(loaded.plan.mappings[0]?.input.FilterCriteria.Filters).toEqual([
    { Pattern: '{"value":{"tire_pressure":[{"numeric":["<",25]}]}}' },
  ])
})

test.each<[string, string, string[]]>([
  ['not a mapping', 'just words', ['1: a template is a mapping with Resources']],
  ['empty', '', ['1: a template is a mapping with Resources']],
  ['without Resources', 'Description: x', ['1: Resources is missing']],
  ['a key twice', 'A: 1\nB: 2\nA: 3', ['3: Map keys must be unique']],
  ['an unfinished quote', 'A: 1\nB: "x', ['2: Missing closing "quote']],
  [
    'no Handler',
    withProperties('Timeout: 3'),
    ['2: AWS::Serverless::Function Fn: Handler is missing'],
  ],
  [
    'a number out of range',
    withProperties('Handler: a.b', 'MemorySize: 64'),
    ['8: AWS::Serverless::Function Fn: MemorySize: "64" is not a whole number from 128 to 10240'],
  ],
  [
    'a list for a text',
    withProperties('Handler: [a]'),
    ['7: AWS::Serverless::Function Fn: Handler: a list is not a text'],
  ],
  [
    'an empty value',
    withProperties('Handler:'),
    ['7: AWS::Serverless::Function Fn: Handler: nothing is not a text'],
  ],
  [
    'a mapping inside Variables',
    withProperties('Handler: a.b', 'Environment:', '  Variables:', '    A: 1', '    B: { c: d }'),
    ['11: AWS::Serverless::Function Fn: Environment.Variables.B: a mapping is not a text'],
  ],
  [
    'a member that does not belong',
    withProperties('Handler: a.b', 'Environment:', '  Vars: { A: 1 }'),
    ['9: AWS::Serverless::Function Fn: Environment: Vars does not belong here'],
  ],
  [
    'an unknown Ref',
    withProperties('Handler: a.b', 'Description: !Ref Nowhere'),
    ['8: Nowhere is neither a parameter nor a resource'],
  ],
  [
    'an unknown name in a Sub',
    withProperties('Handler: a.b', 'Description: !Sub "x ${Nowhere.Arn} y"'),
    ['8: Nowhere is not a resource'],
  ],
  [
    'an attribute that there is not',
    withProperties('Handler: a.b').concat(
      '\n  Other:\n    Type: AWS::Serverless::Function\n    Properties:',
      '\n      { Handler: a.b, Runtime: x, CodeUri: ., Description: !GetAtt Fn.Url }',
    ),
    ['11: AWS::Serverless::Function has no attribute Url here'],
  ],
  [
    'a function that is none',
    withProperties('Handler: a.b', 'Description: !Reff X'),
    ['8: Fn::Reff is not an intrinsic function'],
  ],
  [
    'a reference to itself',
    withProperties('Handler: a.b', 'FunctionName: !Sub "${Fn}-x"'),
    ['8: resources refer to each other in a circle: Fn → Fn'],
  ],
  [
    'a circle of two',
    withProperties('Handler: a.b', 'Description: !Ref Other').concat(
      '\n  Other:\n    Type: AWS::Serverless::Function\n    Properties:',
      '\n      Handler: !GetAtt Fn.Arn',
    ),
    ['12: resources refer to each other in a circle: Fn → Other → Fn'],
  ],
  [
    'no code',
    withProperties('Handler: a.b').replace('CodeUri: src/', 'Timeout: 3'),
    ['2: AWS::Serverless::Function Fn: CodeUri or InlineCode is missing'],
  ],
  [
    'code in S3',
    withProperties('Handler: a.b').replace('src/', 's3://bucket/key'),
    ['6: AWS::Serverless::Function Fn: code in S3 is not supported'],
  ],
  [
    'inline code of another name',
    withProperties('InlineCode: x', 'Handler: app.handler'),
    ['8: AWS::Serverless::Function Fn: InlineCode is the module index, and Handler is app.handler'],
  ],
  [
    'inline code of another language',
    withProperties('Handler: index.handler', 'InlineCode: x').replace('nodejs24.x', 'python3.13'),
    ['8: AWS::Serverless::Function Fn: InlineCode is not supported for python3.13'],
  ],
  [
    'a name that no function can have',
    withProperties('Handler: a.b', 'FunctionName: ../x'),
    ['8: AWS::Serverless::Function Fn: "../x" is not a function\'s name'],
  ],
  [
    'two functions of one name',
    withProperties('Handler: a.b').concat(
      '\n  Other:\n    Type: AWS::Serverless::Function\n    Properties:',
      '\n      { FunctionName: Fn, Handler: a.b, Runtime: x, CodeUri: . }',
    ),
    ['8: the function Fn is declared twice, first on line 2'],
  ],
  [
    'a pattern that is not JSON',
    withEvent("FilterCriteria: { Filters: [{ Pattern: '{x' }] }"),
    ['15: Fn.Events.Stream: FilterCriteria: a Pattern is missing, or is not JSON'],
  ],
  [
    'a starting position that is none',
    withEvent('StartingPosition: EARLIEST'),
    [
      '15: Fn.Events.Stream: StartingPosition: "EARLIEST" is not one of TRIM_HORIZON, LATEST, AT_TIMESTAMP',
    ],
  ],
  [
    'two topics',
    withEvent().replace('[readings]', '[a, b]'),
    ['13: Fn.Events.Stream: Topics has 2 names, and Lambda takes exactly one'],
  ],
  [
    'a topic with a bad name',
    withEvent().replace('[readings]', '["a b"]'),
    ['13: Fn.Events.Stream: Topics: "a b" is not a topic\'s name'],
  ],
  [
    'no servers',
    withEvent().replace('KafkaBootstrapServers: [localhost:9092]', 'Enabled: true'),
    ['9: Fn.Events.Stream: KafkaBootstrapServers is missing'],
  ],
  [
    'no type of event',
    withEvent().replace('Type: SelfManagedKafka', 'Kind: SelfManagedKafka'),
    ['9: Fn.Events.Stream: Type is missing'],
  ],
  [
    'partitions that are no number',
    `${withEvent()}\nMetadata:\n  Millrace:\n    Topics:\n      readings:\n        Partitions: many`,
    [
      '19: Metadata.Millrace.Topics.readings: Partitions: "many" is not a whole number from 1 to 10000',
    ],
  ],
])('an error has its line: %s', (_, text, errors) => {
  expect(findings(load(text)).errors).toEqual(errors)
})

test.each<[string, string, string[]]>([
  [
    'a property that is not supported',
    withProperties('Handler: a.b', 'Layers: [!Ref Layer]', 'Timeot: 3'),
    [
      '8: AWS::Serverless::Function: the property Layers is not supported',
      '9: AWS::Serverless::Function: the property Timeot is not supported (did you mean Timeout?)',
    ],
  ],
  [
    'a type of resource that is not supported',
    withProperties('Handler: a.b').concat('\n  Table:\n    Type: AWS::DynamoDB::Table'),
    ['8: Table: resources of type AWS::DynamoDB::Table are not supported'],
  ],
  [
    'a reference to one',
    withProperties(
      'Handler: a.b',
      'Environment:',
      '  Variables: { T: !Ref Table, A: !GetAtt Table.Arn }',
    ).concat('\n  Table:\n    Type: AWS::DynamoDB::Table'),
    [
      '9: the text "Table" takes the place of a value of AWS::DynamoDB::Table',
      '9: the text "Table.Arn" takes the place of a value of AWS::DynamoDB::Table',
      '10: Table: resources of type AWS::DynamoDB::Table are not supported',
    ],
  ],
  [
    'a type of event that is not supported',
    withProperties('Handler: a.b', 'Events:', '  Queue:', '    Type: SQS'),
    ['10: Fn.Events.Queue: events of type SQS are not supported'],
  ],
  [
    'sections that are not supported',
    `Rules: {}\nHooks: {}\n${withProperties('Handler: a.b')}`,
    ['1: Rules is not supported', '2: Hooks is not supported'],
  ],
  [
    'an intrinsic function that is not supported',
    withProperties(
      'Handler: a.b',
      'MemorySize: !Length [a]',
      'Timeout:',
      '  Fn::Transform: { Name: AWS::Include }',
    ),
    [
      '8: Fn::Length is not supported yet: its value is left out',
      '10: Fn::Transform is not supported yet: its value is left out',
    ],
  ],
  [
    'another transform',
    `Transform: [AWS::Serverless-2016-10-31, AWS::LanguageExtensions]\n${withProperties('Handler: a.b')}`,
    ['1: Transform: "AWS::LanguageExtensions" is not supported'],
  ],
  [
    'what Globals has for other types',
    `Globals:\n  Api: {}\n${withProperties('Handler: a.b')}`,
    ['2: Globals.Api is not supported'],
  ],
  [
    'a property of Globals, once for all functions',
    `Globals: { Function: { Tracing: Active } }\n${withProperties('Handler: a.b')}\n  Other:\n    Type: AWS::Serverless::Function\n    Properties: { Handler: a.b, Runtime: x, CodeUri: . }`,
    ['1: AWS::Serverless::Function: the property Tracing is not supported'],
  ],
])('a warning has its line: %s', (_, text, warnings) => {
  expect(findings(load(text))).toEqual({ warnings, errors: [] })
})

test('an unsupported value that is required leaves an error as well', () => {
  expect(findings(load(withProperties('Handler: !Cidr [a, b, c]')))).toEqual({
    warnings: ['7: Fn::Cidr is not supported yet: its value is left out'],
    errors: ['2: AWS::Serverless::Function Fn: Handler is missing'],
  })
})

test('Globals are merged below: mappings key by key, lists appended, the rest replaced', () => {
  const { plan } = load(
    `Globals:\n  Function:\n    Timeout: 9\n    MemorySize: 256\n    Architectures: [arm64]\n` +
      `    Environment: { Variables: { A: 1, B: 2 } }\n` +
      withProperties(
        'Handler: a.b',
        'MemorySize: 512',
        'Architectures: [x86_64]',
        'Environment: { Variables: { B: 3, C: 4 } }',
      ),
  )
  expect(plan.functions[0]?.configuration).toMatchObject({
    Timeout: 9,
    MemorySize: 512,
    Architectures: ['arm64', 'x86_64'],
    Environment: { Variables: { A: '1', B: '3', C: '4' } },
  })
})

test('numbers keep the form in which they were written', () => {
  const variables = 'Environment: { Variables: { A: 012345, B: 1.50, C: yes, D: "", E: 1e3 } }'
  const { plan } = load(withProperties('Handler: a.b', variables))
  expect(plan.functions[0]?.configuration.Environment.Variables).toEqual({
    A: '012345',
    B: '1.50',
    C: 'yes',
    D: '',
    E: '1e3',
  })
})

test('a topic read from two clusters is planned on both', () => {
  const { plan } = load(
    withEvent(
      '      ',
      '  Second:',
      '    Type: SelfManagedKafka',
      '    Properties: { KafkaBootstrapServers: [other:9092], Topics: [readings] }',
    ).replaceAll(/^ {12}( {2}(?: {2})?\S)/gm, '      $1'),
  )
  expect(plan.topics.map(({ name, bootstrapServers }) => [name, bootstrapServers])).toEqual([
    ['readings', ['localhost:9092']],
    ['readings', ['other:9092']],
  ])
})

test('a hot-reload bucket in CodeUri is its directory', () => {
  const { plan } = load(
    withProperties('Handler: a.b').replace('src/', '{ Bucket: hot-reload, Key: /srv/code }'),
  )
  expect(plan.functions[0]?.code).toEqual({ kind: 'directory', directory: '/srv/code' })
})
