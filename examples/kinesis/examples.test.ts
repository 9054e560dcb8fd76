// Runs the examples for streams in the real pool, on events as Lambda delivers them.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { putTogether } from '../../kinesis-wire/aggregate.ts'
import { AwsReceiver } from '../../test/support/aws-receiver.ts'
import { functionRecord } from '../../test/support/memory-registry.ts'
import { startInvoker } from '../../test/support/worker-threads.ts'
import { deaggregate, type KinesisEvent } from './deaggregate.ts'

const arrival = Date.UTC(2026, 10, 27, 12, 59, 59) / 1000
const shard = 'shardId-000000000003'
const lap = (seconds: number): string => JSON.stringify({ seconds })

/** Records a second apart. */
function eventOf(...data: readonly (string | Buffer)[]): KinesisEvent {
  const Records = data.map((each, index) => {
    const sequenceNumber = String(495 + index)
    return {
      eventID: `${shard}:${sequenceNumber}`,
      eventSourceARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/laps',
      kinesis: {
        partitionKey: 'outer',
        sequenceNumber,
        data: Buffer.from(each).toString('base64'),
        approximateArrivalTimestamp: arrival + index,
      },
    }
  })
  return { Records }
}

async function run(
  handler: string,
  event: KinesisEvent,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ outcome: string; payload: unknown; log: string }> {
  const workers = startInvoker()
  onTestFinished(() => workers.stop())
  const changes = { handler, environment, timeoutSeconds: 30 }
  await workers.registry.putFunction(functionRecord('example', import.meta.dirname, changes))
  const result = await workers.invoke('example', event, true)
  const { payload = 'null', logTail = '' } = result as { payload?: string; logTail?: string }
  return { outcome: result.outcome, payload: JSON.parse(payload), log: logTail }
}

const aggregate = putTogether([
  { partitionKey: 'car-16', data: Buffer.from(lap(92.1)) },
  { partitionKey: 'car-4', explicitHashKey: '7', data: Buffer.from(lap(91.8)) },
  { partitionKey: 'car-16', data: Buffer.from(lap(91.9)) },
])

test('aggregates are taken apart in place, each record with its place in them', () => {
  const records = deaggregate(eventOf(lap(95), aggregate))
  expect(
    records.map((each) => [each.partitionKey, each.sequenceNumber, each.subSequenceNumber]),
  ).toEqual([
    ['outer', '495', 0],
    ['car-16', '496', 0],
    ['car-4', '496', 1],
    ['car-16', '496', 2],
  ])
  expect(records.map(({ data }) => data.toString())).toEqual([95, 92.1, 91.8, 91.9].map(lap))
})

test('what only begins as an aggregate is a record like any other', () => {
  for (let length = 0; length < aggregate.length; length += 1) {
    const cut = aggregate.subarray(0, length)
    expect(deaggregate(eventOf(cut)).map(({ data }) => data)).toEqual([cut])
  }
})

test('the handler sums up laps per car, and names the first record that is none', async () => {
  const { payload } = await run('laps.handler', eventOf(aggregate, lap(90)))
  expect(payload).toEqual({ batchItemFailures: [] })
  const broken = await run('laps.handler', eventOf(aggregate, 'no lap', lap(90)))
  expect(broken.payload).toEqual({ batchItemFailures: [{ itemIdentifier: '496' }] })
})

test('a batch is archived in a directory by the hour of arrival, and again under the same names', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-archive-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const environment = { ARCHIVE_DIRECTORY: directory, ARCHIVE_PREFIX: 'race/' }
  for (const _ of ['first', 'again']) {
    const { payload } = await run(
      'archive.handler',
      eventOf(aggregate, `${lap(90)}\n`),
      environment,
    )
    expect(payload).toEqual({ objects: 2, records: 4 })
  }
  const files = (await readdir(directory, { recursive: true })).filter((each) =>
    each.endsWith('gz'),
  )
  expect(files.toSorted()).toEqual([
    `race/2026/11/27/12/laps-2026-11-27-12-59-59-${shard}-495.gz`,
    `race/2026/11/27/13/laps-2026-11-27-13-00-00-${shard}-496.gz`,
  ])
  const text = async (file: string): Promise<string> =>
    gunzipSync(await readFile(join(directory, file))).toString()
  expect(await text(files.toSorted()[0] ?? '')).toBe(`${[92.1, 91.8, 91.9].map(lap).join('\n')}\n`)
  expect(await text(files.toSorted()[1] ?? '')).toBe(`${lap(90)}\n`)
})

test('or in a bucket of any S3', async () => {
  const receiver = await AwsReceiver.start()
  onTestFinished(() => receiver.stop())
  const environment = { ...receiver.environment, ARCHIVE_BUCKET: 'archive' }
  const { outcome, payload } = await run('archive.handler', eventOf(lap(90)), environment)
  expect([outcome, payload]).toEqual(['completed', { objects: 1, records: 1 }])
  expect(receiver.received.map(({ service, place }) => [service, place])).toEqual([
    ['s3', `archive/2026/11/27/12/laps-2026-11-27-12-59-59-${shard}-495.gz`],
  ])
})

test('a batch that cannot be stored has failed', async () => {
  const { payload } = await run('archive.handler', eventOf(lap(90)))
  expect(payload).toMatchObject({ errorMessage: 'set ARCHIVE_BUCKET or ARCHIVE_DIRECTORY' })
})
