// Creates mappings on a platform under measurement, and reads what its metrics say of them.
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
} from '@aws-sdk/client-lambda'
import { setTimeout as pause } from 'node:timers/promises'
import { createFunction, lambdaClient } from '../../test/support/lambda.ts'
import type { Platform } from '../../test/support/platform.ts'

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

export async function deleteMapping(platform: Platform, uuid: string): Promise<void> {
  const client = lambdaClient(platform)
  await client.send(new DeleteEventSourceMappingCommand({ UUID: uuid }))
  client.destroy()
}

/** The sum of a metric over all of a function's mappings; 0 where there are none yet. */
export async function metricOf(
  platform: Platform,
  metric: string,
  functionName: string,
): Promise<number> {
  const text = await (await fetch(platform.metrics)).text()
  const lines = new RegExp(`^${metric}{[^}]*function="${functionName}"[^}]*} (\\S+)`, 'gm')
  return [...text.matchAll(lines)].reduce((sum, [, value]) => sum + Number(value), 0)
}

/** Records per second from the first that is seen to arrive until all are committed, by the metrics. */
export async function pipelineRate(
  platform: Platform,
  mapping: Omit<NewMapping, 'position'>,
  records: number,
): Promise<number> {
  await deploy(platform, mapping.functionName, 'export const handler = async () => {}')
  const of = { ...mapping, position: 'TRIM_HORIZON' as const }
  const [uuid = ''] = await createMappings(platform, [of])
  let first: { readonly committed: number; readonly atMs: number } | undefined
  for (;;) {
    const polled = await metricOf(platform, 'millrace_mapping_polled_events_total', of.functionName)
    const committed = await metricOf(
      platform,
      'millrace_mapping_committed_events_total',
      of.functionName,
    )
    const atMs = performance.now()
    if (first === undefined && polled > 0) first = { committed, atMs }
    if (first !== undefined && committed >= records) {
      await deleteMapping(platform, uuid)
      return Math.round((records - first.committed) / ((atMs - first.atMs) / 1000))
    }
    await pause(first === undefined ? 5 : 20)
  }
}
