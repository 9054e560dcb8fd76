// Tests how topics and the broker are configured over the wire: described, replaced, changed, kept.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorCodes } from '../../protocol/error-codes.ts'
import { configOperations } from '../../protocol/messages/incremental-alter-configs.ts'
import { batchOf } from '../../test/support/log-store.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { TestBroker } from '../../test/support/test-broker.ts'

const { SET, DELETE, APPEND, SUBTRACT } = configOperations
const [topicType, brokerType] = [2, 4]

let broker: TestBroker
let client: RawKafka
let topics = 0
beforeAll(async () => {
  broker = await TestBroker.start()
  client = await RawKafka.connect(broker.address)
})
afterAll(async () => {
  client.close()
  await broker.remove()
})

async function create(configs: Record<string, string> = {}): Promise<string> {
  const name = `topic-${topics++}`
  const response = await client.ask('CreateTopics', 7, {
    topics: [
      {
        name,
        numPartitions: 1,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
    timeoutMs: 1_000,
  })
  expect(response.topics[0]?.errorMessage).toBeNull()
  return name
}

async function describe(
  resourceType: number,
  resourceName: string,
  { keys = null, version = 4 }: { keys?: readonly string[] | null; version?: number } = {},
) {
  const { results } = await client.ask('DescribeConfigs', version, {
    resources: [{ resourceType, resourceName, configurationKeys: keys }],
    includeSynonyms: true,
    includeDocumentation: true,
  })
  const [result] = results
  if (result === undefined) throw new Error('the resource is answered')
  return result
}

async function valueOf(topic: string, key: string) {
  const { configs } = await describe(topicType, topic, { keys: [key] })
  return configs[0] && [configs[0].value, configs[0].configSource]
}

type Operation = readonly [name: string, configOperation: number, value: string | null]

async function change(
  resourceName: string,
  operations: readonly Operation[],
  { resourceType = topicType, validateOnly = false } = {},
) {
  const configs = operations.map(([name, configOperation, value]) => ({
    name,
    configOperation,
    value,
  }))
  const { responses } = await client.ask('IncrementalAlterConfigs', 1, {
    resources: [{ resourceType, resourceName, configs }],
    validateOnly,
  })
  const [response] = responses
  if (response === undefined) throw new Error('the resource is answered')
  return response
}

async function replace(resourceName: string, configs: Record<string, string | null>) {
  const { responses } = await client.ask('AlterConfigs', 2, {
    resources: [
      {
        resourceType: topicType,
        resourceName,
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      },
    ],
    validateOnly: false,
  })
  return responses[0]
}

test('a topic is described in full: values, sources, synonyms, types, documentation', async () => {
  const name = await create({ 'retention.ms': ' 5000 ' })
  const { configs, errorCode } = await describe(topicType, name)
  expect(errorCode).toBe(0)
  expect(configs.length).toBe(37)
  const retention = configs.find((config) => config.name === 'retention.ms')
  expect(retention).toEqual({
    name: 'retention.ms',
    value: '5000',
    readOnly: false,
    isDefault: false,
    configSource: 1,
    isSensitive: false,
    synonyms: [
      // As in Kafka, where log.retention.hours stands in for what is not set.
      { name: 'retention.ms', value: '5000', source: 1 },
    ],
    configType: 5,
    documentation: expect.stringContaining('keeps records for ever'),
  })
  expect(configs.find((config) => config.name === 'segment.bytes')?.synonyms).toEqual([
    { name: 'log.segment.bytes', value: '67108864', source: 4 },
    { name: 'log.segment.bytes', value: '1073741824', source: 5 },
  ])
})

test('named keys are described alone, an empty list means all', async () => {
  const name = await create()
  const names = async (keys: readonly string[]) =>
    (await describe(topicType, name, { keys })).configs.map((config) => config.name)
  expect(await names(['segment.ms', 'no.such', 'preallocate'])).toEqual([
    'preallocate',
    'segment.ms',
  ])
  expect((await names([])).length).toBe(37)
})

test('version 0 says whether a value is the default', async () => {
  const name = await create({ 'segment.ms': '5' })
  const { configs } = await describe(topicType, name, { version: 0 })
  const isDefault = (key: string) => configs.find((config) => config.name === key)?.isDefault
  expect([isDefault('segment.ms'), isDefault('preallocate')]).toEqual([false, true])
})

test('what is not there or not described is refused with a sentence', async () => {
  const refusals = [
    await describe(topicType, 'nowhere'),
    await describe(topicType, 'in valid'),
    await describe(brokerType, '7'),
    await describe(brokerType, 'one'),
    await describe(99, 'x'),
  ]
  expect(refusals.map(({ errorCode }) => errorCode)).toEqual([
    errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    errorCodes.INVALID_TOPIC_EXCEPTION,
    errorCodes.INVALID_REQUEST,
    errorCodes.INVALID_REQUEST,
    errorCodes.INVALID_REQUEST,
  ])
  expect((await change('in valid', [['segment.ms', SET, '5']])).errorCode).toBe(
    errorCodes.INVALID_TOPIC_EXCEPTION,
  )
  for (const { errorMessage, configs } of refusals) {
    expect(errorMessage).toMatch(/^\S.+/)
    expect(configs).toEqual([])
  }
})

test('a set, a deleted, an appended and a subtracted configuration are as they were asked for', async () => {
  const name = await create({ 'segment.ms': '5', 'retention.ms': '7' })
  const throttled = 'leader.replication.throttled.replicas'
  const done = await change(name, [
    ['segment.ms', DELETE, null],
    ['retention.ms', SET, '8'],
    [throttled, APPEND, '0:1,1:1'],
    ['cleanup.policy', APPEND, 'delete'],
  ])
  expect(done).toMatchObject({ errorCode: 0, errorMessage: null, resourceName: name })
  expect(await valueOf(name, 'segment.ms')).toEqual(['604800000', 5])
  expect(await valueOf(name, 'retention.ms')).toEqual(['8', 1])
  expect(await valueOf(name, throttled)).toEqual(['0:1,1:1', 1])
  expect(await valueOf(name, 'cleanup.policy')).toEqual(['delete', 1])
  expect((await change(name, [[throttled, SUBTRACT, '0:1']])).errorCode).toBe(0)
  expect(await valueOf(name, throttled)).toEqual(['1:1', 1])
})

test.each<[readonly Operation[], keyof typeof errorCodes, string]>([
  [
    [['retention.ms', SET, 'soon']],
    'INVALID_CONFIG',
    'Invalid value soon for configuration retention.ms: Not a number of type LONG',
  ],
  [[['no.such', SET, '1']], 'INVALID_CONFIG', 'Unknown topic config name: no.such'],
  [
    [['retention.ms', APPEND, '1']],
    'INVALID_CONFIG',
    "Can't APPEND to key retention.ms because its type is not LIST.",
  ],
  [
    [['retention.ms', SUBTRACT, '1']],
    'INVALID_CONFIG',
    "Can't SUBTRACT to key retention.ms because its type is not LIST.",
  ],
  [[['retention.ms', SET, null]], 'INVALID_REQUEST', 'Null value not supported for : retention.ms'],
  [[['retention.ms', 9, '1']], 'INVALID_REQUEST', 'Unknown operations type 9'],
  [
    [
      ['retention.ms', SET, '1'],
      ['retention.ms', DELETE, null],
    ],
    'INVALID_REQUEST',
    'Error due to duplicate config keys',
  ],
  [
    [
      ['segment.ms', SET, '1'],
      ['retention.ms', SET, '-2'],
    ],
    'INVALID_CONFIG',
    'Invalid value -2 for configuration retention.ms: Value must be at least -1',
  ],
])('%j changes nothing: %s', async (operations, error, errorMessage) => {
  const name = await create({ 'retention.ms': '5' })
  expect(await change(name, operations)).toMatchObject({
    errorCode: errorCodes[error],
    errorMessage,
  })
  expect(await valueOf(name, 'retention.ms')).toEqual(['5', 1])
  expect(await valueOf(name, 'segment.ms')).toEqual(['604800000', 5])
})

test('a change that is only validated is refused as it would be, and changes nothing', async () => {
  const name = await create()
  const validateOnly = true
  expect((await change(name, [['segment.ms', SET, '5']], { validateOnly })).errorCode).toBe(0)
  expect((await change(name, [['segment.ms', SET, '0']], { validateOnly })).errorCode).toBe(
    errorCodes.INVALID_CONFIG,
  )
  expect((await change('nowhere', [['segment.ms', SET, '5']], { validateOnly })).errorCode).toBe(
    errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  )
  expect(await valueOf(name, 'segment.ms')).toEqual(['604800000', 5])
})

test('AlterConfigs replaces all that a topic had', async () => {
  const name = await create({ 'segment.ms': '5', 'retention.ms': '7' })
  expect(await replace(name, { 'flush.ms': '12345678' })).toMatchObject({ errorCode: 0 })
  expect(await valueOf(name, 'flush.ms')).toEqual(['12345678', 1])
  expect(await valueOf(name, 'segment.ms')).toEqual(['604800000', 5])
  expect(await replace(name, { 'flush.ms': null })).toMatchObject({
    errorCode: errorCodes.INVALID_REQUEST,
    errorMessage: 'Null value not supported for : flush.ms',
  })
  // A topic that is not there is that first, whatever it would be given.
  expect(await replace('nowhere', { 'no.such': '1' })).toMatchObject({
    errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  })
  expect(await replace('__consumer_offsets', {})).toMatchObject({
    errorCode: errorCodes.INVALID_TOPIC_EXCEPTION,
  })
})

test('a resource that is named twice is changed not at all', async () => {
  const name = await create()
  const configs = [{ name: 'segment.ms', configOperation: SET, value: '5' }]
  const resource = { resourceType: topicType, resourceName: name, configs }
  const { responses } = await client.ask('IncrementalAlterConfigs', 0, {
    resources: [resource, resource],
    validateOnly: false,
  })
  expect(responses.map(({ errorMessage }) => errorMessage)).toEqual([
    'Each resource must appear at most once.',
    'Each resource must appear at most once.',
  ])
  expect(await valueOf(name, 'segment.ms')).toEqual(['604800000', 5])
})

test('a changed topic goes by its new configuration with the next record', async () => {
  const name = await create()
  const produce = async () => {
    const { responses } = await client.ask('Produce', 8, {
      acks: -1,
      timeoutMs: 1_000,
      topicData: [
        { name, partitionData: [{ index: 0, records: batchOf(['x'.repeat(300)], Date.now()) }] },
      ],
    })
    return responses[0]?.partitionResponses[0]?.errorCode
  }
  expect(await produce()).toBe(0)
  await change(name, [['max.message.bytes', SET, '200']])
  expect(await produce()).toBe(errorCodes.MESSAGE_TOO_LARGE)
  await change(name, [
    ['max.message.bytes', DELETE, null],
    ['message.timestamp.after.max.ms', SET, '0'],
  ])
  expect(await produce()).toBe(0)
})

test('the broker tells what it was started with, and what cannot be changed', async () => {
  const { configs } = await describe(brokerType, '1')
  const find = (name: string) => configs.find((config) => config.name === name)
  expect(find('num.partitions')).toMatchObject({ value: '1', readOnly: true, configType: 3 })
  expect(find('log.segment.bytes')).toMatchObject({
    value: '67108864',
    readOnly: false,
    configSource: 4,
  })
  expect(find('log.dirs')?.value).toContain(broker.dataDir)
  expect(find('log.retention.ms')).toMatchObject({ value: null, configSource: 5, synonyms: [] })
  expect(find('log.retention.hours')).toMatchObject({ value: '168', configSource: 5 })
  expect(find('node.id')).toMatchObject({ value: '1', configSource: 4 })
  expect((await describe(brokerType, '')).configs).toEqual([])
  const fixed = await change('1', [['num.partitions', SET, '2']], { resourceType: brokerType })
  expect(fixed).toMatchObject({
    errorCode: errorCodes.INVALID_REQUEST,
    errorMessage: 'Cannot update these configs dynamically: [num.partitions]',
  })
})

test('what is set for the cluster and the broker is the default of topics, also after a restart', async () => {
  const name = await create()
  const resourceType = brokerType
  expect((await change('', [['log.retention.ms', SET, '9000']], { resourceType })).errorCode).toBe(
    0,
  )
  expect(await valueOf(name, 'retention.ms')).toEqual(['9000', 3])
  expect((await change('1', [['log.retention.ms', SET, '8000']], { resourceType })).errorCode).toBe(
    0,
  )
  expect(await valueOf(name, 'retention.ms')).toEqual(['8000', 2])
  const relogin = 'sasl.kerberos.min.time.before.relogin'
  expect((await change('1', [[relogin, SET, '58000']], { resourceType })).errorCode).toBe(0)
  client.close()
  await broker.restart()
  client = await RawKafka.connect(broker.address)
  expect(await valueOf(name, 'retention.ms')).toEqual(['8000', 2])
  expect(await broker.metric('millrace_topic_retention_seconds', { topic: name })).toBe(8)
  const cluster = (await describe(brokerType, '')).configs
  expect(cluster.map((config) => [config.name, config.value])).toEqual([
    ['log.retention.ms', '9000'],
  ])
  const bad = await change('', [['log.retention.ms', SET, 'soon']], { resourceType })
  expect(bad.errorCode).toBe(errorCodes.INVALID_REQUEST)
  for (const level of ['', '1']) {
    await change(level, [['log.retention.ms', DELETE, null]], { resourceType })
  }
  expect(await valueOf(name, 'retention.ms')).toEqual(['604800000', 5])
})
