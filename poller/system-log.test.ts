// Tests which events of a mapping are in its function's log, at which level, where, and in which shape.
import { beforeEach, expect, test } from 'vitest'
import type { FunctionRecord, MappingRecord } from '../control/registry/registry.ts'
import { laneRecord } from '../test/support/lane-record.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { functionRecord, mappingRecord } from '../test/support/registry-contract.ts'
import { Partition } from './partition.ts'
import { SystemLog } from './system-log.ts'

const uuid = '0e3b7f6c-0000-4000-8000-000000000001'
const base = mappingRecord({
  uuid,
  functionName: 'fn',
  functionArn: 'arn:aws:lambda:eu-west-1:000000000007:function:fn:live',
  topic: 'orders',
  consumerGroupId: 'group',
})

interface Written {
  readonly group: string
  readonly stream: string
  readonly timestampMs: number
  readonly event: Record<string, unknown>
}

let clock: ManualClock
let written: Written[]
let target: FunctionRecord | undefined
beforeEach(() => {
  clock = new ManualClock()
  written = []
  target = functionRecord({ name: 'fn' })
})

function logOf(change: Partial<MappingRecord>): SystemLog {
  return new SystemLog({
    record: { ...base, ...change },
    brokers: ['b1:9092', 'b2:9092'],
    registry: { function: () => target },
    writer: {
      acceptsMore: true,
      group: (group) => ({
        append: (stream, timestampMs, message) => {
          const event = JSON.parse(message) as Record<string, unknown>
          written.push({ group, stream: stream.name, timestampMs, event })
          return true
        },
      }),
    },
    clock,
  })
}

function partition(): Partition {
  const partition = new Partition(3)
  for (const offset of [5, 6, 7]) partition.lane(0).push(laneRecord(offset))
  partition.advance(8)
  partition.endOffset = 20
  partition.committedOffset = 5
  return partition
}

const types = () => written.map(({ event }) => event['eventType'])

test.each([
  ['DEBUG', ['POLLER_STATUS_EVENT', 'ESM_PROCESSING_EVENT', 'KAFKA_STATUS_EVENT']],
  ['INFO', ['POLLER_STATUS_EVENT', 'ESM_PROCESSING_EVENT']],
  ['WARN', ['ESM_PROCESSING_EVENT']],
  [undefined, []],
] as const)('at level %s there is %j', (systemLogLevel, expected) => {
  const log = logOf(systemLogLevel === undefined ? {} : { systemLogLevel })
  log.start(() => [partition()])
  log.assigned([0, 1])
  log.failed('no commit', 'BROKER_UNREACHABLE')
  clock.advance(60_000)
  expect(types()).toEqual(expected)
  log.stop()
})

test('offsets are told once a minute for each partition that was read, until it stops', () => {
  const log = logOf({ systemLogLevel: 'DEBUG' })
  const [read, unread, lost] = [partition(), new Partition(4), partition()]
  lost.assigned = false
  log.start(() => [read, unread, lost])
  clock.advance(59_999)
  expect(written).toEqual([])
  clock.advance(1)
  expect(written.map(({ event }) => event)).toEqual([
    {
      eventType: 'KAFKA_STATUS_EVENT',
      timestamp: clock.now(),
      resourceArn: `arn:aws:lambda:eu-west-1:000000000007:event-source-mapping:${uuid}`,
      eventProcessorId: `${uuid}/0`,
      logLevel: 'DEBUG',
      kafkaPartitionOffsets: {
        partition: 'orders-3',
        endOffset: 20,
        consumedOffset: 7,
        processedOffset: 4,
        committedOffset: 5,
      },
    },
  ])
  clock.advance(120_000)
  expect(written).toHaveLength(3)
  log.stop()
  clock.advance(120_000)
  expect(written).toHaveLength(3)
})

test('a consumer is told with its cluster, its group, its login and its partitions', () => {
  const eventSourceArn = 'arn:aws:kafka:eu-west-1:000000000007:cluster/c/1'
  const sourceAccess = [
    { type: 'SERVER_ROOT_CA_CERTIFICATE', uri: 'env:CA' },
    { type: 'SASL_SCRAM_512_AUTH', uri: 'env:LOGIN' },
  ]
  logOf({ systemLogLevel: 'INFO', eventSourceArn, sourceAccess }).assigned([0, 2])
  expect(written[0]?.event).toMatchObject({
    eventSourceArn,
    logLevel: 'INFO',
    kafkaEventSourceConnection: {
      brokerEndpoints: 'b1:9092,b2:9092',
      consumerId: `millrace-${uuid}`,
      topics: ['orders'],
      consumerGroupId: 'group',
      saslMechanism: 'SCRAM-SHA-512',
      assignedPartitionCount: 2,
      assignedPartitions: ['orders-0', 'orders-2'],
    },
  })
})

test('what keeps it from reading is told with AWS’s code where there is one', () => {
  const log = logOf({ systemLogLevel: 'WARN' })
  log.unreadable('login refused', 'login')
  log.unreadable('no such topic', undefined)
  expect(written.map(({ event }) => event['error'])).toEqual([
    { errorMessage: 'login refused', errorCode: 'EVENT_SOURCE_AUTHN_ERROR' },
    { errorMessage: 'no such topic', errorCode: 'EVENT_SOURCE_ERROR' },
  ])
})

test('each day has a stream, in the group that the function logs to at that time', () => {
  const log = logOf({ systemLogLevel: 'WARN' })
  log.failed('x', 'y')
  target = functionRecord({ name: 'fn', logging: { format: 'JSON', group: 'shared' } })
  clock.advance(86_400_000)
  log.failed('x', 'y')
  target = undefined
  log.failed('x', 'y')
  expect(written.map(({ group, stream }) => [group, stream])).toEqual([
    ['/aws/lambda/fn', `1970/01/01/${uuid}`],
    ['shared', `1970/01/02/${uuid}`],
    ['/aws/lambda/fn', `1970/01/02/${uuid}`],
  ])
})
