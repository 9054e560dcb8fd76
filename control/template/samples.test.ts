// Tests that two public SAM samples load as they are; their facts are written down, not their text.
import { expect, test } from 'vitest'
import { loadText } from '../../test/support/load-template.ts'

/*
 * aws-samples/serverless-patterns, msk-lambda-schema-avro-python-sam/template.yaml: a consumer with
 * an MSK event that asks for provisioned mode, a schema registry and a queue for failures, and a
 * producer; every parameter has a Default. Policies are ignored whatever they hold, so one stands
 * here for all.
 */
const [region, accountId] = [{ Ref: 'AWS::Region' }, { Ref: 'AWS::AccountId' }]
const [cluster, clusterId] = [{ Ref: 'MSKClusterName' }, { Ref: 'MSKClusterId' }]
const arnParts = ['arn:', 'aws:', 'kafka:', region, ':', accountId, ':', 'cluster/']
const clusterArn = { 'Fn::Join': ['', [...arnParts, cluster, '/', clusterId]] }
const network = {
  SecurityGroupIds: { Ref: 'SecurityGroupIds' },
  SubnetIds: { Ref: 'SubnetIds' },
}
const policies = [
  {
    Statement: [{ Effect: 'Allow', Action: ['kafka-cluster:Connect'], Resource: [clusterArn] }],
  },
  { VPCAccessPolicy: {} },
]
const python = { Handler: 'app.lambda_handler', Runtime: 'python3.12', Architectures: ['x86_64'] }
const mskSample = {
  AWSTemplateFormatVersion: '2010-09-09',
  Transform: 'AWS::Serverless-2016-10-31',
  Globals: { Function: { Timeout: 15 } },
  Resources: {
    ConsumerDLQ: {
      Type: 'AWS::SQS::Queue',
      Properties: { MessageRetentionPeriod: 1_209_600, VisibilityTimeout: 300 },
    },
    LambdaMSKConsumerPythonFunction: {
      Type: 'AWS::Serverless::Function',
      Properties: {
        ...python,
        CodeUri: 'kafka_event_consumer_function',
        MemorySize: 512,
        VpcConfig: network,
        Environment: { Variables: { PARAM1: 'VALUE', LOG_LEVEL: 'INFO' } },
        Events: {
          MSKEvent: {
            Type: 'MSK',
            Properties: {
              StartingPosition: 'LATEST',
              BatchSize: 1,
              MaximumBatchingWindowInSeconds: 1,
              Stream: clusterArn,
              Topics: [{ Ref: 'MSKTopic' }],
              DestinationConfig: {
                OnFailure: { Destination: { 'Fn::GetAtt': ['ConsumerDLQ', 'Arn'] } },
              },
              ProvisionedPollerConfig: { MaximumPollers: 3, MinimumPollers: 1 },
              SchemaRegistryConfig: {
                SchemaRegistryURI: { 'Fn::Sub': 'arn:aws:glue:${GlueSchemaRegistryName}' },
                EventRecordFormat: 'SOURCE',
                SchemaValidationConfigs: [{ Attribute: 'VALUE' }],
              },
              FilterCriteria: {
                Filters: [{ Pattern: '{"value": {"zip": [ { "prefix": "2000" } ]}}' }],
              },
            },
          },
        },
        Policies: policies,
      },
    },
    LambdaMSKProducerPythonFunction: {
      Type: 'AWS::Serverless::Function',
      Properties: {
        ...python,
        CodeUri: 'kafka_event_producer_function',
        Timeout: 300,
        MemorySize: 512,
        VpcConfig: network,
        Environment: {
          Variables: {
            MSK_CLUSTER_ARN: clusterArn,
            MSK_TOPIC: { Ref: 'MSKTopic' },
            REGISTRY_NAME: { Ref: 'GlueSchemaRegistryName' },
            CONTACT_SCHEMA_NAME: { Ref: 'ContactSchemaName' },
            LOG_LEVEL: 'INFO',
          },
        },
        Policies: policies,
      },
    },
  },
  Parameters: {
    MSKClusterName: { Type: 'String', Default: 'msk-avro-python-cluster' },
    MSKClusterId: { Type: 'String', Default: '7d2ccd0a-8a2c-47af-8dca-03ae5bdd1542-19' },
    MSKTopic: { Type: 'String', Default: 'MskIamJavaLambdaTopic' },
    GlueSchemaRegistryName: { Type: 'String', Default: 'GlueSchemaRegistryForMSK' },
    ContactSchemaName: { Type: 'String', Default: 'ContactSchema' },
    VpcId: { Type: 'String', Default: 'vpc-1' },
    SubnetIds: { Type: 'CommaDelimitedList', Default: 'subnet-1,subnet-2,subnet-3' },
    SecurityGroupIds: { Type: 'CommaDelimitedList', Default: 'sg-1' },
  },
  Outputs: { ConsumerDLQUrl: { Value: { Ref: 'ConsumerDLQ' } } },
}

/** Without their lines, which are those of the JSON here and not of the sample. */
function sentences(findings: readonly string[]): string[] {
  return findings.map((finding) => finding.replace(/^\d+: /, ''))
}

test('the MSK sample loads, and what it asks for beyond is named', () => {
  const { plan, warnings, errors } = loadText(JSON.stringify(mskSample, null, 1))
  expect(errors).toEqual([])
  const event = 'LambdaMSKConsumerPythonFunction.Events.MSKEvent'
  expect(sentences(warnings)).toEqual([
    'ConsumerDLQ: resources of type AWS::SQS::Queue are not supported',
    'AWS::Serverless::Function: the property VpcConfig is not supported',
    `${event}: DestinationConfig is not available yet: the mapping goes without it`,
    'the text "ConsumerDLQ.Arn" takes the place of a value of AWS::SQS::Queue',
    'AWS::Serverless::Function: the property VpcConfig is not supported',
  ])
  expect(plan.mappings.map(({ input }) => input)).toEqual([
    {
      ProvisionedPollerConfig: { MinimumPollers: 1, MaximumPollers: 3 },
      AmazonManagedKafkaEventSourceConfig: {
        SchemaRegistryConfig: {
          SchemaRegistryURI: 'arn:aws:glue:GlueSchemaRegistryForMSK',
          EventRecordFormat: 'SOURCE',
          SchemaValidationConfigs: [{ Attribute: 'VALUE' }],
        },
      },
      FunctionName: 'LambdaMSKConsumerPythonFunction',
      EventSourceArn:
        'arn:aws:kafka:eu-west-1:012345678901:cluster/msk-avro-python-cluster/7d2ccd0a-8a2c-47af-8dca-03ae5bdd1542-19',
      Topics: ['MskIamJavaLambdaTopic'],
      StartingPosition: 'LATEST',
      BatchSize: 1,
      MaximumBatchingWindowInSeconds: 1,
      Enabled: true,
      FilterCriteria: { Filters: [{ Pattern: '{"value": {"zip": [ { "prefix": "2000" } ]}}' }] },
    },
  ])
  expect(plan.topics.map(({ name }) => name)).toEqual(['MskIamJavaLambdaTopic'])
  expect(plan.functions).toMatchObject([
    {
      configuration: {
        FunctionName: 'LambdaMSKConsumerPythonFunction',
        Runtime: 'python3.12',
        MemorySize: 512,
        Timeout: 15,
      },
      code: { directory: '/app/kafka_event_consumer_function' },
    },
    {
      configuration: {
        FunctionName: 'LambdaMSKProducerPythonFunction',
        Timeout: 300,
        Environment: {
          Variables: { MSK_TOPIC: 'MskIamJavaLambdaTopic', CONTACT_SCHEMA_NAME: 'ContactSchema' },
        },
      },
    },
  ])
})

/*
 * aws/serverless-application-model, integration/resources/templates/combination/
 * function_with_self_managed_kafka.yaml: two servers, a topic, credentials in a secret of the
 * template, Metadata of another tool, and no Transform.
 */
const selfManagedSample = {
  Resources: {
    KafkaFunction: {
      Type: 'AWS::Serverless::Function',
      Properties: {
        Handler: 'index.handler',
        Runtime: 'nodejs14.x',
        CodeUri: '${codeuri}',
        MemorySize: 128,
        Events: {
          MyKafkaCluster: {
            Type: 'SelfManagedKafka',
            Properties: {
              KafkaBootstrapServers: ['abc.xyz.com:9092', '123.45.67.89:9096'],
              Topics: ['Topic1'],
              SourceAccessConfigurations: [{ Type: 'BASIC_AUTH', URI: { Ref: 'KafkaUserSecret' } }],
            },
          },
        },
      },
    },
    KafkaUserSecret: {
      Type: 'AWS::SecretsManager::Secret',
      Properties: {
        Name: 'KafkaUserPassword',
        SecretString: { 'Fn::Sub': '{"username":"someone","password":"something"}' },
      },
    },
  },
  Metadata: { SamTransformTest: true },
}

test('the self-managed sample loads, and what it asks for beyond is named', () => {
  const { plan, warnings, errors } = loadText(JSON.stringify(selfManagedSample, null, 1))
  expect(errors).toEqual([])
  expect(sentences(warnings)).toEqual([
    'KafkaFunction.Events.MyKafkaCluster: nothing makes the secret of BASIC_AUTH: the cluster is reached without it',
    'the text "KafkaUserSecret" takes the place of a value of AWS::SecretsManager::Secret',
    'KafkaUserSecret: resources of type AWS::SecretsManager::Secret are not supported',
  ])
  const servers = ['abc.xyz.com:9092', '123.45.67.89:9096']
  expect(plan.mappings.map(({ logicalId, input }) => ({ logicalId, ...input }))).toEqual([
    {
      logicalId: 'KafkaFunctionMyKafkaCluster',
      FunctionName: 'KafkaFunction',
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: servers } },
      Topics: ['Topic1'],
      BatchSize: 100,
      Enabled: true,
      FilterCriteria: { Filters: [] },
    },
  ])
  expect(plan.functions[0]?.code).toEqual({ kind: 'directory', directory: '/app/${codeuri}' })
})
