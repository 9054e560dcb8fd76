// Tests every range and pattern of a Kafka mapping's parameters at its bounds, in and out.
import { CreateFunctionCommand } from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import { startControlForTest } from '../test/support/control-harness.ts'

const cluster = 'arn:aws:kafka:us-east-1:000000000000:cluster/demo/1234'
const violation = (at: string): [number, string | null, RegExp] => [
  400,
  'ValidationException',
  new RegExp(
    `^1 validation error detected: Value .* at '${at}' failed to satisfy constraint: Member must `,
  ),
]
const refusal = (text: RegExp): [number, string | null, RegExp] => [
  400,
  'InvalidParameterValueException',
  text,
]
const accepted: [number, string | null, RegExp] = [202, null, /^undefined$/]
const group = (id: string) => ({ SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: id } })
const pollers = (config: object) => ({ ProvisionedPollerConfig: config })
const servers = (...list: string[]) => ({
  SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: list } },
})
const managed = (arn: string) => ({ SelfManagedEventSource: undefined, EventSourceArn: arn })
const provisioned = 'provisionedPollerConfig'
const endpoint = 'selfManagedEventSource.endpoints.KAFKA_BOOTSTRAP_SERVERS'

test.each<[object, [number, string | null, RegExp]]>([
  [{ BatchSize: 1 }, accepted],
  [{ BatchSize: 10_000 }, accepted],
  [{ BatchSize: 0 }, violation('batchSize')],
  [{ BatchSize: 10_001 }, violation('batchSize')],
  [{ MaximumBatchingWindowInSeconds: 0 }, accepted],
  [{ MaximumBatchingWindowInSeconds: 300 }, accepted],
  [{ MaximumBatchingWindowInSeconds: -1 }, violation('maximumBatchingWindowInSeconds')],
  [{ MaximumBatchingWindowInSeconds: 301 }, violation('maximumBatchingWindowInSeconds')],
  [{ MaximumRetryAttempts: -1 }, accepted],
  [{ MaximumRetryAttempts: 0 }, accepted],
  [{ MaximumRetryAttempts: 10_000 }, accepted],
  [{ MaximumRetryAttempts: -2 }, violation('maximumRetryAttempts')],
  [{ MaximumRetryAttempts: 10_001 }, violation('maximumRetryAttempts')],
  [{ MaximumRecordAgeInSeconds: -1 }, accepted],
  [{ MaximumRecordAgeInSeconds: 60 }, accepted],
  [{ MaximumRecordAgeInSeconds: 604_800 }, accepted],
  [{ MaximumRecordAgeInSeconds: -2 }, violation('maximumRecordAgeInSeconds')],
  [{ MaximumRecordAgeInSeconds: 0 }, refusal(/^MaximumRecordAgeInSeconds must be -1, or from 60 /)],
  [
    { MaximumRecordAgeInSeconds: 59 },
    refusal(/^MaximumRecordAgeInSeconds must be -1, or from 60 /),
  ],
  [{ MaximumRecordAgeInSeconds: 604_801 }, violation('maximumRecordAgeInSeconds')],
  [{ FunctionResponseTypes: ['ReportBatchItemFailures'] }, accepted],
  [
    { FunctionResponseTypes: ['ReportBatchItemFailures', 'ReportBatchItemFailures'] },
    violation('functionResponseTypes'),
  ],
  [pollers({ MinimumPollers: 1, MaximumPollers: 1 }), accepted],
  [pollers({ MinimumPollers: 200, MaximumPollers: 2000 }), accepted],
  [pollers({ MinimumPollers: 0 }), violation(`${provisioned}.minimumPollers`)],
  [pollers({ MinimumPollers: 201 }), violation(`${provisioned}.minimumPollers`)],
  [pollers({ MaximumPollers: 0 }), violation(`${provisioned}.maximumPollers`)],
  [pollers({ MaximumPollers: 2001 }), violation(`${provisioned}.maximumPollers`)],
  [pollers({ PollerGroupName: `g-_${'x'.repeat(125)}` }), accepted],
  [pollers({ PollerGroupName: 'a.b' }), violation(`${provisioned}.pollerGroupName`)],
  [{ Topics: ['a'.repeat(249)] }, accepted],
  [{ Topics: ['a'.repeat(250)] }, violation('topics')],
  [{ Topics: ['.hidden'] }, violation('topics')],
  [{ Topics: ['a b'] }, violation('topics')],
  [{ Topics: [] }, violation('topics')],
  [group('g'.repeat(200)), accepted],
  [group('g/:_+=.@-*'), accepted],
  [group('g'.repeat(201)), violation('selfManagedKafkaEventSourceConfig.consumerGroupId')],
  [group('a b'), violation('selfManagedKafkaEventSourceConfig.consumerGroupId')],
  [servers(...Array.from({ length: 10 }, (_, i) => `ten${i}:9092`)), accepted],
  [servers(), violation(endpoint)],
  [servers('no-port'), violation(endpoint)],
  [managed(cluster), accepted],
  [managed('arn:aws:kafka:us-east-1:000000000000:vpc-connection/000000000000/c/1'), accepted],
  [managed('cluster'), violation('eventSourceArn')],
  [
    managed('arn:aws:sqs:us-east-1:000000000000:q'),
    refusal(/^Event source arn:aws:sqs:\S+ is not available yet: a Kinesis stream is/),
  ],
  [{ StartingPosition: 'AT_TIMESTAMP', StartingPositionTimestamp: 1 }, accepted],
  [
    { StartingPosition: 'LATEST', StartingPositionTimestamp: 1 },
    refusal(/^StartingPositionTimestamp needs StartingPosition AT_TIMESTAMP\.$/),
  ],
  [{ TumblingWindowInSeconds: 901 }, violation('tumblingWindowInSeconds')],
  [{ ParallelizationFactor: 11 }, violation('parallelizationFactor')],
])('%j', async (change, [status, code, message]) => {
  const { client, dataDir, url } = await startControlForTest()
  await client.send(
    new CreateFunctionCommand({
      FunctionName: 'tyres',
      Role: 'arn:aws:iam::000000000000:role/any',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { S3Bucket: 'hot-reload', S3Key: dataDir },
    }),
  )
  const body = {
    FunctionName: 'tyres',
    ...servers('kafka:9092'),
    Topics: ['telemetry'],
    Enabled: false,
    ...change,
  }
  const response = await fetch(`${url}/2015-03-31/event-source-mappings/`, {
    method: 'POST',
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as { message?: string }
  expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([status, code])
  expect(String(answer.message)).toMatch(message)
})
