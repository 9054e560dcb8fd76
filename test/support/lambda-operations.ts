// Every function operation of the Lambda API that is served: where its members go, of what type they are, and one good input.
import { code, page, type Input, type Operation } from './lambda-operation.ts'
import { layerOperations } from './layer-operations.ts'

const functionName = { FunctionName: 'tyres' }
const ofFunction = '/2015-03-31/functions/{FunctionName}'
const qualifier = { Qualifier: 'Qualifier' }

const configuration = {
  Runtime: 'text',
  Role: 'text',
  Handler: 'text',
  Description: 'text',
  Timeout: 'whole',
  MemorySize: 'whole',
  Environment: { Variables: 'map' },
  EphemeralStorage: { Size: 'whole' },
  Layers: 'list',
  DeadLetterConfig: { TargetArn: 'text' },
  LoggingConfig: {
    LogFormat: 'text',
    ApplicationLogLevel: 'text',
    SystemLogLevel: 'text',
    LogGroup: 'text',
  },
} as const
const alias = {
  FunctionVersion: 'text',
  Description: 'text',
  RoutingConfig: { AdditionalVersionWeights: 'weights' },
} as const
const eventInvokeConfig = {
  MaximumRetryAttempts: 'whole',
  MaximumEventAgeInSeconds: 'whole',
  DestinationConfig: { OnSuccess: { Destination: 'text' }, OnFailure: { Destination: 'text' } },
} as const

/** `directory` is any: it stands for code. */
export function lambdaOperations(directory: string): Readonly<Record<string, Operation>> {
  const hotReload = { S3Bucket: 'hot-reload', S3Key: directory }
  return {
    ...functionOperations(hotReload),
    ...aliasOperations,
    ...configOperations,
    ...layerOperations,
    ...others,
  }
}

function functionOperations(hotReload: Input): Readonly<Record<string, Operation>> {
  const getters = { method: 'GET', query: qualifier, good: functionName } as const
  return {
    CreateFunction: {
      method: 'POST',
      path: '/2015-03-31/functions',
      members: {
        ...configuration,
        FunctionName: 'text',
        Code: code,
        Architectures: 'list',
        PackageType: 'text',
        Publish: 'flag',
        Tags: 'map',
      },
      good: {
        FunctionName: 'brakes',
        Role: 'arn:aws:iam::000000000000:role/any',
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Code: hotReload,
      },
    },
    UpdateFunctionCode: {
      method: 'PUT',
      path: `${ofFunction}/code`,
      members: {
        ...code,
        Architectures: 'list',
        Publish: 'flag',
        DryRun: 'flag',
        RevisionId: 'text',
      },
      good: { ...functionName, ...hotReload },
    },
    UpdateFunctionConfiguration: {
      method: 'PUT',
      path: `${ofFunction}/configuration`,
      members: { ...configuration, RevisionId: 'text' },
      good: { ...functionName, MemorySize: 256 },
    },
    GetFunction: { ...getters, path: ofFunction },
    GetFunctionConfiguration: { ...getters, path: `${ofFunction}/configuration` },
    DeleteFunction: { ...getters, method: 'DELETE', path: ofFunction },
    ListFunctions: {
      method: 'GET',
      path: '/2015-03-31/functions',
      query: { ...page, FunctionVersion: 'FunctionVersion' },
      good: {},
    },
    Invoke: {
      method: 'POST',
      path: `${ofFunction}/invocations`,
      query: qualifier,
      headers: {
        InvocationType: 'x-amz-invocation-type',
        LogType: 'x-amz-log-type',
        ClientContext: 'x-amz-client-context',
        DurableExecutionName: 'x-amz-durable-execution-name',
        TenantId: 'x-amz-tenant-id',
      },
      good: functionName,
    },
  }
}

const aliasOperations: Readonly<Record<string, Operation>> = {
  PublishVersion: {
    method: 'POST',
    path: `${ofFunction}/versions`,
    members: { CodeSha256: 'text', Description: 'text', RevisionId: 'text' },
    good: functionName,
  },
  ListVersionsByFunction: {
    method: 'GET',
    path: `${ofFunction}/versions`,
    query: page,
    good: functionName,
  },
  CreateAlias: {
    method: 'POST',
    path: `${ofFunction}/aliases`,
    members: { ...alias, Name: 'text' },
    good: { ...functionName, Name: 'next', FunctionVersion: '1' },
  },
  UpdateAlias: {
    method: 'PUT',
    path: `${ofFunction}/aliases/{Name}`,
    members: { ...alias, RevisionId: 'text' },
    good: { ...functionName, Name: 'live' },
  },
  GetAlias: {
    method: 'GET',
    path: `${ofFunction}/aliases/{Name}`,
    good: { ...functionName, Name: 'live' },
  },
  DeleteAlias: {
    method: 'DELETE',
    path: `${ofFunction}/aliases/{Name}`,
    good: { ...functionName, Name: 'live' },
  },
  ListAliases: {
    method: 'GET',
    path: `${ofFunction}/aliases`,
    query: { ...page, FunctionVersion: 'FunctionVersion' },
    good: functionName,
  },
}

const concurrency = '/2017-10-31/functions/{FunctionName}/concurrency'
const provisioned = {
  path: '/2019-09-30/functions/{FunctionName}/provisioned-concurrency',
  query: qualifier,
  good: { ...functionName, Qualifier: 'live' },
} as const
const asynchronous = {
  path: '/2019-09-25/functions/{FunctionName}/event-invoke-config',
  query: qualifier,
  good: functionName,
} as const

const configOperations: Readonly<Record<string, Operation>> = {
  PutFunctionConcurrency: {
    method: 'PUT',
    path: concurrency,
    members: { ReservedConcurrentExecutions: 'whole' },
    good: { ...functionName, ReservedConcurrentExecutions: 5 },
  },
  GetFunctionConcurrency: {
    method: 'GET',
    path: concurrency.replace('2017-10-31', '2019-09-30'),
    good: functionName,
  },
  DeleteFunctionConcurrency: { method: 'DELETE', path: concurrency, good: functionName },
  PutProvisionedConcurrencyConfig: {
    ...provisioned,
    method: 'PUT',
    members: { ProvisionedConcurrentExecutions: 'whole' },
    good: { ...provisioned.good, ProvisionedConcurrentExecutions: 1 },
  },
  GetProvisionedConcurrencyConfig: { ...provisioned, method: 'GET' },
  DeleteProvisionedConcurrencyConfig: { ...provisioned, method: 'DELETE' },
  ListProvisionedConcurrencyConfigs: {
    method: 'GET',
    path: `${provisioned.path}?List=ALL`,
    query: page,
    good: functionName,
  },
  PutFunctionEventInvokeConfig: {
    ...asynchronous,
    method: 'PUT',
    members: eventInvokeConfig,
    good: { ...functionName, MaximumRetryAttempts: 1 },
  },
  UpdateFunctionEventInvokeConfig: {
    ...asynchronous,
    method: 'POST',
    members: eventInvokeConfig,
    good: { ...functionName, MaximumRetryAttempts: 1 },
  },
  GetFunctionEventInvokeConfig: { ...asynchronous, method: 'GET' },
  DeleteFunctionEventInvokeConfig: { ...asynchronous, method: 'DELETE' },
  ListFunctionEventInvokeConfigs: {
    method: 'GET',
    path: `${asynchronous.path}/list`,
    query: page,
    good: functionName,
  },
  GetRuntimeManagementConfig: {
    method: 'GET',
    path: '/2021-07-20/functions/{FunctionName}/runtime-management-config',
    query: qualifier,
    good: functionName,
  },
  PutRuntimeManagementConfig: {
    method: 'PUT',
    path: '/2021-07-20/functions/{FunctionName}/runtime-management-config',
    query: qualifier,
    members: { UpdateRuntimeOn: 'text', RuntimeVersionArn: 'text' },
    good: { ...functionName, UpdateRuntimeOn: 'Auto' },
  },
  GetFunctionRecursionConfig: {
    method: 'GET',
    path: '/2024-08-31/functions/{FunctionName}/recursion-config',
    good: functionName,
  },
  PutFunctionRecursionConfig: {
    method: 'PUT',
    path: '/2024-08-31/functions/{FunctionName}/recursion-config',
    members: { RecursiveLoop: 'text' },
    good: { ...functionName, RecursiveLoop: 'Terminate' },
  },
  GetFunctionCodeSigningConfig: {
    method: 'GET',
    path: '/2020-06-30/functions/{FunctionName}/code-signing-config',
    good: functionName,
  },
}

const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:tyres'
const resource = { Resource: functionArn }
const tags = { path: '/2017-03-31/tags/{Resource}', good: resource } as const

const others: Readonly<Record<string, Operation>> = {
  TagResource: {
    ...tags,
    method: 'POST',
    members: { Tags: 'map' },
    good: { ...resource, Tags: { team: 'pit' } },
  },
  UntagResource: {
    ...tags,
    method: 'DELETE',
    query: { TagKeys: 'tagKeys' },
    good: { ...resource, TagKeys: 'car' },
  },
  ListTags: { ...tags, method: 'GET' },
  AddPermission: {
    method: 'POST',
    path: `${ofFunction}/policy`,
    query: qualifier,
    members: {
      StatementId: 'text',
      Action: 'text',
      Principal: 'text',
      SourceArn: 'text',
      SourceAccount: 'text',
      EventSourceToken: 'text',
      PrincipalOrgID: 'text',
      FunctionUrlAuthType: 'text',
      InvokedViaFunctionUrl: 'flag',
      RevisionId: 'text',
    },
    good: {
      ...functionName,
      StatementId: 'two',
      Action: 'lambda:InvokeFunction',
      Principal: 's3.amazonaws.com',
    },
  },
  GetPolicy: { method: 'GET', path: `${ofFunction}/policy`, query: qualifier, good: functionName },
  GetResourcePolicy: {
    method: 'GET',
    path: '/2026-07-09/resource-policy/{ResourceArn}',
    good: { ResourceArn: functionArn },
  },
  PutResourcePolicy: {
    method: 'PUT',
    path: '/2026-07-09/resource-policy/{ResourceArn}',
    members: { Policy: 'text', RevisionId: 'text' },
    good: {
      ResourceArn: functionArn,
      Policy: '{"Statement":{"Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction"}}',
    },
  },
  DeleteResourcePolicy: {
    method: 'DELETE',
    path: '/2026-07-09/resource-policy/{ResourceArn}',
    query: { RevisionId: 'RevisionId' },
    good: { ResourceArn: functionArn },
  },
  RemovePermission: {
    method: 'DELETE',
    path: `${ofFunction}/policy/{StatementId}`,
    query: { ...qualifier, RevisionId: 'RevisionId' },
    good: { ...functionName, StatementId: 'one' },
  },
}
