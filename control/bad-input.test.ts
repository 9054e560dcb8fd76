// Tests what a wrong parameter of an operation on functions is refused with, text by text, and that nothing changes.
import { expect, test } from 'vitest'
import { startControlForTest } from '../test/support/control-harness.ts'
import { callsOf, keptOf, prepareFunction } from '../test/support/lambda-calls.ts'
import type { Input } from '../test/support/lambda-operation.ts'
import { lambdaOperations } from '../test/support/lambda-operations.ts'

const name = 'tyres'
const arn = `arn:aws:lambda:us-east-1:000000000000:function:${name}`
const long = (length: number): string => 'x'.repeat(length)

/** Code of the error, and its text or the beginning and the end of it. */
type Refusal = readonly [code: string, text: string | RegExp]
type Case = readonly [operation: string, input: Input, refusal: Refusal]

const one = '1 validation error detected: Value'
const must = 'failed to satisfy constraint: Member must'
const invalid = (quoted: string, at: string, rest: string): Refusal => [
  'ValidationException',
  `${one} ${quoted} at '${at}' ${must} ${rest}`,
]
const least = (value: unknown, at: string, bound: number): Refusal =>
  invalid(`'${String(value)}'`, at, `have value greater than or equal to ${bound}`)
const most = (value: unknown, at: string, bound: number): Refusal =>
  invalid(`'${String(value)}'`, at, `have value less than or equal to ${bound}`)
const tooLong = (value: string, at: string, bound: number): Refusal =>
  invalid(`'${value.slice(0, 2000)}'`, at, `have length less than or equal to ${bound}`)
const missing = (at: string): Refusal => invalid('null', at, 'not be null')
const noWord = (value: string, at: string, words: string): Refusal =>
  invalid(`'${value}'`, at, `satisfy enum value set: [${words}]`)
const pattern = (value: string, at: string): Refusal => [
  'ValidationException',
  new RegExp(
    `^${one} '${value.replaceAll(/[$^*().?[\]\\|]/g, String.raw`\$&`)}' at '${at}' ${must} satisfy regular expression pattern: \\S`,
  ),
]
const parameter = (text: string | RegExp): Refusal => ['InvalidParameterValueException', text]
const notFound = (text: string): Refusal => ['ResourceNotFoundException', text]

const configuration: readonly (readonly [Input, Refusal])[] = [
  [{ MemorySize: 127 }, least(127, 'memorySize', 128)],
  [{ MemorySize: 10_241 }, most(10_241, 'memorySize', 10_240)],
  [{ MemorySize: -1 }, least(-1, 'memorySize', 128)],
  [{ Timeout: 0 }, least(0, 'timeout', 1)],
  [{ Timeout: 901 }, most(901, 'timeout', 900)],
  [{ EphemeralStorage: { Size: 511 } }, least(511, 'ephemeralStorage.size', 512)],
  [{ EphemeralStorage: { Size: 10_241 } }, most(10_241, 'ephemeralStorage.size', 10_240)],
  [{ EphemeralStorage: {} }, missing('ephemeralStorage.size')],
  [{ EphemeralStorage: { Size: null } }, missing('ephemeralStorage.size')],
  [{ Description: long(257) }, tooLong(long(257), 'description', 256)],
  [{ Handler: long(129) }, tooLong(long(129), 'handler', 128)],
  [{ Handler: '' }, pattern('', 'handler')],
  [{ Handler: 'a b' }, pattern('a b', 'handler')],
  [{ Role: 'nobody' }, pattern('nobody', 'role')],
  [{ Role: 'arn:aws:iam::12:role/x' }, pattern('arn:aws:iam::12:role/x', 'role')],
  [
    { Runtime: 'nodejs' },
    parameter(/^The runtime parameter of nodejs is no longer supported .*\(nodejs24\.x\)/),
  ],
  [
    { Runtime: 'cobol' },
    parameter(/^Value cobol at 'runtime' failed to satisfy constraint: .* or be a valid ARN$/),
  ],
  [
    { Environment: { Variables: { A: 'x' } } },
    [
      'ValidationException',
      `${one} at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]`,
    ],
  ],
  [
    { Environment: { Variables: { AWS_REGION: 'x', LAMBDA_TASK_ROOT: 'y' } } },
    parameter(/Reserved keys used in this request: AWS_REGION, LAMBDA_TASK_ROOT$/),
  ],
  [
    { Environment: { Variables: { AA: long(4096) } } },
    parameter(
      `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {"AA":"${long(4096)}"}`,
    ),
  ],
  [{ DeadLetterConfig: { TargetArn: 'queue' } }, pattern('queue', 'deadLetterConfig.targetArn')],
  [
    { DeadLetterConfig: { TargetArn: 'arn:aws:s3:::bucket' } },
    parameter(/^The provided target ARN arn:aws:s3:::bucket is invalid/),
  ],
  [
    { LoggingConfig: { LogFormat: 'text' } },
    noWord('text', 'loggingConfig.logFormat', 'JSON, Text'),
  ],
  [
    { LoggingConfig: { SystemLogLevel: 'ERROR', LogFormat: 'JSON' } },
    noWord('ERROR', 'loggingConfig.systemLogLevel', 'DEBUG, INFO, WARN'),
  ],
  [
    { LoggingConfig: { ApplicationLogLevel: 'ALL', LogFormat: 'JSON' } },
    noWord('ALL', 'loggingConfig.applicationLogLevel', 'TRACE, DEBUG, INFO, WARN, ERROR, FATAL'),
  ],
  [{ LoggingConfig: { LogGroup: 'a b' } }, pattern('a b', 'loggingConfig.logGroup')],
  [{ LoggingConfig: { LogGroup: long(513) } }, tooLong(long(513), 'loggingConfig.logGroup', 512)],
  [
    { LoggingConfig: { SystemLogLevel: 'INFO' } },
    parameter(/^LogLevel is not supported when LogFormat is set to "Text"/),
  ],
  ...[
    'VpcConfig',
    'KMSKeyArn',
    'FileSystemConfigs',
    'ImageConfig',
    'CapacityProviderConfig',
    'DurableConfig',
    'AcceleratorConfig',
    'RuntimeConfig',
  ].map((each) => [{ [each]: ['x'] }, parameter(`${each} is not available yet.`)] as const),
  [
    { Layers: ['x'] },
    [
      'ValidationException',
      /^1 validation error detected: Value '\[x\]' at 'layers' failed .* satisfy regular expression pattern: /,
    ],
  ],
  [{ TracingConfig: { Mode: 'Active' } }, parameter('TracingConfig is not available yet.')],
  [{ SnapStart: { ApplyOn: 'PublishedVersions' } }, parameter('SnapStart is not available yet.')],
]

const code: readonly (readonly [Input, Refusal])[] = [
  [
    { S3Bucket: 'ab', S3Key: 'k' },
    invalid("'ab'", 's3Bucket', 'have length greater than or equal to 3'),
  ],
  [{ S3Bucket: 'a b c', S3Key: 'k' }, pattern('a b c', 's3Bucket')],
  [{ S3Bucket: 'abc', S3Key: long(1025) }, tooLong(long(1025), 's3Key', 1024)],
  [
    { S3Bucket: 'abc', S3Key: 'k', S3ObjectVersion: long(1025) },
    tooLong(long(1025), 's3ObjectVersion', 1024),
  ],
  [
    { S3Bucket: 'abc', S3Key: 'k', S3ObjectStorageMode: 'REFERENCE' },
    parameter('S3ObjectStorageMode is not available yet.'),
  ],
  [{ S3Bucket: 'abc', S3Key: null }, parameter(/^Code is missing: give ZipFile/)],
  [
    { S3Bucket: 'hot-reload', S3Key: 'here' },
    parameter('With bucket hot-reload, S3Key must be the absolute path of a local directory.'),
  ],
  [
    { S3Bucket: 'hot-reload', S3Key: '/none' },
    parameter('With bucket hot-reload, S3Key must be a directory: /none is none.'),
  ],
  [
    { S3Bucket: 'hot-reload', S3Key: '/\u0000' },
    parameter('With bucket hot-reload, S3Key must be a directory: /\u0000 is none.'),
  ],
  [{ S3Bucket: null, S3Key: null, ZipFile: '' }, parameter(/^Could not unzip uploaded file/)],
  [
    { S3Bucket: 'abc', ZipFile: 'eA==' },
    parameter('Please do not provide other FunctionCode parameters with ZipFile.'),
  ],
  [{ ImageUri: 'x' }, parameter('ImageUri is not available yet.')],
  [{ SourceKMSKeyArn: 'x' }, parameter('SourceKMSKeyArn is not available yet.')],
]

const newFunction: readonly (readonly [Input, Refusal])[] = [
  [{ FunctionName: null }, missing('functionName')],
  [
    { FunctionName: long(65) },
    parameter(
      `${one} '${long(65)}' at 'functionName' ${must} have length less than or equal to 64`,
    ),
  ],
  [{ FunctionName: 'a:b:c' }, pattern('a:b:c', 'functionName')],
  [
    { FunctionName: `${arn}:1` },
    parameter(`A function cannot be created with a qualifier: ${arn}:1`),
  ],
  [{ Role: null }, missing('role')],
  [{ Code: null }, missing('code')],
  [{ Handler: null }, parameter(/^Runtime and Handler are mandatory parameters/)],
  [{ Runtime: null }, parameter(/^Runtime and Handler are mandatory parameters/)],
  [
    { Architectures: [] },
    invalid("'[]'", 'architectures', 'have length greater than or equal to 1'),
  ],
  [{ Architectures: ['arm'] }, noWord('arm', 'architectures', 'x86_64, arm64')],
  [
    { Architectures: ['arm64', 'x86_64'] },
    invalid("'[arm64, x86_64]'", 'architectures', 'have length less than or equal to 1'),
  ],
  [{ PackageType: 'Jar' }, noWord('Jar', 'packageType', 'Zip, Image')],
  [{ PackageType: 'Image' }, parameter('PackageType Image is not available.')],
  [{ PublishTo: 'LATEST_PUBLISHED' }, parameter('PublishTo is not available yet.')],
  [{ CodeSigningConfigArn: 'x' }, parameter('CodeSigningConfigArn is not available yet.')],
  [
    { TenancyConfig: { TenantIsolationMode: 'PER_TENANT' } },
    parameter('TenancyConfig is not available yet.'),
  ],
  [
    { Tags: { 'a*b': 'x' } },
    [
      'ValidationException',
      /^1 validation error detected: Value at 'tags' .* Map keys must satisfy/,
    ],
  ],
  [
    { Tags: { 'AWS:x': 'x' } },
    parameter('Tag keys that begin with aws: are reserved for AWS: AWS:x'),
  ],
  [
    { MemorySize: 0, Timeout: 0, Description: long(257) },
    [
      'ValidationException',
      `3 validation errors detected: Value '${long(257)}' at 'description' ${must} have length less than or equal to 256; ` +
        `Value '0' at 'timeout' ${must} have value greater than or equal to 1; ` +
        `Value '0' at 'memorySize' ${must} have value greater than or equal to 128`,
    ],
  ],
]

const mismatch = /^The Revision Id provided does not match the latest Revision Id/
const weights = (of: Input): Input => ({ RoutingConfig: { AdditionalVersionWeights: of } })
const onlyFunctions = parameter(/^This operation is permitted on Lambda functions only\./)
const arnOfOther = arn.replace('us-east-1', 'eu-west-1')

const cases: readonly Case[] = [
  ...configuration.flatMap(([input, refusal]): readonly Case[] => [
    ['CreateFunction', input, refusal],
    ['UpdateFunctionConfiguration', input, refusal],
  ]),
  ...code.map(([input, refusal]): Case => ['UpdateFunctionCode', input, refusal]),
  ...newFunction.map(([input, refusal]): Case => ['CreateFunction', input, refusal]),
  [
    'CreateFunction',
    { FunctionName: name },
    ['ResourceConflictException', `Function already exist: ${name}`],
  ],
  [
    'CreateFunction',
    { Code: { S3Bucket: 'a' } },
    invalid("'a'", 'code.s3Bucket', 'have length greater than or equal to 3'),
  ],
  [
    'UpdateFunctionCode',
    { Architectures: [] },
    invalid("'[]'", 'architectures', 'have length greater than or equal to 1'),
  ],
  ['UpdateFunctionCode', { RevisionId: 'x' }, ['PreconditionFailedException', mismatch]],
  ['UpdateFunctionCode', { FunctionName: 'tyres:1' }, onlyFunctions],
  ['UpdateFunctionConfiguration', { RevisionId: 'x' }, ['PreconditionFailedException', mismatch]],
  ['UpdateFunctionConfiguration', { FunctionName: 'tyres:live' }, onlyFunctions],
  [
    'GetFunction',
    { FunctionName: 'none' },
    notFound(`Function not found: ${arn.replace(name, 'none')}`),
  ],
  [
    'GetFunction',
    { FunctionName: arnOfOther },
    notFound("Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"),
  ],
  [
    'GetFunction',
    { FunctionName: 'tyres:1', Qualifier: '2' },
    parameter(
      'The derived qualifier from the function name does not match the specified qualifier.',
    ),
  ],
  ['GetFunction', { Qualifier: '7' }, notFound(`Function not found: ${arn}:7`)],
  ['GetFunction', { Qualifier: 'a b' }, pattern('a b', 'qualifier')],
  ['GetFunctionConfiguration', { Qualifier: long(129) }, tooLong(long(129), 'qualifier', 128)],
  // An empty variable of a script must not take the whole function for one version.
  [
    'DeleteFunction',
    { Qualifier: '' },
    invalid("''", 'qualifier', 'have length greater than or equal to 1'),
  ],
  [
    'DeleteFunction',
    { Qualifier: '$LATEST' },
    parameter('$LATEST version cannot be deleted without deleting the function.'),
  ],
  [
    'DeleteFunction',
    { Qualifier: 'live' },
    parameter('Deletion of aliases is not currently supported.'),
  ],
  [
    'DeleteFunction',
    { Qualifier: '1' },
    [
      'ResourceConflictException',
      'Unable to delete version because the following aliases reference it: [live]',
    ],
  ],
  ['ListFunctions', { MaxItems: 0 }, least(0, 'maxItems', 1)],
  ['ListFunctions', { MaxItems: 10_001 }, most(10_001, 'maxItems', 10_000)],
  [
    'ListFunctions',
    { MaxItems: 'x' },
    ['SerializationException', "STRING_VALUE can not be converted to an Integer (at 'maxItems')"],
  ],
  ['ListFunctions', { MaxItems: '1.5' }, ['SerializationException', /'maxItems'/]],
  ['ListFunctions', { Marker: 'x' }, parameter('Invalid Marker: x')],
  ['ListFunctions', { FunctionVersion: 'x' }, noWord('x', 'functionVersion', 'ALL')],
  [
    'Invoke',
    { InvocationType: 'Later' },
    noWord('Later', 'invocationType', 'Event, RequestResponse, DryRun'),
  ],
  ['Invoke', { LogType: 'Head' }, noWord('Head', 'logType', 'None, Tail')],
  [
    'Invoke',
    { ClientContext: 'e' },
    [
      'InvalidRequestContentException',
      /^Client context must be a valid Base64-encoded JSON object\.$/,
    ],
  ],
  [
    'Invoke',
    { ClientContext: 'W10=' },
    ['InvalidRequestContentException', /^Client context must be/],
  ],
  [
    'Invoke',
    { ClientContext: 'x'.repeat(3584) },
    ['InvalidRequestContentException', 'Client context must be no more than 3583 bytes.'],
  ],
  ['Invoke', { TenantId: 'x' }, parameter('TenantId is not available yet.')],
  [
    'Invoke',
    { DurableExecutionName: 'x' },
    parameter('DurableExecutionName is not available yet.'),
  ],
  ['Invoke', { Qualifier: 'a b' }, pattern('a b', 'qualifier')],
  [
    'Invoke',
    { FunctionName: 'none' },
    notFound(`Function not found: ${arn.replace(name, 'none')}`),
  ],
  ['PublishVersion', { Description: long(257) }, tooLong(long(257), 'description', 256)],
  ['PublishVersion', { RevisionId: 'x' }, ['PreconditionFailedException', mismatch]],
  ['PublishVersion', { PublishTo: 'x' }, parameter('PublishTo is not available yet.')],
  ['ListVersionsByFunction', { MaxItems: 0 }, least(0, 'maxItems', 1)],
  ['CreateAlias', { Name: null }, missing('name')],
  ['CreateAlias', { FunctionVersion: null }, missing('functionVersion')],
  ['CreateAlias', { Name: '12' }, pattern('12', 'name')],
  ['CreateAlias', { Name: long(129) }, tooLong(long(129), 'name', 128)],
  [
    'CreateAlias',
    { Name: 'live' },
    ['ResourceConflictException', `Alias already exists: ${arn}:live`],
  ],
  ['CreateAlias', { FunctionVersion: 'x' }, pattern('x', 'functionVersion')],
  ['CreateAlias', { FunctionVersion: '7' }, notFound(`Function not found: ${arn}:7`)],
  ['UpdateAlias', { Name: 'a b' }, pattern('a b', 'name')],
  ['UpdateAlias', { Name: 'none' }, notFound(`Alias not found: ${arn}:none`)],
  ['UpdateAlias', { RevisionId: 'x' }, ['PreconditionFailedException', mismatch]],
  [
    'UpdateAlias',
    { FunctionVersion: '' },
    ['ValidationException', /^2 validation errors detected: Value '' at 'functionVersion'/],
  ],
  [
    'UpdateAlias',
    weights({ 2: 1.1 }),
    [
      'ValidationException',
      /Value '\{2=1\.1\}' at 'routingConfig\.additionalVersionWeights' .* Map value must satisfy constraint: \[Member must have value less than or equal to 1\.0/,
    ],
  ],
  [
    'UpdateAlias',
    weights({ x: 0.5 }),
    ['ValidationException', /Value '\{x=0\.5\}' .* Map keys must satisfy constraint/],
  ],
  [
    'UpdateAlias',
    weights({ 1: 0.5, 2: 0.5 }),
    parameter('Number of items in AdditionalVersionWeights cannot be greater than 1'),
  ],
  [
    'UpdateAlias',
    weights({ 1: 0.5 }),
    parameter(/^Invalid function version 1\. Function version 1 is already included/),
  ],
  [
    'UpdateAlias',
    { ...weights({ 1: 0.5 }), FunctionVersion: '$LATEST' },
    parameter('$LATEST is not supported for an alias pointing to more than 1 version'),
  ],
  ['GetAlias', { Name: '1' }, pattern('1', 'name')],
  ['GetAlias', { Name: 'none' }, notFound(`Cannot find alias arn: ${arn}:none`)],
  ['DeleteAlias', { Name: 'a b' }, pattern('a b', 'name')],
  ['ListAliases', { MaxItems: -1 }, least(-1, 'maxItems', 1)],
  ['ListAliases', { FunctionVersion: 'x' }, pattern('x', 'functionVersion')],
  [
    'PutFunctionConcurrency',
    { ReservedConcurrentExecutions: null },
    missing('reservedConcurrentExecutions'),
  ],
  [
    'PutFunctionConcurrency',
    { ReservedConcurrentExecutions: -1 },
    least(-1, 'reservedConcurrentExecutions', 0),
  ],
  [
    'PutFunctionConcurrency',
    { ReservedConcurrentExecutions: 901 },
    parameter(
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
    ),
  ],
  [
    'PutFunctionConcurrency',
    { ReservedConcurrentExecutions: 0 },
    parameter(
      " ReservedConcurrentExecutions  0 should not be lower than function's total provisioned concurrency [1].",
    ),
  ],
  ['PutFunctionConcurrency', { FunctionName: 'tyres:live' }, onlyFunctions],
  ['GetFunctionConcurrency', { FunctionName: 'a b' }, pattern('a b', 'functionName')],
  ['DeleteFunctionConcurrency', { FunctionName: 'tyres:1' }, onlyFunctions],
  [
    'PutProvisionedConcurrencyConfig',
    { ProvisionedConcurrentExecutions: 0 },
    least(0, 'provisionedConcurrentExecutions', 1),
  ],
  [
    'PutProvisionedConcurrencyConfig',
    { ProvisionedConcurrentExecutions: null },
    missing('provisionedConcurrentExecutions'),
  ],
  [
    'PutProvisionedConcurrencyConfig',
    { ProvisionedConcurrentExecutions: 901 },
    parameter(/below its minimum value of \[100\]\.$/),
  ],
  [
    'PutProvisionedConcurrencyConfig',
    { Qualifier: '$LATEST' },
    parameter(
      /^Provisioned Concurrency Configs cannot be applied to unpublished function versions/,
    ),
  ],
  [
    'PutProvisionedConcurrencyConfig',
    { Qualifier: 'none' },
    notFound(`Cannot find alias arn: ${arn}:none`),
  ],
  [
    'PutProvisionedConcurrencyConfig',
    { Qualifier: '1' },
    ['ResourceConflictException', 'Version is pointed by a Provisioned Concurrency alias'],
  ],
  [
    'GetProvisionedConcurrencyConfig',
    { Qualifier: '1' },
    [
      'ProvisionedConcurrencyConfigNotFoundException',
      'No Provisioned Concurrency Config found for this function',
    ],
  ],
  ['ListProvisionedConcurrencyConfigs', { MaxItems: 51 }, most(51, 'maxItems', 50)],
  ['PutFunctionEventInvokeConfig', { MaximumRetryAttempts: 3 }, most(3, 'maximumRetryAttempts', 2)],
  [
    'PutFunctionEventInvokeConfig',
    { MaximumRetryAttempts: -1 },
    least(-1, 'maximumRetryAttempts', 0),
  ],
  [
    'PutFunctionEventInvokeConfig',
    { MaximumEventAgeInSeconds: 59 },
    least(59, 'maximumEventAgeInSeconds', 60),
  ],
  [
    'UpdateFunctionEventInvokeConfig',
    { MaximumEventAgeInSeconds: 21_601 },
    most(21_601, 'maximumEventAgeInSeconds', 21_600),
  ],
  [
    'UpdateFunctionEventInvokeConfig',
    { Qualifier: '1' },
    notFound(`The function ${arn}:1 doesn't have an EventInvokeConfig`),
  ],
  [
    'PutFunctionEventInvokeConfig',
    { MaximumRetryAttempts: null },
    parameter('You must specify at least one of error handling or destination setting.'),
  ],
  [
    'PutFunctionEventInvokeConfig',
    { DestinationConfig: { OnFailure: { Destination: 'x' } } },
    pattern('x', 'destinationConfig.onFailure.destination'),
  ],
  [
    'PutFunctionEventInvokeConfig',
    { DestinationConfig: { OnSuccess: { Destination: arn } } },
    parameter("You can't specify the function as a destination for itself."),
  ],
  [
    'PutFunctionEventInvokeConfig',
    { FunctionName: 'none' },
    notFound("The function doesn't exist."),
  ],
  [
    'GetFunctionEventInvokeConfig',
    { Qualifier: 'constructor' },
    notFound(`The function ${arn}:constructor doesn't have an EventInvokeConfig`),
  ],
  ['ListFunctionEventInvokeConfigs', { MaxItems: 51 }, most(51, 'maxItems', 50)],
  [
    'PutRuntimeManagementConfig',
    { UpdateRuntimeOn: 'auto' },
    noWord('auto', 'updateRuntimeOn', 'Auto, Manual, FunctionUpdate'),
  ],
  ['PutRuntimeManagementConfig', { UpdateRuntimeOn: null }, missing('updateRuntimeOn')],
  [
    'PutRuntimeManagementConfig',
    { RuntimeVersionArn: 'arn:aws:lambda:us-east-1::runtime:x' },
    parameter('RuntimeVersionArn is not available: only UpdateRuntimeOn Auto is.'),
  ],
  [
    'PutFunctionRecursionConfig',
    { RecursiveLoop: 'x' },
    noWord('x', 'recursiveLoop', 'Terminate, Allow'),
  ],
  [
    'PutFunctionRecursionConfig',
    { RecursiveLoop: 'Allow' },
    parameter('Allow is not available: only Terminate is.'),
  ],
  [
    'GetFunctionCodeSigningConfig',
    { FunctionName: 'none' },
    notFound(`Function not found: ${arn.replace(name, 'none')}`),
  ],
  ['TagResource', { Tags: null }, missing('tags')],
  [
    'TagResource',
    { Tags: { [long(129)]: '' } },
    [
      'ValidationException',
      /^1 validation error detected: Value at 'tags' .* Map keys must .* less than or equal to 128/,
    ],
  ],
  [
    'TagResource',
    { Tags: { a: long(257) } },
    [
      'ValidationException',
      /^1 validation error detected: Value at 'tags' .* Map value must .* less than or equal to 256/,
    ],
  ],
  [
    'TagResource',
    { Tags: { 'aws:x': '' } },
    parameter('Tag keys that begin with aws: are reserved for AWS: aws:x'),
  ],
  [
    'TagResource',
    { Tags: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`t${i}`, ''])) },
    parameter('Number of tags exceeds resource tag limit.'),
  ],
  ['TagResource', { Resource: 'tyres' }, pattern('tyres', 'resource')],
  [
    'TagResource',
    { Resource: `${arn}:1` },
    parameter(
      'Tags on function aliases and versions are not supported. Please specify a function ARN.',
    ),
  ],
  [
    'UntagResource',
    { TagKeys: 'a*' },
    ['ValidationException', /Value at 'tagKeys' failed to satisfy constraint/],
  ],
  [
    'ListTags',
    { Resource: arn.replace(name, 'none') },
    notFound(`Function not found: ${arn.replace(name, 'none')}`),
  ],
  ['AddPermission', { StatementId: null }, missing('statementId')],
  ['AddPermission', { StatementId: 'a b' }, pattern('a b', 'statementId')],
  ['AddPermission', { StatementId: long(101) }, tooLong(long(101), 'statementId', 100)],
  [
    'AddPermission',
    { StatementId: 'one' },
    ['ResourceConflictException', /^The statement id \(one\) provided already exists/],
  ],
  ['AddPermission', { Action: null }, missing('action')],
  ['AddPermission', { Action: 's3:Get' }, pattern('s3:Get', 'action')],
  ['AddPermission', { Principal: null }, missing('principal')],
  ['AddPermission', { Principal: long(2049) }, tooLong(long(2049), 'principal', 2048)],
  ['AddPermission', { Principal: 'nobody' }, parameter(/^The provided principal was invalid/)],
  ['AddPermission', { SourceArn: 'x' }, pattern('x', 'sourceArn')],
  ['AddPermission', { SourceAccount: '12' }, pattern('12', 'sourceAccount')],
  ['AddPermission', { PrincipalOrgID: 'x-0123456789' }, pattern('x-0123456789', 'principalOrgID')],
  [
    'AddPermission',
    { FunctionUrlAuthType: 'x' },
    noWord('x', 'functionUrlAuthType', 'NONE, AWS_IAM'),
  ],
  [
    'AddPermission',
    { Qualifier: '$LATEST' },
    parameter('We currently do not support adding policies for $LATEST.'),
  ],
  ['AddPermission', { RevisionId: 'x' }, ['PreconditionFailedException', mismatch]],
  [
    'AddPermission',
    {
      SourceArn: `arn:aws:s3:::${long(9900)}`,
      Principal: `arn:${long(2000)}`,
      Action: `lambda:${long(9990)}`,
    },
    ['PolicyLengthExceededException', 'The final policy size is bigger than the limit (20480).'],
  ],
  ['GetPolicy', { Qualifier: 'a b' }, pattern('a b', 'qualifier')],
  ['GetPolicy', { Qualifier: '7' }, notFound('The resource you requested does not exist.')],
  [
    'RemovePermission',
    { StatementId: 'none' },
    notFound('Statement none is not found in resource policy.'),
  ],
  ['RemovePermission', { StatementId: 'a b' }, pattern('a b', 'statementId')],
  ['RemovePermission', { RevisionId: 'x' }, ['PreconditionFailedException', mismatch]],
]

const statuses: Readonly<Record<string, number>> = {
  PreconditionFailedException: 412,
  ProvisionedConcurrencyConfigNotFoundException: 404,
  ResourceConflictException: 409,
  ResourceNotFoundException: 404,
}

test('each wrong parameter is refused in the words of AWS, and nothing changes', async () => {
  const harness = await startControlForTest()
  await prepareFunction(harness)
  const before = keptOf(harness)
  const operations = lambdaOperations(harness.dataDir)
  const call = callsOf(harness)
  for (const [operation, input, [code, text]] of cases) {
    const found = operations[operation]
    if (found === undefined) throw new Error(`There is no ${operation}`)
    const answer = await call(found, { ...found.good, ...input })
    const of = `${operation} ${JSON.stringify(input).slice(0, 200)}: ${JSON.stringify(answer)}`
    const message: unknown = typeof text === 'string' ? text : expect.stringMatching(text)
    expect.soft(answer, of).toEqual({ status: statuses[code] ?? 400, code, message })
    expect(keptOf(harness), of).toBe(before)
  }
  expect(harness.invoker.seen).toEqual([])
})

const badNames = [
  'a b',
  'é',
  '*',
  long(257),
  'tyres:',
  'tyres:a b',
  'a:b:c',
  arn.slice(0, -name.length),
  `${arn}:1:2`,
]

test('a malformed name is refused by every operation that has one', async () => {
  const harness = await startControlForTest()
  await prepareFunction(harness)
  const before = keptOf(harness)
  const call = callsOf(harness)
  for (const [operation, found] of Object.entries(lambdaOperations(harness.dataDir))) {
    if (!found.path.includes('{FunctionName}')) continue
    for (const FunctionName of badNames) {
      const answer = await call(found, { ...found.good, FunctionName })
      const of = `${operation} of ${FunctionName}: ${JSON.stringify(answer)}`
      expect.soft([answer.status, answer.code], of).toEqual([400, 'ValidationException'])
      expect.soft(answer.message, of).toContain(`at 'functionName' ${must}`)
    }
  }
  expect(keptOf(harness)).toBe(before)
})

test('a parameter given twice is not taken for either, and a nested one of any depth is refused', async () => {
  const harness = await startControlForTest()
  await prepareFunction(harness)
  const before = keptOf(harness)
  const path = `/2015-03-31/functions/${name}`
  const twice = await fetch(`${harness.url}${path}?Qualifier=1&Qualifier=2`, { method: 'DELETE' })
  expect(await twice.json()).toMatchObject({
    message: expect.stringContaining("'1,2' at 'qualifier'"),
  })
  for (const [open, close] of [
    ['{"a":', '}'],
    ['[', ']'],
  ] as const) {
    const nested = `${open.repeat(200_000)}1${close.repeat(200_000)}`
    const deep = await fetch(`${harness.url}${path}/configuration`, {
      method: 'PUT',
      body: `{"VpcConfig":${nested}}`,
    })
    expect([deep.status, await deep.json()]).toMatchObject([
      400,
      { message: 'VpcConfig is not available yet.' },
    ])
  }
  expect(keptOf(harness)).toBe(before)
})

test('a body in an encoding that nobody knows is refused, by Invoke with its own code', async () => {
  const harness = await startControlForTest()
  await prepareFunction(harness)
  const before = keptOf(harness)
  const refused = async (path: string, method: string) => {
    const headers = { 'content-encoding': 'zip' }
    const answer = await fetch(`${harness.url}${path}`, { method, headers, body: '{}' })
    const { message }: { message?: unknown } = JSON.parse(await answer.text())
    return [answer.status, answer.headers.get('x-amzn-errortype'), message]
  }
  const path = `/2015-03-31/functions/${name}`
  const message = 'unsupported content encoding "zip"'
  expect(await refused(`${path}/invocations`, 'POST')).toEqual([
    415,
    'UnsupportedMediaTypeException',
    message,
  ])
  expect(await refused(`${path}/configuration`, 'PUT')).toEqual([
    400,
    'SerializationException',
    message,
  ])
  expect(harness.invoker.seen).toEqual([])
  expect(keptOf(harness)).toBe(before)
})
