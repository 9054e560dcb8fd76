// The rows of the broker benchmark: what each does to every peer, one round at a time.
import { setTimeout as pause } from 'node:timers/promises'
import { acknowledge, batchOf, consume, produce, type Latency, type Load } from './load-tool.ts'
import { firstAcknowledged, startKafka, startOurs, type Peer } from './peers.ts'
import { cpuSeconds, residentKiB } from './process-usage.ts'

/** One figure of one round; `cpu` is the broker's processor time in microseconds per record. */
export interface Throughput {
  readonly recordsPerSecond: number
  readonly cpu: number
}

export interface Scale {
  readonly records: number
  readonly latencySeconds: number
}

let topics = 0

/** Fresh topics each time, so that no round inherits another's segments. */
async function withTopic<T>(
  peer: Peer,
  topic: { readonly partitions: number; readonly configs?: Record<string, string> },
  work: (name: string) => Promise<T>,
): Promise<T> {
  const name = `bench-${process.pid}-${topics++}`
  await peer.createTopic(name, topic.partitions, topic.configs)
  try {
    return await work(name)
  } finally {
    await peer.deleteTopic(name)
  }
}

async function measured(
  peer: Peer,
  records: number,
  work: () => Promise<number>,
): Promise<Throughput> {
  const before = cpuSeconds(peer.pid)
  const recordsPerSecond = await work()
  const cpu = ((cpuSeconds(peer.pid) - before) * 1e6) / records
  return { recordsPerSecond, cpu: Number(cpu.toFixed(3)) }
}

type Shape = Pick<Load, 'partitions' | 'records' | 'sizeBytes'>
type Configs = Record<string, string>

export function produceRow(peer: Peer, shape: Shape, configs: Configs): Promise<Throughput> {
  return withTopic(peer, { partitions: shape.partitions, configs }, (topic) =>
    measured(peer, shape.records, () => produce({ address: peer.address, topic, ...shape })),
  )
}

/** What was written before is read by a consumer that starts at the beginning. */
export function consumeStartRow(peer: Peer, shape: Shape): Promise<Throughput> {
  return withTopic(peer, shape, async (topic) => {
    const load = { address: peer.address, topic, ...shape }
    await produce(load)
    return measured(peer, shape.records, () => consume(load, 'beginning'))
  })
}

/** A consumer that has caught up reads while a producer writes; the broker's time is for both. */
export function consumeTailRow(peer: Peer, shape: Shape): Promise<Throughput> {
  return withTopic(peer, shape, async (topic) => {
    const load = { address: peer.address, topic, ...shape }
    // Something must be there for the consumer to find the end of.
    await produce({ ...load, records: 1000 })
    return measured(peer, shape.records, async () => {
      const consumed = consume(load, 'end')
      await pause(1000)
      await Promise.all([produce(load), consumed])
      return consumed
    })
  })
}

export function latencyRow(peer: Peer, seconds: number, configs: Configs): Promise<Latency> {
  return withTopic(peer, { partitions: 1, configs }, (topic) =>
    acknowledge(
      { address: peer.address, topic, partitions: 1, records: 0, sizeBytes: 1000 },
      { bytesPerSecond: 50_000_000, seconds },
    ),
  )
}

export interface Start {
  readonly firstAckMs: number
  readonly idleMiB: number
}

/** From the start of the process to an acknowledged record of a topic that was there before. */
export async function startRow(which: 'ours' | 'kafka', dataDir: string): Promise<Start> {
  const start = (): Promise<Peer> =>
    which === 'ours' ? startOurs('commit', dataDir) : startKafka(dataDir)
  const batch = batchOf(1, 1000)
  const first = await start()
  await becomesReady(first)
  await first.createTopic('start', 1)
  await first.stop()
  const startedAt = performance.now()
  const peer = await start()
  await firstAcknowledged(peer.address, 'start', batch)
  const firstAckMs = Math.round(performance.now() - startedAt)
  await pause(3000)
  const idleMiB = Math.round(residentKiB(peer.pid) / 1024)
  await peer.stop()
  return { firstAckMs, idleMiB }
}

/** Kafka opens its door before it can make topics. */
export async function becomesReady(peer: Peer): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await peer.createTopic(`ready-${process.pid}-${topics++}`, 1)
    } catch (error) {
      if (attempt === 300) throw error
      await pause(100)
    }
  }
}

export interface ManyPartitions {
  readonly readyMs: number
  readonly idleCpuPercent: number
  readonly perPartitionBytes: number
}

const manyTopics = 10
/** What a start leaves behind is collected by then. */
const settleSeconds = 10
const idleSeconds = 20

/** Ten thousand partitions, started anew: what they cost while nothing happens. */
export async function manyPartitionsRow(dataDir: string): Promise<ManyPartitions> {
  const empty = await startOurs('commit', dataDir)
  await pause(3000)
  const emptyKiB = residentKiB(empty.pid)
  for (let topic = 0; topic < manyTopics; topic++) await empty.createTopic(`many-${topic}`, 1000)
  await empty.stop()
  const startedAt = performance.now()
  const full = await startOurs('commit', dataDir)
  const readyMs = Math.round(performance.now() - startedAt)
  await pause(settleSeconds * 1000)
  const fullKiB = residentKiB(full.pid)
  const before = cpuSeconds(full.pid)
  await pause(idleSeconds * 1000)
  const idleCpuPercent = ((cpuSeconds(full.pid) - before) / idleSeconds) * 100
  await full.stop()
  return {
    readyMs,
    idleCpuPercent: Number(idleCpuPercent.toFixed(1)),
    perPartitionBytes: Math.round(((fullKiB - emptyKiB) * 1024) / (manyTopics * 1000)),
  }
}
