// A tour of the Lambda API's event source mappings with the AWS SDK: states, merges, every refusal.
import {
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  paginateListEventSourceMappings,
  UpdateEventSourceMappingCommand,
  type UpdateEventSourceMappingCommandInput as UpdateInput,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import { mappingRecord } from '../test/support/registry-contract.ts'
import {
  servers,
  createMapping as create,
  settledMapping as created,
} from '../test/support/kafka-mapping.ts'
import { deployTyres } from '../test/support/tyres.ts'

const arn = 'arn:aws:lambda:us-east-1:000000000000:function:tyres'
const clusterArn = 'arn:aws:kafka:us-east-1:000000000000:cluster/demo/1234'

async function start(): Promise<ControlHarness> {
  const harness = await startControlForTest()
  for (const FunctionName of ['tyres', 'other']) {
    await deployTyres(harness, FunctionName)
  }
  return harness
}

async function state({ client }: ControlHarness, UUID: string): Promise<string | undefined> {
  return (await client.send(new GetEventSourceMappingCommand({ UUID }))).State
}

test('a created mapping is answered as recorded on AWS, and Enabled once the poller has it', async () => {
  const harness = await start()
  const { client } = harness
  const { $metadata, ...answer } = await create(harness)
  expect($metadata.httpStatusCode).toBe(202)
  const UUID = answer.UUID ?? ''
  expect(UUID).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
  const settled = {
    BatchSize: 100,
    EventSourceMappingArn: `arn:aws:lambda:us-east-1:000000000000:event-source-mapping:${UUID}`,
    FunctionArn: arn,
    LastModified: expect.any(Date),
    LastProcessingResult: 'No records processed',
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['kafka:1000'] } },
    SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: UUID },
    StartingPosition: 'TRIM_HORIZON',
    State: 'Creating',
    StateTransitionReason: 'USER_INITIATED',
    Topics: ['telemetry'],
    UUID,
  }
  expect(answer).toEqual(settled)
  expect(Math.abs((answer.LastModified?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
  expect(await state(harness, UUID)).toBe('Creating')
  await harness.settle(UUID, { lastProcessingResult: 'OK' })
  const { $metadata: _, ...got } = await client.send(new GetEventSourceMappingCommand({ UUID }))
  expect(got).toEqual({ ...settled, State: 'Enabled', LastProcessingResult: 'OK' })
})

test('every parameter that works comes back as it was given', async () => {
  const harness = await start()
  const at = new Date('2026-01-02T03:04:05.000Z')
  const filter = { Filters: [{ Pattern: '{"value":{"a":[{"numeric":[">",4]}]}}' }] }
  const answer = await create(harness, {
    SelfManagedEventSource: undefined,
    EventSourceArn: clusterArn,
    FunctionName: '000000000000:function:tyres:$LATEST',
    BatchSize: 10_000,
    MaximumBatchingWindowInSeconds: 300,
    StartingPosition: 'AT_TIMESTAMP',
    StartingPositionTimestamp: at,
    FilterCriteria: filter,
    AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'mine' },
    Enabled: false,
  })
  expect(answer).toMatchObject({
    EventSourceArn: clusterArn,
    FunctionArn: `${arn}:$LATEST`,
    BatchSize: 10_000,
    MaximumBatchingWindowInSeconds: 300,
    StartingPosition: 'AT_TIMESTAMP',
    StartingPositionTimestamp: at,
    FilterCriteria: filter,
    AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'mine' },
    State: 'Disabled',
  })
  const full = await create(harness, { FunctionName: `${arn}:$LATEST` })
  expect(full.FunctionArn).toBe(arn)
})

test('an update merges, and the states are those of AWS', async () => {
  const harness = await start()
  const { client } = harness
  const UUID = await created(harness, {
    FilterCriteria: { Filters: [{ Pattern: '{"value":{"a":["b"]}}' }] },
  })
  const update = (change: Partial<UpdateInput>) =>
    client.send(new UpdateEventSourceMappingCommand({ UUID, ...change }))
  const steps: [Partial<UpdateInput>, string, string][] = [
    [{ BatchSize: 5 }, 'Updating', 'Enabled'],
    [{ Enabled: false }, 'Disabling', 'Disabled'],
    [{ MaximumBatchingWindowInSeconds: 0, FunctionName: 'other' }, 'Updating', 'Disabled'],
    [{ Enabled: true }, 'Enabling', 'Enabled'],
    [{ Enabled: true, FilterCriteria: {} }, 'Updating', 'Enabled'],
  ]
  for (const [change, during, after] of steps) {
    const answer = await update(change)
    expect([answer.$metadata.httpStatusCode, answer.State]).toEqual([202, during])
    expect(await state(harness, UUID)).toBe(during)
    await harness.settle(UUID)
    expect(await state(harness, UUID)).toBe(after)
  }
  expect(harness.registry.mapping(UUID)).toMatchObject({
    revision: 6,
    batchSize: 5,
    batchingWindowSeconds: 0,
    functionName: 'other',
    filterPatterns: [],
    topic: 'telemetry',
    consumerGroupId: UUID,
  })
})

test('provisioned mode is answered with its defaults, changed member by member, and left with {}', async () => {
  const harness = await start()
  const { client } = harness
  const UUID = await created(harness, { ProvisionedPollerConfig: { MinimumPollers: 2 } })
  await harness.settle(UUID)
  const steps: [UpdateInput['ProvisionedPollerConfig'], object | undefined][] = [
    [{ MaximumPollers: 9 }, { MinimumPollers: 2, MaximumPollers: 9 }],
    [
      { MinimumPollers: 3, PollerGroupName: 'shared' },
      { MinimumPollers: 3, MaximumPollers: 9, PollerGroupName: 'shared' },
    ],
    [{ PollerGroupName: '' }, { MinimumPollers: 3, MaximumPollers: 9 }],
    [undefined, { MinimumPollers: 3, MaximumPollers: 9 }],
    [{}, undefined],
    [{ PollerGroupName: '' }, undefined],
  ]
  const get = () => client.send(new GetEventSourceMappingCommand({ UUID }))
  expect((await get()).ProvisionedPollerConfig).toEqual({ MinimumPollers: 2, MaximumPollers: 200 })
  for (const [ProvisionedPollerConfig, expected] of steps) {
    const change = { UUID, BatchSize: 7, ProvisionedPollerConfig }
    const answer = await client.send(new UpdateEventSourceMappingCommand(change))
    expect(answer.ProvisionedPollerConfig).toEqual(expected)
    await harness.settle(UUID)
    const listed = await client.send(new ListEventSourceMappingsCommand({}))
    expect(listed.EventSourceMappings?.[0]?.ProvisionedPollerConfig).toEqual(expected)
  }
})

test('what is said of failures is kept, answered and changed member by member', async () => {
  const harness = await start()
  const { client } = harness
  const UUID = await created(harness)
  const handling = (change: object) => ({
    BisectBatchOnFunctionError: false,
    DestinationConfig: { OnFailure: {} },
    FunctionResponseTypes: [],
    MaximumRecordAgeInSeconds: -1,
    MaximumRetryAttempts: -1,
    ...change,
  })
  const destination = { DestinationConfig: { OnFailure: { Destination: 'kafka://dead' } } }
  const full = {
    BisectBatchOnFunctionError: true,
    ...destination,
    FunctionResponseTypes: ['ReportBatchItemFailures' as const],
    MaximumRecordAgeInSeconds: 60,
    MaximumRetryAttempts: 0,
  }
  const steps: [Partial<UpdateInput>, Record<string, unknown>][] = [
    [destination, handling(destination)],
    [full, full],
    [{ BatchSize: 3 }, full],
    [
      { DestinationConfig: { OnFailure: { Destination: '' } } },
      { ...full, DestinationConfig: { OnFailure: {} } },
    ],
    [
      {
        BisectBatchOnFunctionError: false,
        FunctionResponseTypes: [],
        MaximumRecordAgeInSeconds: -1,
      },
      handling({ MaximumRetryAttempts: 0 }),
    ],
  ]
  for (const [change, expected] of steps) {
    await harness.settle(UUID)
    await client.send(new UpdateEventSourceMappingCommand({ UUID, ...change }))
    expect(await client.send(new GetEventSourceMappingCommand({ UUID }))).toMatchObject(expected)
  }
  await harness.settle(UUID)
  const change = { UUID, MaximumRetryAttempts: -1 }
  const answer = await client.send(new UpdateEventSourceMappingCommand(change))
  // As recorded of a mapping that never said anything.
  expect(Object.keys(answer)).not.toContain('MaximumRetryAttempts')
  expect(harness.registry.mapping(UUID)?.failureHandling).toBeUndefined()
})

test('the mappings of a poller group have 2000 event pollers together, however they came to it', async () => {
  const harness = await start()
  const pollers = (MaximumPollers: number) => ({
    ProvisionedPollerConfig: { MaximumPollers, PollerGroupName: 'shared' },
  })
  await created(harness, pollers(1500))
  const more = { name: 'InvalidParameterValueException', status: 400 }
  const message =
    'The MaximumPollers of PollerGroupName shared would come to 2001, which is more than 2000.'
  const other = { FunctionName: 'other' }
  expect(await refusalOf(create(harness, { ...other, ...pollers(501) }))).toEqual({
    ...more,
    message,
  })
  const UUID = await created(harness, { ...other, ...pollers(500) })
  await harness.settle(UUID)
  const update = new UpdateEventSourceMappingCommand({ UUID, ...pollers(501) })
  expect(await refusalOf(harness.client.send(update))).toEqual({ ...more, message })
})

test('a deleted mapping is Deleting until the poller lets go of it, then unknown', async () => {
  const harness = await start()
  const { client, registry } = harness
  const UUID = await created(harness)
  const answer = await client.send(new DeleteEventSourceMappingCommand({ UUID }))
  expect([answer.$metadata.httpStatusCode, answer.State]).toEqual([202, 'Deleting'])
  expect(await state(harness, UUID)).toBe('Deleting')
  const busy = { name: 'ResourceInUseException', status: 400 }
  expect(
    await refusalOf(client.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 1 }))),
  ).toEqual({
    ...busy,
    message: 'Cannot update the event source mapping because it is in use.',
  })
  expect(await refusalOf(client.send(new DeleteEventSourceMappingCommand({ UUID })))).toEqual({
    ...busy,
    message: 'Cannot delete the event source mapping because it is in use.',
  })
  await harness.settle(UUID)
  await expect.poll(() => registry.mapping(UUID)).toBeUndefined()
  expect(registry.status(UUID)).toBeUndefined()
  for (const call of [
    () => client.send(new GetEventSourceMappingCommand({ UUID })),
    () => client.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 1 })),
    () => client.send(new DeleteEventSourceMappingCommand({ UUID })),
  ]) {
    expect(await refusalOf(call())).toEqual({
      name: 'ResourceNotFoundException',
      status: 404,
      message: 'The resource you requested does not exist.',
    })
  }
})

test('a mapping that went while control was away is removed at its start', async () => {
  const { control, registry } = await startControlForTest()
  const record = mappingRecord({ desired: 'deleted', lastChange: 'delete', revision: 2 })
  await control.mappings.stop()
  await registry.putMapping(record)
  await registry.putStatus({
    uuid: record.uuid,
    revision: 2,
    state: 'gone',
    lastProcessingResult: '',
  })
  expect(registry.mapping(record.uuid)).toBeDefined()
  control.mappings.start()
  await expect.poll(() => registry.mapping(record.uuid)).toBeUndefined()
})

test('a mapping cannot change while it is created, nor go while it is updated', async () => {
  const harness = await start()
  const { client } = harness
  const { UUID } = await create(harness)
  const update = new UpdateEventSourceMappingCommand({ UUID, BatchSize: 1 })
  expect((await refusalOf(client.send(update))).name).toBe('ResourceInUseException')
  await harness.settle(UUID ?? '')
  await client.send(update)
  const remove = new DeleteEventSourceMappingCommand({ UUID })
  expect((await refusalOf(client.send(remove))).name).toBe('ResourceInUseException')
})

test('deleting the function leaves its mapping alone', async () => {
  const harness = await start()
  const UUID = await created(harness)
  await harness.client.send(new DeleteFunctionCommand({ FunctionName: 'tyres' }))
  expect(await state(harness, UUID)).toBe('Enabled')
})

test('mappings are listed a hundred at a time, by function and by source', async () => {
  const harness = await start()
  const { client, registry } = harness
  for (let i = 0; i < 103; i++) {
    const uuid = `00000000-0000-0000-0000-${String(i).padStart(12, '0')}`
    const source = i < 2 ? { eventSourceArn: clusterArn } : { functionName: 'other' }
    await registry.putMapping(mappingRecord({ uuid, topic: `t-${i}`, ...source }))
  }
  const sizes: number[] = []
  for await (const page of paginateListEventSourceMappings({ client }, {})) {
    sizes.push(page.EventSourceMappings?.length ?? 0)
  }
  expect(sizes).toEqual([100, 3])
  const count = async (filter: object): Promise<number | undefined> =>
    (await client.send(new ListEventSourceMappingsCommand(filter))).EventSourceMappings?.length
  expect(await count({ FunctionName: arn })).toBe(2)
  expect(await count({ FunctionName: 'none' })).toBe(0)
  expect(await count({ EventSourceArn: clusterArn })).toBe(2)
  expect(await count({ MaxItems: 7 })).toBe(7)
})

test('the same function, topic and any server is a duplicate, and so is a consumer group', async () => {
  const harness = await start()
  const UUID = await created(harness, servers('h1:1', 'h2:2'))
  const again = await refusalOf(create(harness, servers('h2:2', 'h3:3')))
  expect(again).toEqual({
    name: 'ResourceConflictException',
    status: 409,
    message:
      `An event source mapping with event source ("h2:2,h3:3"), function ("${arn}"), topics ` +
      `("telemetry") already exists. Please update or delete the existing mapping with UUID ${UUID}`,
  })
  await create(harness, { ...servers('h1:1'), FunctionName: 'other' })
  await create(harness, { ...servers('h1:1'), Topics: ['tyres'] })
  await create(harness, servers('h4:4'))
  const group = await refusalOf(
    create(harness, {
      ...servers('h5:5'),
      SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: UUID },
    }),
  )
  expect(group).toEqual({
    name: 'ResourceConflictException',
    status: 409,
    message: `The consumer group ID ${UUID} is already in use by the event source mapping with UUID ${UUID}`,
  })
})
