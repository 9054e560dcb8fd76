// Creates mappings on a platform under measurement, and reads what its metrics say of them.
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
} from '@aws-sdk/client-lambda'
import { setTimeout as pause } from 'node:timers/promises'
import { createFunction, lambdaClient } from '../../test/support/lambda.ts'
import type { Platform } from '../../test/support/platform.ts'
import { kafkaOf } from './topics.ts'

export interface NewMapping {
  readonly functionName: string
  readonly topic: string
  readonly batchSize: number
  readonly filter?: string
  readonly position: 'TRIM_HORIZON' | 'LATEST'
  /** Unless given, Lambda's default for Kafka. */
  readonly windowSeconds?: number
}

/** A whole core: what is measured is the way to the function, not its share of the processor. */
export async function deploy(
  platform: Platform,
  name: string,
  code: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const client = lambdaClient(platform)
  await createFunction(client, {
    name,
    files: { 'index.mjs': code },
    memorySizeMb: 1769,
    environment,
  })
  client.destroy()
}

export async function createMappings(
  platform: Platform,
  mappings: readonly NewMapping[],
): Promise<readonly string[]> {
  const client = lambdaClient(platform)
  const uuids: string[] = []
  for (const mapping of mappings) {
    const { filter, windowSeconds } = mapping
    const { UUID = '' } = await client.send(
      new CreateEventSourceMappingCommand({
        FunctionName: mapping.functionName,
        SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
        Topics: [mapping.topic],
        BatchSize: mapping.batchSize,
        StartingPosition: mapping.position,
        ...(filter === undefined ? {} : { FilterCriteria: { Filters: [{ Pattern: filter }] } }),
        ...(windowSeconds === undefined ? {} : { MaximumBatchingWindowInSeconds: windowSeconds }),
      }),
    )
    uuids.push(UUID)
  }
  client.destroy()
  return uuids
}

/** Resolves when it is gone: until then there is no other one of its function and topic. */
export async function deleteMapping(platform: Platform, uuid: string): Promise<void> {
  const client = lambdaClient(platform)
  await client.send(new DeleteEventSourceMappingCommand({ UUID: uuid }))
  for (;;) {
    const { EventSourceMappings = [] } = await client.send(new ListEventSourceMappingsCommand({}))
    if (EventSourceMappings.every(({ UUID }) => UUID !== uuid)) break
    await pause(10)
  }
  client.destroy()
}

/**
 * Records per second from the first commit until all are committed, by the group's offsets: asking for metrics would
 * take a tenth of the platform's main thread.
 */
export async function pipelineRate(
  platform: Platform,
  mapping: Omit<NewMapping, 'position'>,
  records: number,
): Promise<number> {
  const admin = kafkaOf(platform).admin()
  await admin.connect()
  const [groupId = ''] = await createMappings(platform, [{ ...mapping, position: 'TRIM_HORIZON' }])
  let first: { readonly committed: number; readonly atMs: number } | undefined
  for (;;) {
    const [topic] = await admin.fetchOffsets({ groupId, topics: [mapping.topic] })
    const offsets = topic?.partitions.map(({ offset }) => Math.max(0, Number(offset))) ?? []
    const committed = offsets.reduce((sum, offset) => sum + offset, 0)
    const atMs = performance.now()
    if (first === undefined && committed > 0) first = { committed, atMs }
    if (first !== undefined && committed >= records) {
      await admin.disconnect()
      await deleteMapping(platform, groupId)
      return Math.round((records - first.committed) / ((atMs - first.atMs) / 1000))
    }
    await pause(10)
  }
}
