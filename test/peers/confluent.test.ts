// Runs confluent-kafka, librdkafka's binding for Python, and holds what it saw against what Kafka does.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const python = '.cache/peers/bin/python'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({
    role: 'broker',
    args: ['--group-initial-rebalance-delay', '500'],
  })
})
afterAll(() => platform.stop())

/** What a part of confluent.py printed. */
async function run(part: string): Promise<Record<string, unknown>> {
  const args = ['test/peers/confluent.py', platform.kafka, part]
  const output = await succeed(python, args, { timeoutMs: 100_000 })
  return JSON.parse(output.toString()) as Record<string, unknown>
}

test('records of every codec come back, and a time inside of a batch is found at its record', async () => {
  const whole = {
    offsets: true,
    values: true,
    timestamps: [1000, 1010, 1020],
    at1501: 51,
    watermarks: [0, 100],
  }
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
  expect(await run('codecs')).toEqual(Object.fromEntries(codecs.map((codec) => [codec, whole])))
})

test.each([
  ['eager', 'range'],
  ['cooperative', 'cooperative-sticky'],
])(
  'two members of a group share its partitions, %s, and one takes over',
  async (part, assignor) => {
    const all = [0, 1, 2, 3].flatMap((p) => Array.from({ length: 10 }, (_, i) => `${p}-${i}`))
    expect(await run(part)).toEqual({
      shared: [2, 2],
      values: all,
      counts: [20, 20],
      state: 'STABLE',
      assignor,
      members: [2, 2],
      after: ['after'],
    })
  },
)

test('an idempotent producer’s records arrive once, in their order', async () => {
  expect(await run('once')).toEqual({ offsets: true, values: true })
})

test('topics are created, grown, listed and deleted, and refused by Kafka’s names', async () => {
  expect(await run('topics')).toEqual({
    created: null,
    again: 'TOPIC_ALREADY_EXISTS',
    grown: null,
    shrunk: 'INVALID_PARTITIONS',
    partitions: [0, 1, 2],
    latest: [3],
    deleted: null,
    gone: 'UNKNOWN_TOPIC_OR_PART',
  })
})

test('a topic’s configs count from its creation, and can be changed and set back', async () => {
  expect(await run('configs')).toEqual({
    created: null,
    before: ['60000', false],
    large: ['MSG_SIZE_TOO_LARGE'],
    changed: ['70000', false],
    back: ['604800000', true],
    unknown: 'INVALID_CONFIG',
    wrongAtCreation: 'INVALID_CONFIG',
  })
})

test('records are deleted up to an offset', async () => {
  expect(await run('records')).toEqual({
    lowWatermark: 7,
    left: ['7', '8', '9'],
    watermarks: [7, 10],
    beyond: 'OFFSET_OUT_OF_RANGE',
  })
})

test('cluster and topics are described, and the newest record is found by its time', async () => {
  expect(await run('cluster')).toEqual({
    nodes: [[1, platform.kafka]],
    controller: 1,
    hasId: true,
    partitions: [0, 1, 2],
    leaders: [1],
    isInternal: false,
    topicId: expect.stringMatching(/^[\w+/]{22}$/) as string,
    nowhere: 'UNKNOWN_TOPIC_OR_PART',
    newest: [1, 3000],
  })
})

test('transactions commit records and offsets together, abort both, and fence an older producer', async () => {
  const three = (name: string): string[] => [0, 1, 2].map((i) => `${name} ${i}`)
  expect(await run('transactions')).toEqual({
    committedOffsets: [3],
    fenced: ['_FENCED', true],
    readCommitted: [...three('committed'), 'newer'],
    readUncommitted: [...three('committed'), ...three('aborted'), ...three('fenced'), 'newer'],
  })
})

test('a group’s offsets are committed, altered, read on from, and deleted with it', async () => {
  expect(await run('offsets')).toEqual({
    committed: [5],
    busy: 'NON_EMPTY_GROUP',
    altered: [7],
    rest: ['7', '8', '9'],
    listed: ['offsets'],
    deleted: null,
    gone: 'GROUP_ID_NOT_FOUND',
  })
})
