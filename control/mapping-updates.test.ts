// Tests what an update may not make of an event source mapping, and how refusals are written.
import { expect, test } from 'vitest'
import { startControlForTest, type ControlHarness } from '../test/support/control-harness.ts'
import { createMapping, settledMapping } from '../test/support/kafka-mapping.ts'
import { mappingRecord } from '../test/support/registry-contract.ts'
import { deployTyres } from '../test/support/tyres.ts'

async function start(): Promise<ControlHarness> {
  const harness = await startControlForTest()
  await deployTyres(harness)
  return harness
}

/** Past the SDK's own checks, so that it is ours which is tested. */
async function call({ url }: ControlHarness, method: string, uuid: string, body?: object) {
  const response = await fetch(`${url}/2015-03-31/event-source-mappings/${uuid}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const code = response.headers.get('x-amzn-errortype')
  return { status: response.status, code, body: await response.json() }
}

const invalid = 'InvalidParameterValueException'
const pollers = (config: object) => ({ ProvisionedPollerConfig: config })
const violationOf = (value: string, at: string, rule: string): string =>
  `1 validation error detected: Value '${value}' at '${at}' failed to satisfy constraint: Member must ${rule}`

test.each<[object, string]>([
  [{ FunctionName: 'none' }, 'Function does not exist'],
  [
    { FilterCriteria: { Filters: [{ Pattern: '{"k":"v"}' }] } },
    'Invalid filter pattern definition.',
  ],
  [{ FilterCriteria: { Filters: [{}] } }, 'Invalid filter pattern definition.'],
  [
    { FilterCriteria: { Filters: Array.from({ length: 6 }, () => ({ Pattern: '{"k":[1]}' })) } },
    'There cannot be more than 5 filters.',
  ],
  [
    { DestinationConfig: { OnSuccess: { Destination: 'arn:aws:sqs:us-east-1:0:q' } } },
    'Unsupported DestinationConfig parameter for given event source mapping type.',
  ],
  [
    { DestinationConfig: { OnFailure: { Destination: 'kafka://telemetry' } } },
    'OnFailure destination kafka://telemetry is the topic that the mapping reads.',
  ],
  [
    { MaximumRecordAgeInSeconds: 59 },
    'MaximumRecordAgeInSeconds must be -1, or from 60 to 604800.',
  ],
  [pollers({ MaximumPollers: 2 }), 'MaximumPollers (2) must not be less than MinimumPollers (3).'],
  [pollers({ MinimumPollers: 6 }), 'MaximumPollers (5) must not be less than MinimumPollers (6).'],
  [
    { SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'other' } },
    'ConsumerGroupId cannot be changed after creation.',
  ],
  [
    { AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'other' } },
    'ConsumerGroupId cannot be changed after creation.',
  ],
  [
    { TumblingWindowInSeconds: 5 },
    'TumblingWindowInSeconds is not available yet for a Kafka event source.',
  ],
  [{ BatchSize: 0 }, violationOf('0', 'batchSize', 'have value greater than or equal to 1')],
  [
    { MaximumBatchingWindowInSeconds: 301 },
    violationOf('301', 'maximumBatchingWindowInSeconds', 'have value less than or equal to 300'),
  ],
  [
    pollers({ MinimumPollers: 201 }),
    violationOf(
      '201',
      'provisionedPollerConfig.minimumPollers',
      'have value less than or equal to 200',
    ),
  ],
  [
    { FunctionResponseTypes: ['Other'] },
    violationOf(
      'Other',
      'functionResponseTypes',
      'satisfy enum value set: [ReportBatchItemFailures]',
    ),
  ],
])('an update with %j is refused, and changes nothing', async (change, message) => {
  const harness = await start()
  const uuid = await settledMapping(harness, pollers({ MinimumPollers: 3, MaximumPollers: 5 }))
  const before = harness.registry.mapping(uuid)
  const isShape = message.includes('validation error')
  const code = isShape ? 'ValidationException' : invalid
  expect(await call(harness, 'PUT', uuid, change)).toEqual({
    status: 400,
    code,
    body: isShape ? { message } : { Type: 'User', message },
  })
  expect(harness.registry.mapping(uuid)).toEqual(before)
})

test('what is not there, or in use, is said in Message; what is wrong, or there already, in message', async () => {
  const harness = await start()
  const missing = { Type: 'User', Message: 'The resource you requested does not exist.' }
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const body = method === 'PUT' ? {} : undefined
    const uuid = '11111111-2222-4333-8444-555555555555'
    expect(await call(harness, method, uuid, body)).toEqual({
      status: 404,
      code: 'ResourceNotFoundException',
      body: missing,
    })
  }
  const { UUID = '' } = await createMapping(harness)
  expect(await call(harness, 'PUT', UUID, { BatchSize: 2 })).toEqual({
    status: 400,
    code: 'ResourceInUseException',
    body: {
      Type: 'User',
      Message: 'Cannot update the event source mapping because it is in use.',
    },
  })
  const again = {
    FunctionName: 'tyres',
    Topics: ['telemetry'],
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['kafka:1000'] } },
  }
  expect(await call(harness, 'POST', '', again)).toEqual({
    status: 409,
    code: 'ResourceConflictException',
    body: {
      Type: 'User',
      message: expect.stringMatching(/^An event source mapping with /) as unknown,
    },
  })
})

test('a poller group has a hundred mappings at most', async () => {
  const harness = await start()
  for (let i = 0; i < 100; i++) {
    const uuid = `00000000-0000-0000-0000-${String(i).padStart(12, '0')}`
    const provisionedPollers = { minimum: 1, maximum: 1, groupName: 'shared' }
    await harness.registry.putMapping(
      mappingRecord({ uuid, topic: `t-${i}`, consumerGroupId: uuid, provisionedPollers }),
    )
  }
  const one = pollers({ MaximumPollers: 1, PollerGroupName: 'shared' })
  const uuid = await settledMapping(harness, pollers({ MaximumPollers: 1 }))
  expect(await call(harness, 'PUT', uuid, one)).toMatchObject({
    status: 400,
    code: invalid,
    body: { message: 'PollerGroupName shared already has 100 event source mappings.' },
  })
  // One that is in the group already may change.
  const member = '00000000-0000-0000-0000-000000000007'
  await harness.settle(member)
  expect(await call(harness, 'PUT', member, { BatchSize: 7 })).toMatchObject({ status: 202 })
})
