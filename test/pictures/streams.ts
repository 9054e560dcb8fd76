// A minute and a half of streams: one whose shards become too few and which gets more, with a reader of each kind, and a calm one.
import {
  CreateStreamCommand,
  KinesisClient,
  RegisterStreamConsumerCommand,
} from '@aws-sdk/client-kinesis'
import { CreateEventSourceMappingCommand } from '@aws-sdk/client-lambda'
import { createFunction } from '../support/lambda.ts'
import type { ObservedPlatform } from '../support/observed-platform.ts'
import { resizeStream } from '../support/resize-stream.ts'
import { playEvents, type Course, type Event } from './course.ts'
import * as handlers from './handlers.ts'

const arnOf = (stream: string): string => `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`

function clientOf(platform: ObservedPlatform): KinesisClient {
  return new KinesisClient({
    endpoint: platform.kinesis,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  })
}

const loads: Readonly<Record<string, readonly string[]>> = {
  laps: ['--rate', '800', '--spike', '2600@20s:35s'],
  weather: ['--rate', '40'],
}

const events: readonly Event[] = [
  [0, 'an even load'],
  [20, 'more laps than two shards take: what is above waits at the producer'],
  [40, 'laps gets four shards in place of two', doubleLaps],
  [65, 'archive begins to read laps from its start', addArchive],
  [95, 'the end'],
]

/** Rejects when `signal` is aborted before the end. The load goes on until the platform is stopped. */
export async function playStreams(platform: ObservedPlatform, course: Course): Promise<void> {
  await addStreams(platform)
  course.step('lap-times, pit-wall and forecast read laps and weather')
  for (const [stream, args] of Object.entries(loads)) {
    platform.load(stream, ['--kinesis', platform.kinesis, '--size', '300', ...args])
  }
  await playEvents(platform, events, course)
}

/** Streams, a consumer with enhanced fan-out, functions and mappings. */
async function addStreams(platform: ObservedPlatform): Promise<void> {
  const client = clientOf(platform)
  // As on AWS, a shard takes a thousand records a second.
  const Tags = { 'millrace:shard-limits': 'on' }
  await client.send(new CreateStreamCommand({ StreamName: 'laps', ShardCount: 2, Tags }))
  await client.send(new CreateStreamCommand({ StreamName: 'weather', ShardCount: 1 }))
  const consumer = { StreamARN: arnOf('laps'), ConsumerName: 'pit-wall' }
  const { Consumer } = await client.send(new RegisterStreamConsumerCommand(consumer))
  client.destroy()
  await map(platform, 'lap-times', handlers.lapTimes, arnOf('laps'))
  await map(platform, 'pit-wall', handlers.archive, Consumer?.ConsumerARN ?? '')
  await map(platform, 'forecast', handlers.archive, arnOf('weather'))
}

async function map(
  { client }: ObservedPlatform,
  name: string,
  handler: string,
  EventSourceArn: string,
): Promise<void> {
  await createFunction(client, { name, files: { 'index.mjs': handler }, memorySizeMb: 128 })
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: name,
      EventSourceArn,
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 100,
    }),
  )
}

/** It has sixty seconds of records before it. */
function addArchive(platform: ObservedPlatform): Promise<void> {
  return map(platform, 'archive', handlers.archive, arnOf('laps'))
}

async function doubleLaps(platform: ObservedPlatform): Promise<void> {
  const client = clientOf(platform)
  await resizeStream(client, 'laps', 4)
  client.destroy()
}
