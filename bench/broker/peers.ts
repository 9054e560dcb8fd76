// The brokers that are measured: ours, librdkafka's mock broker in C, and Apache Kafka.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { startApacheKafka } from '../../test/support/apache-kafka.ts'
import { startPlatform } from '../../test/support/platform.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'

export interface Peer {
  readonly address: string
  readonly pid: number
  createTopic(name: string, partitions: number, configs?: Record<string, string>): Promise<void>
  deleteTopic(name: string): Promise<void>
  stop(): Promise<void>
}

const mockBroker = new URL('../../.cache/peers/librdkafka/mock-broker', import.meta.url).pathname

/** Resolves when the ready line is out. */
export async function startOurs(flush: 'commit' | 'interval', dataDir: string): Promise<Peer> {
  const args = ['--flush', flush, '--log-level', 'error']
  const platform = await startPlatform({ role: 'broker', dataDir, args })
  return {
    ...administered(platform.kafka),
    pid: platform.pid,
    stop: async () => {
      await platform.stop()
    },
  }
}

/** Resolves at once: the door opens some seconds later. */
export async function startKafka(dataDir: string): Promise<Peer> {
  const kafka = await startApacheKafka({ dataDir })
  return { ...administered(kafka.address), pid: kafka.pid, stop: () => kafka.stop() }
}

/** It has no disk and keeps 5 MB of a partition: the ceiling of the load tool on this machine. */
export async function startMock(): Promise<Peer> {
  const child = spawn(mockBroker, [], { stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const line = await lines.next()
    if (line.done === true) throw new Error('the mock broker ended')
    return line.value
  }
  return {
    address: await next(),
    pid: child.pid ?? 0,
    async createTopic(name, partitions) {
      child.stdin.write(`${name} ${partitions}\n`)
      const answer = await next()
      if (answer !== 'Success') throw new Error(`the mock broker says ${answer}`)
    },
    deleteTopic: () => Promise.resolve(),
    async stop() {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

/** What one Node thread could reach: it reads and acknowledges, and keeps nothing, or writes all to a file. */
export async function startNull(path?: string): Promise<Peer> {
  const script = new URL('null-broker.ts', import.meta.url).pathname
  const args = [script, ...(path === undefined ? [] : [path])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  if (line.done === true) throw new Error('the null broker ended')
  return {
    ...administered(line.value),
    pid: child.pid ?? 0,
    async stop() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** Resolves when a record is acknowledged; `topic` is there from an earlier life. */
export async function firstAcknowledged(
  address: string,
  topic: string,
  batch: Buffer,
): Promise<void> {
  const endsAt = performance.now() + 60_000
  while (performance.now() < endsAt) {
    if (await acknowledges(address, topic, batch)) return
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  throw new Error(`${address} did not acknowledge a record within a minute`)
}

async function acknowledges(address: string, topic: string, batch: Buffer): Promise<boolean> {
  let client: RawKafka | undefined
  try {
    client = await RawKafka.connect(address)
    const { responses } = await client.ask('Produce', 7, {
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: batch }] }],
    })
    return responses[0]?.partitionResponses[0]?.errorCode === 0
  } catch {
    // Refused, or closed as it comes up: what is asked for is when that ends.
    return false
  } finally {
    client?.close()
  }
}

function administered(address: string): Pick<Peer, 'address' | 'createTopic' | 'deleteTopic'> {
  return {
    address,
    async createTopic(name, partitions, configs = {}) {
      const client = await RawKafka.connect(address)
      const { topics } = await client.ask('CreateTopics', 4, {
        topics: [
          {
            name,
            numPartitions: partitions,
            replicationFactor: 1,
            assignments: [],
            configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
          },
        ],
        timeoutMs: 60_000,
      })
      client.close()
      const [topic] = topics
      if (topic?.errorCode !== 0) throw new Error(`${name}: ${topic?.errorMessage ?? 'no answer'}`)
      await allLed(address, name, partitions)
    },
    async deleteTopic(name) {
      const client = await RawKafka.connect(address)
      await client.ask('DeleteTopics', 3, { topicNames: [name], timeoutMs: 60_000 })
      client.close()
    },
  }
}

/** Kafka answers before every partition has a leader. */
async function allLed(address: string, name: string, partitions: number): Promise<void> {
  for (let look = 0; look < 200; look++) {
    const client = await RawKafka.connect(address)
    const { topics } = await client.ask('Metadata', 4, { topics: [{ name }] })
    client.close()
    const led = topics[0]?.partitions.filter(
      ({ errorCode, leaderId }) => errorCode === 0 && leaderId >= 0,
    )
    if (led?.length === partitions) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${name} has partitions without a leader`)
}
