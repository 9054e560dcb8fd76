// Tests the poller with a source and a function that the test plays, under a clock that stands still.
import { beforeEach, expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import { payloadText, type Invocation, type InvocationResult } from '../common/invocation.ts'
import { silentLogger } from '../common/logger.ts'
import type { RunningRole } from '../common/role.ts'
import type { MappingRecord } from '../control/registry/registry.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { MemoryRegistry } from '../test/support/memory-registry.ts'
import { RecordingSender } from '../test/support/recording-sender.ts'
import type { Destination, DestinationMessage } from './destinations/destination.ts'
import { startPoller } from './poller.ts'
import type { Source, SourceListener } from './sources/source.ts'

const uuid = '0e3b7f6c-0000-4000-8000-000000000001'
const desired: MappingRecord = {
  uuid,
  revision: 1,
  lastModifiedMs: 0,
  lastChange: 'create',
  desired: 'enabled',
  functionName: 'fn',
  functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
  bootstrapServers: ['self:9092'],
  topic: 't',
  consumerGroupId: 'g',
  batchSize: 2,
  batchingWindowSeconds: 1,
  startingPosition: 'TRIM_HORIZON',
  filterPatterns: [],
}

class PlayedSource implements Source {
  listener: SourceListener | undefined
  readonly record: MappingRecord
  readonly brokers: readonly string[]
  readonly calls: string[] = []
  refusesCommits = false

  constructor(record: MappingRecord, brokers: readonly string[]) {
    this.record = record
    this.brokers = brokers
  }
  start(listener: SourceListener): void {
    this.listener = listener
    listener.assigned([0, 1], false)
    listener.problem(undefined)
  }
  pause(partitions: readonly number[]): void {
    this.calls.push(`pause ${partitions.join()}`)
  }
  resume(partitions: readonly number[]): void {
    this.calls.push(`resume ${partitions.join()}`)
  }
  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    if (this.refusesCommits) throw new AppError('BROKER_UNREACHABLE', { brokers: '', reason: '' })
    this.calls.push(`commit ${JSON.stringify([...offsets])}`)
  }
  async stop(): Promise<void> {
    this.calls.push('stop')
  }
  /** Records of partition 0 by offset. */
  bring(offsets: readonly number[], value = 'v'): void {
    const records = offsets.map((offset) => ({
      topic: 't',
      partition: 0,
      offset,
      timestampMs: clock.now(),
      timestampType: 'CREATE_TIME' as const,
      key: null,
      value: Buffer.from(value),
      headers: [],
    }))
    const nextOffset = (offsets.at(-1) ?? 0) + 1
    this.listener?.records({ partition: 0, records, nextOffset, endOffset: nextOffset })
  }
}

interface Call {
  readonly invocation: Invocation
  readonly resolve: (result: InvocationResult) => void
  readonly reject: (error: unknown) => void
}

class PlayedDestination implements Destination {
  readonly name: string
  readonly takes = 'records'
  readonly taken: DestinationMessage[] = []
  failure: string | undefined
  closed = 0

  constructor(name: string) {
    this.name = name
  }
  async send(messages: readonly DestinationMessage[]): Promise<void> {
    if (this.failure !== undefined) {
      const details = { destination: this.name, reason: this.failure }
      throw new AppError('DESTINATION_FAILED', details)
    }
    this.taken.push(...messages)
  }
  async close(): Promise<void> {
    this.closed += 1
  }
}

let clock: ManualClock
let registry: MemoryRegistry
let sources: PlayedSource[]
let calls: Call[]
let destinations: PlayedDestination[]

const completed = (functionError?: 'Unhandled'): InvocationResult => ({
  outcome: 'completed',
  requestId: 'r',
  executedVersion: '$LATEST',
  payload: 'null',
  ...(functionError ? { functionError } : {}),
})
const refused = (
  code: 'TooManyRequestsException' | 'ResourceNotFoundException',
): InvocationResult => ({ outcome: 'refused', requestId: 'r', code, message: '', status: 429 })

const start = (): Promise<RunningRole> =>
  startPoller({
    kafkaClient: 'millrace',
    kinesis: { kinesisEndpoint: '', own: 'http://127.0.0.1:4567' },
    registry,
    invoker: {
      invoke: (invocation) =>
        new Promise((resolve, reject) => calls.push({ invocation, resolve, reject })),
    },
    sender: new RecordingSender(),
    brokers: ['own:9092'],
    clock,
    logger: silentLogger,
    createSource: (record, brokers) => {
      const source = new PlayedSource(record, brokers)
      sources.push(source)
      return source
    },
    createDestination: (_record, _brokers, topic) => {
      const destination = new PlayedDestination(topic)
      destinations.push(destination)
      return destination
    },
  })
/** Lets everything run that waits for a promise only. */
const settle = () => new Promise((resolve) => setImmediate(resolve))
const status = () => registry.status(uuid)
const offsetsOf = (call: Call | undefined): number[] => {
  const event = JSON.parse(payloadText(call?.invocation.payload ?? '')) as {
    records: Record<string, { offset: number }[]>
  }
  return Object.values(event.records).flatMap((records) => records.map(({ offset }) => offset))
}

beforeEach(() => {
  clock = new ManualClock()
  registry = new MemoryRegistry()
  sources = []
  calls = []
  destinations = []
})

test('a batch reaches the function as an event, and its success is committed', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  sources[0]?.bring([5, 6])
  expect(calls[0]?.invocation.functionName).toBe('fn')
  expect(JSON.parse(payloadText(calls[0]?.invocation.payload ?? ''))).toMatchObject({
    eventSource: 'SelfManagedKafka',
    bootstrapServers: 'self:9092',
    records: { 't-0': [{ offset: 5 }, { offset: 6 }] },
  })
  calls[0]?.resolve(completed())
  await settle()
  expect(sources[0]?.calls).toEqual(['commit [[0,7]]'])
  await poller.stop()
})

test('a mapping that has nothing to do waits for no time, and goes on as it did once records come', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  clock.advance(30_000)
  await settle()
  const before = clock.timers
  clock.advance(3_600_000)
  await settle()
  expect(before).toBe(1)
  expect(clock.timers).toBe(1)
  sources[0]?.bring([0])
  clock.advance(1000)
  expect(calls).toHaveLength(1)
  calls[0]?.resolve(completed())
  await poller.stop()
})

test('a mapping with an ARN reads the built-in broker', async () => {
  const { bootstrapServers: _, ...managed } = desired
  await registry.putMapping({ ...managed, eventSourceArn: 'arn:aws:kafka:x' })
  const poller = await start()
  expect(sources[0]?.brokers).toEqual(['own:9092'])
  sources[0]?.bring([0, 1])
  expect(JSON.parse(payloadText(calls[0]?.invocation.payload ?? ''))).toMatchObject({
    eventSource: 'aws:kafka',
    eventSourceArn: 'arn:aws:kafka:x',
    bootstrapServers: 'own:9092',
  })
  const stopping = poller.stop()
  calls[0]?.resolve(completed())
  await stopping
})

test('the last result goes from none over OK to a problem and back', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  await settle()
  expect(status()).toEqual({
    uuid,
    revision: 1,
    state: 'enabled',
    lastProcessingResult: 'No records processed',
  })
  const expectations: [InvocationResult, string][] = [
    [completed(), 'OK'],
    [completed('Unhandled'), 'PROBLEM: Function call failed'],
    [refused('TooManyRequestsException'), 'PROBLEM: Function call failed'],
    [completed(), 'OK'],
    [refused('ResourceNotFoundException'), 'PROBLEM: Function call failed'],
    [completed(), 'OK'],
  ]
  for (const [index, [result, expected]] of expectations.entries()) {
    if (calls[index] === undefined) sources[0]?.bring([index * 2, index * 2 + 1])
    clock.advance(5000)
    calls[index]?.resolve(result)
    await settle()
    clock.advance(1000)
    await settle()
    expect(status()?.lastProcessingResult, `call ${index}`).toBe(expected)
    clock.advance(5000)
  }
  expect(calls).toHaveLength(6)
  await poller.stop()
})

test('unreachable workers are a failed call, and the batch is tried again', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  sources[0]?.bring([0, 1])
  calls[0]?.reject(new AppError('WORKERS_UNREACHABLE', { url: 'u', reason: 'r' }))
  await settle()
  clock.advance(1200)
  expect(calls).toHaveLength(2)
  calls[1]?.resolve(completed())
  await settle()
  await poller.stop()
})

test('a connection problem shows in the status while it lasts, and in health for our own broker', async () => {
  await registry.putMapping(desired)
  const { bootstrapServers: _, ...managed } = desired
  await registry.putMapping({ ...managed, uuid: 'managed', eventSourceArn: 'arn' })
  const poller = await start()
  await settle()
  clock.advance(2000)
  for (const source of sources) source.listener?.problem('no broker answers at x')
  await settle()
  expect(status()?.lastProcessingResult).toBe('PROBLEM: Connection error. no broker answers at x')
  expect(poller.problems()).toEqual(['mapping managed: no broker answers at x'])
  for (const source of sources) source.listener?.problem(undefined)
  clock.advance(1000)
  await settle()
  expect(status()?.lastProcessingResult).toBe('No records processed')
  expect(poller.problems()).toEqual([])
  await poller.stop()
})

test('disabling finishes what is in flight, commits, then reports the revision', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  await settle()
  sources[0]?.bring([0, 1, 2, 3])
  await registry.putMapping({ ...desired, revision: 2, desired: 'disabled' })
  await settle()
  expect(status()).toMatchObject({ state: 'enabled', revision: 1 })
  calls[0]?.resolve(completed())
  await settle()
  expect(sources[0]?.calls).toEqual(['commit [[0,2]]', 'stop'])
  expect(status()).toMatchObject({ state: 'disabled', revision: 2 })
  expect(calls).toHaveLength(1)
  await registry.putMapping({ ...desired, revision: 3 })
  await settle()
  expect(sources).toHaveLength(2)
  expect(status()).toMatchObject({ state: 'enabled', revision: 3 })
  await poller.stop()
})

test('a changed mapping goes on with its new rules', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  await registry.putMapping({
    ...desired,
    revision: 2,
    batchSize: 1,
    filterPatterns: ['{"value":["keep"]}'],
  })
  await settle()
  sources[1]?.bring([0], 'drop')
  sources[1]?.bring([1], 'keep')
  expect(calls.map(offsetsOf)).toEqual([[1]])
  expect(status()).toMatchObject({ revision: 2 })
  calls[0]?.resolve(completed())
  await poller.stop()
})

test('a deleted mapping is stopped, reported gone, and takes its series with it', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  clock.advance(1000)
  const series = async () =>
    (await poller.metrics.collect()).filter(({ labels }) => 'mapping' in labels)
  const ofMappings = poller.metrics.definitions
    .filter(({ labels }) => labels.includes('mapping'))
    // Not there before the first decision, or while nothing is behind.
    .filter(({ name }) => !/_timestamp_seconds$|_partition_lag/.test(name))
  expect(new Set((await series()).map(({ name }) => name))).toEqual(
    new Set(ofMappings.map(({ name }) => name)),
  )
  await registry.putMapping({ ...desired, revision: 2, desired: 'deleted' })
  await settle()
  expect(sources[0]?.calls).toEqual(['stop'])
  expect(status()).toMatchObject({ state: 'gone', revision: 2 })
  await registry.removeMapping(uuid)
  expect(await series()).toEqual([])
  expect(status()).toBeUndefined()
  await poller.stop()
})

test('a filter that does not compile is a problem of its mapping alone', async () => {
  await registry.putMapping({ ...desired, filterPatterns: ['{"k":"v"}'] })
  const poller = await start()
  await settle()
  expect(sources).toHaveLength(0)
  expect(status()?.lastProcessingResult).toBe('PROBLEM: Invalid filter pattern definition.')
  await poller.stop()
})

test('stop waits for what is in flight, but not longer than its grace', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  sources[0]?.bring([0, 1])
  let stopped = false
  const stopping = poller.stop().then(() => (stopped = true))
  await settle()
  clock.advance(9_999)
  await settle()
  expect(stopped).toBe(false)
  clock.advance(1)
  await stopping
  expect(sources[0]?.calls).toEqual(['stop'])
  calls[0]?.resolve(completed())
  await settle()
  expect(sources[0]?.calls).toEqual(['stop'])
  expect(clock.timers).toBe(0)
})

test('a refused commit is tried again until it succeeds', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  const [source] = sources
  if (source === undefined) throw new Error('no source')
  source.refusesCommits = true
  source.bring([0, 1])
  calls[0]?.resolve(completed())
  await settle()
  source.refusesCommits = false
  clock.advance(1000)
  await settle()
  expect(source.calls).toEqual(['commit [[0,2]]'])
  await poller.stop()
})

test('metrics tell what was polled, filtered, invoked and committed, and how old the oldest is', async () => {
  await registry.putMapping({ ...desired, filterPatterns: ['{"value":["keep"]}'] })
  const poller = await start()
  sources[0]?.bring([0, 1], 'drop')
  sources[0]?.bring([2, 3], 'keep')
  sources[0]?.bring([4], 'keep')
  clock.advance(500)
  await settle()
  const read = async (name: string) =>
    (await poller.metrics.collect()).find((sample) => sample.name === `millrace_mapping_${name}`)
  expect(await read('polled_events_total')).toEqual({
    name: 'millrace_mapping_polled_events_total',
    labels: { mapping: uuid, function: 'fn', topic: 't' },
    value: 5,
  })
  expect((await read('filtered_out_events_total'))?.value).toBe(2)
  expect((await read('invocations_in_flight'))?.value).toBe(1)
  expect((await read('buffered_records'))?.value).toBe(3)
  expect((await read('lag_seconds'))?.value).toBe(0.5)
  expect((await read('batch_size'))?.value).toMatchObject({ count: 1, sum: 2 })
  calls[0]?.resolve(completed())
  await settle()
  expect((await read('invoked_events_total'))?.value).toBe(2)
  clock.advance(1000)
  calls[1]?.resolve(completed())
  await settle()
  clock.advance(100)
  await settle()
  expect((await read('committed_events_total'))?.value).toBe(5)
  expect((await read('lag_seconds'))?.value).toBe(0)
  await poller.stop()
})

test('event poller units are of the pollers and of what they read, in provisioned mode alone', async () => {
  const unitsOf = async (change: Partial<MappingRecord>) => {
    await registry.putMapping({ ...desired, ...change })
    const poller = await start()
    const source = sources.at(-1)
    clock.advance(1000)
    source?.bring([0, 1], 'x'.repeat(25e6))
    clock.advance(1000)
    await settle()
    const samples = await poller.metrics.collect()
    await poller.stop()
    return ['event_poller_units', 'polled_bytes_total'].map(
      (name) => samples.find((sample) => sample.name === `millrace_mapping_${name}`)?.value,
    )
  }
  expect(await unitsOf({ provisionedPollers: { minimum: 2, maximum: 4 } })).toEqual([3, 50e6])
  expect(await unitsOf({ revision: 2 })).toEqual([0, 50e6])
})

const handling = {
  maximumRetryAttempts: 0,
  maximumRecordAgeSeconds: -1,
  bisects: false,
  reportsItemFailures: false,
  destination: 'kafka://dead',
}

test('what is given up is at its destination before its offset is committed', async () => {
  await registry.putMapping({ ...desired, failureHandling: handling })
  const poller = await start()
  const [destination] = destinations
  if (destination === undefined) throw new Error('no destination')
  expect(destination.name).toBe('kafka://dead')
  destination.failure = 'it is away'
  sources[0]?.bring([5, 6])
  calls[0]?.resolve(completed('Unhandled'))
  await settle()
  expect(sources[0]?.calls).toEqual([])
  clock.advance(900)
  await settle()
  clock.advance(100)
  await settle()
  expect(status()?.lastProcessingResult).toBe(
    'PROBLEM: Connection error. destination kafka://dead took nothing: it is away',
  )
  destination.failure = undefined
  clock.advance(3000)
  await settle()
  expect(sources[0]?.calls).toEqual(['commit [[0,7]]'])
  expect(destination.taken.map(({ value }) => JSON.parse(value) as unknown)).toMatchObject([
    {
      requestContext: {
        requestId: 'r',
        functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
        condition: 'RetryAttemptsExhausted',
        approximateInvokeCount: 1,
      },
      responseContext: { functionError: 'Unhandled' },
      KafkaBatchInfo: { bootstrapServers: 'self:9092', recordInfo: { offset: '5' } },
      payload: { records: { 't-0': [{ offset: 5 }] } },
    },
    { KafkaBatchInfo: { recordInfo: { offset: '6' } } },
  ])
  clock.advance(1000)
  await settle()
  expect(status()?.lastProcessingResult).toBe('PROBLEM: Function call failed')
  expect(calls).toHaveLength(1)
  await poller.stop()
  expect(destination.closed).toBe(1)
})

test('stopping waits for what is on its way to the destination', async () => {
  await registry.putMapping({ ...desired, failureHandling: handling })
  const poller = await start()
  sources[0]?.bring([0, 1])
  const sent = Promise.withResolvers<void>()
  const [destination] = destinations
  if (destination !== undefined) destination.send = () => sent.promise
  calls[0]?.resolve(completed('Unhandled'))
  await settle()
  const stopping = poller.stop()
  await settle()
  expect(sources[0]?.calls).toEqual([])
  sent.resolve()
  await stopping
  expect(sources[0]?.calls).toEqual(['commit [[0,2]]', 'stop'])
})

test('records that an answer names are sent again, the others are through', async () => {
  const reporting = { ...handling, maximumRetryAttempts: 3, reportsItemFailures: true }
  await registry.putMapping({ ...desired, failureHandling: reporting })
  const poller = await start()
  sources[0]?.bring([5, 6])
  const failures = [{ itemIdentifier: { partition: 't-0', offset: 6 } }]
  const payload = JSON.stringify({ batchItemFailures: failures })
  calls[0]?.resolve({ ...completed(), payload } as InvocationResult)
  await settle()
  expect(sources[0]?.calls).toEqual(['commit [[0,6]]'])
  clock.advance(1200)
  await settle()
  expect(status()?.lastProcessingResult).toBe('PROBLEM: Function call failed')
  expect(calls.map(offsetsOf)).toEqual([[5, 6], [6]])
  calls[1]?.resolve(completed())
  await settle()
  expect(sources[0]?.calls).toEqual(['commit [[0,6]]', 'commit [[0,7]]'])
  await poller.stop()
})

test('without ReportBatchItemFailures an answer is not looked at', async () => {
  await registry.putMapping(desired)
  const poller = await start()
  sources[0]?.bring([5, 6])
  const payload = '{"batchItemFailures":[{"itemIdentifier":{"partition":"t-0","offset":6}}]}'
  calls[0]?.resolve({ ...completed(), payload } as InvocationResult)
  await settle()
  expect(sources[0]?.calls).toEqual(['commit [[0,7]]'])
  expect(destinations).toEqual([])
  await poller.stop()
})
