// Measures what mappings cost that have nothing to read; beside bare kafkajs consumers in this process.
import { setTimeout as pause } from 'node:timers/promises'
import type { Consumer } from 'kafkajs'
import type { Platform } from '../../test/support/platform.ts'
import { cpuSeconds, residentKiB } from '../broker/process-usage.ts'
import { createMappings, deploy } from './mappings.ts'
import { fillTopic, kafkaOf } from './topics.ts'

export interface IdleCost {
  readonly count: number
  /** Of one core, in percent, for all of them. */
  readonly cpuPercent: number
  readonly kibEach: number
}

/** A function reads a topic once: so many topics, and as many functions as it takes. */
const topics = 100
const topicOf = (i: number): string => `quiet-${i % topics}`
/** Until readers wait together, connections rest, and what creating them took is given back. */
const settleMs = 40_000
const watchMs = 30_000
/** So many that their cost is seen, and few enough to connect in seconds. */
const bareConsumers = 100

/** The broker's part is in the first as well: it is the same process. */
export async function idleMappings(
  platform: Platform,
  count: number,
): Promise<{
  readonly ours: IdleCost
  readonly without: IdleCost
  readonly bareConsumers: IdleCost
}> {
  for (let i = 0; i < Math.min(topics, count); i++) {
    await fillTopic(platform, topicOf(i), { records: 1, partitions: 1, sizeBytes: 100 })
  }
  const bare = await idleConsumers(platform)
  const without = await watch(platform.pid)
  const nameOf = (i: number): string => `quiet-${Math.floor(i / topics)}`
  for (let i = 0; i < count; i += topics) {
    await deploy(platform, nameOf(i), 'export const handler = async () => {}')
  }
  const mappings = Array.from({ length: count }, (_, i) => ({
    functionName: nameOf(i),
    topic: topicOf(i),
    batchSize: 100,
    position: 'LATEST' as const,
  }))
  await createMappings(platform, mappings)
  await pause(settleMs)
  const after = await watch(platform.pid)
  return {
    ours: {
      count,
      cpuPercent: after.cpuPercent,
      kibEach: Math.round((after.kib - without.kib) / count),
    },
    without: { count: 0, cpuPercent: without.cpuPercent, kibEach: 0 },
    bareConsumers: bare,
  }
}

async function idleConsumers(platform: Platform): Promise<IdleCost> {
  const before = residentKiB(process.pid)
  const consumers: Consumer[] = []
  for (let i = 0; i < bareConsumers; i++) {
    const consumer = kafkaOf(platform).consumer({ groupId: `quiet-${i}` })
    consumers.push(consumer)
    await consumer.connect()
    await consumer.subscribe({ topic: topicOf(i) })
    await consumer.run({ eachBatch: () => Promise.resolve() })
  }
  await pause(settleMs / 8)
  const { cpuPercent, kib } = await watch(process.pid)
  await Promise.all(consumers.map((consumer) => consumer.disconnect()))
  return { count: bareConsumers, cpuPercent, kibEach: Math.round((kib - before) / bareConsumers) }
}

async function watch(pid: number): Promise<{ readonly cpuPercent: number; readonly kib: number }> {
  const cpuBefore = cpuSeconds(pid)
  const before = performance.now()
  await pause(watchMs)
  const seconds = (performance.now() - before) / 1000
  const cpuPercent = Number((((cpuSeconds(pid) - cpuBefore) / seconds) * 100).toFixed(1))
  return { cpuPercent, kib: residentKiB(pid) }
}
