// Tests that boto3 and AWS's command line use streams unchanged, over HTTP/1.1, and are refused in AWS's words.
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const aws = '.cache/peers/bin/aws-cli-2'
const python = '.cache/peers/bin/python'
const account = 'under account 000000000000'

let platform: Platform
let tour: Readonly<Record<string, unknown>>
beforeAll(async () => {
  if (!existsSync(python)) throw new Error('boto3 is missing: run "make test-peers"')
  platform = await startPlatform({ role: 'broker' })
  const script = ['test/peers/kinesis.py', platform.doors['kinesis'] ?? '']
  const output = await succeed(python, script, { timeoutMs: 100_000 })
  tour = JSON.parse(output.toString()) as typeof tour
})
afterAll(async () => {
  await platform.stop()
})

test('records go in one by one and many at a time, and come out as they were, in order', () => {
  expect(tour['records']).toEqual({
    failed: 0,
    all: true,
    first: ['first', 'a', true],
    after: 1,
    explicit: true,
    ordered: true,
  })
})

test('shards are split, merged and counted anew; a closed one ends and names its children', () => {
  expect(tour['resharding']).toEqual({
    children: [2, 3],
    listed: expect.arrayContaining([0, 1, 2, 3, 4]) as number[],
    open: 4,
  })
})

test('what is set of a stream is what it is described with', () => {
  expect(tour['settings']).toEqual({
    arn: 'arn:aws:kinesis:us-east-1:000000000000:stream/orders',
    tags: [{ Key: 'team', Value: 'pit' }],
    retention: 36,
    key: 'alias/mine',
    monitored: 7,
    left: 6,
    policy: '{"Statement":[]}',
    mode: 'ON_DEMAND',
    limits: 1,
  })
  expect([tour['streams'], tour['left']]).toEqual([['orders'], []])
})

test('what AWS refuses is refused, in its words', () => {
  expect(tour['refusals']).toEqual([
    ['ResourceNotFoundException', `Stream none ${account} not found.`, 400],
    ['ResourceInUseException', `Stream orders ${account} already exists.`, 400],
    ['InvalidArgumentException', 'Invalid ShardIterator.', 400],
    [
      'ResourceNotFoundException',
      `Shard shardId-000000000009 in stream orders ${account} does not exist`,
      400,
    ],
    [
      'InvalidArgumentException',
      `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${2n ** 128n}`,
      400,
    ],
    [
      'ValidationException',
      expect.stringContaining(
        "at 'data' failed to satisfy constraint: Member must have length",
      ) as string,
      400,
    ],
  ])
})

async function cli(...args: readonly string[]): Promise<unknown> {
  const where = ['--endpoint-url', platform.doors['kinesis'] ?? '', '--region', 'us-east-1']
  const env = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' }
  const output = await succeed(aws, ['kinesis', ...args, ...where, '--output', 'json'], { env })
  return output.length === 0 ? undefined : JSON.parse(output.toString())
}

test('AWS’s command line makes a stream, puts a record and reads it', async () => {
  const name = ['--stream-name', 'laps']
  await cli('create-stream', ...name, '--shard-count', '1')
  const data = Buffer.from('lap 1').toString('base64')
  const put = await cli('put-record', ...name, '--partition-key', 'car-7', '--data', data)
  expect(put).toMatchObject({ ShardId: 'shardId-000000000000' })
  const start = ['--shard-id', '0', '--shard-iterator-type', 'TRIM_HORIZON']
  const { ShardIterator } = (await cli('get-shard-iterator', ...name, ...start)) as {
    ShardIterator: string
  }
  expect(await cli('get-records', '--shard-iterator', ShardIterator)).toMatchObject({
    Records: [{ Data: data, PartitionKey: 'car-7' }],
    MillisBehindLatest: 0,
  })
  expect(await cli('list-streams')).toMatchObject({ StreamNames: ['laps'] })
})
