// Two and a half minutes in the life of a platform, with something to recognise on every board.
import { createKafka } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import type { ObservedFunction, ObservedPlatform } from '../support/observed-platform.ts'
import { playEvents, type Course, type Event } from './course.ts'
import * as handlers from './handlers.ts'

/** Small enough that a share of it can be seen, and that environments come and go while it lasts. */
export const workersArgs = ['--account-concurrency', '40', '--workers-idle-timeout', '30s'] as const

const functions: readonly ObservedFunction[] = [
  {
    name: 'tyre-pressure',
    topic: 'telemetry',
    partitions: 8,
    batchSize: 100,
    handler: handlers.tyrePressure,
    memorySizeMb: 128,
    filter: '{"value":{"wheel":["front-left","front-right"]}}',
  },
  {
    name: 'archive',
    topic: 'telemetry',
    partitions: 8,
    batchSize: 500,
    handler: handlers.archive,
    memorySizeMb: 128,
    settings: { MaximumBatchingWindowInSeconds: 1 },
  },
  {
    name: 'billing',
    topic: 'orders',
    partitions: 16,
    batchSize: 10,
    handler: handlers.billing,
    memorySizeMb: 512,
    settings: { ProvisionedPollerConfig: { MinimumPollers: 2, MaximumPollers: 4 } },
  },
  {
    name: 'charge-cards',
    topic: 'payments',
    partitions: 4,
    batchSize: 1,
    handler: handlers.chargeCards,
    memorySizeMb: 512,
    reservedConcurrency: 2,
  },
  {
    name: 'route-parcels',
    topic: 'parcels',
    partitions: 2,
    // The last word on each of fifty parcels: small files, so that some are closed while the scenario lasts.
    topicConfig: {
      'cleanup.policy': 'compact',
      'segment.bytes': '20000',
      'min.cleanable.dirty.ratio': '0.1',
    },
    batchSize: 10,
    handler: handlers.routeParcels,
    memorySizeMb: 128,
    settings: {
      MaximumRetryAttempts: 2,
      BisectBatchOnFunctionError: true,
      DestinationConfig: { OnFailure: { Destination: 'kafka://parcels-dead' } },
    },
  },
  {
    name: 'thumbnails',
    topic: 'photos',
    partitions: 2,
    batchSize: 1,
    handler: handlers.thumbnails,
    memorySizeMb: 256,
  },
]

const loads: Readonly<Record<string, readonly string[]>> = {
  telemetry: ['--rate', '150', '--spike', '2400@25s:25s'],
  payments: ['--rate', '2', '--spike', '12@55s:10m'],
  orders: ['--rate', '60', '--spike', '600@85s:15s'],
  parcels: ['--rate', '10', '--keys', '50'],
  photos: ['--rate', '1'],
}

/** Rejects when `signal` is aborted before the end. The load goes on until the platform is stopped. */
export async function playScenario(platform: ObservedPlatform, course: Course): Promise<void> {
  const { signal, step } = course
  for (const each of functions) {
    await platform.add(each)
    signal.throwIfAborted()
    step(`${each.name} reads ${each.topic}`)
  }
  for (const [topic, args] of Object.entries(loads)) {
    platform.load(topic, ['--size', '300', ...args])
  }
  await playEvents(platform, events, course)
}

const events: readonly Event[] = [
  [0, 'an even load'],
  [25, 'a spike of telemetry: lag grows, event pollers come'],
  [55, 'more payments than the reservation of charge-cards bears: throttles'],
  [65, 'a parcel that is no JSON: it ends in parcels-dead', sendPoison],
  [85, 'a spike of orders: the provisioned mapping grows'],
  [125, 'another parcel that is no JSON', sendPoison],
  [145, 'the end'],
]

async function sendPoison(platform: ObservedPlatform): Promise<void> {
  const kafka = await createKafka({
    brokers: [platform.kafka],
    clientId: 'careless',
    logger: silentLogger,
  })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'parcels', messages: [{ key: 'nobody', value: 'to: nowhere' }] })
  await producer.disconnect()
}
