// Kills a real broker at random moments under real clients, and has what they saw judged.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createKafka,
  type Batch,
  type Consumer,
  type Kafka,
  type Producer,
} from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { recordsOf } from '../support/log-store.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { RawKafka } from '../support/raw-kafka.ts'
import { randomFrom } from '../support/seeded-random.ts'
import { violations, type History, type HistoryEvent, type RecordId } from './history.ts'

export interface RoundsOptions {
  readonly rounds: number
  readonly seed: number
  /** Told after each round. */
  readonly progress?: (round: number, counts: RoundsCounts) => void
}

export interface RoundsCounts {
  readonly sent: number
  readonly acknowledged: number
  readonly polled: number
  readonly committed: number
}

export interface RoundsResult extends RoundsCounts {
  readonly violations: readonly string[]
  /** Where the broker's data lies; removed by whoever asked, and left for a look when something is wrong. */
  readonly dataDir: string
}

const topic = 'crash'
const partitions = 3
const group = 'crash-group'
const producers = ['plain', 'first', 'second']
const idempotent = new Set(['first', 'second'])
const members = ['one', 'two']
/** Most kills fall while requests are under way; a start takes as long on top. */
const roundMs = { least: 100, most: 700 }

/** Resolves with what is wrong; rejects where the broker does not start, or clients do not get on. */
export async function runRounds(options: RoundsOptions): Promise<RoundsResult> {
  const world = await World.start(options.seed)
  try {
    for (let round = 0; round < options.rounds; round++) {
      await world.round()
      options.progress?.(round, world.counts)
    }
    const history = await world.finish()
    const found = violations(history, { idempotent })
    return { ...world.counts, violations: found, dataDir: world.dataDir }
  } finally {
    await world.end()
  }
}

class World {
  readonly dataDir: string
  readonly #random: () => number
  readonly #port: number
  readonly #events: HistoryEvent[] = []
  readonly #counts = { sent: 0, acknowledged: 0, polled: 0, committed: 0 }
  readonly #producers: { stop(): Promise<void> }[] = []
  readonly #members = new Map<string, Member>()
  #broker: Platform

  private constructor(dataDir: string, port: number, broker: Platform, seed: number) {
    this.dataDir = dataDir
    this.#port = port
    this.#broker = broker
    this.#random = randomFrom(seed)
  }

  static async start(seed: number): Promise<World> {
    const dataDir = await mkdtemp(join(tmpdir(), 'millrace-crash-'))
    const port = await freePort()
    const world = new World(dataDir, port, await startBroker(dataDir, port), seed)
    await world.#createTopic()
    for (const name of producers) world.#producers.push(await startProducer(name, world))
    for (const name of members) world.#members.set(name, await Member.start(name, world))
    return world
  }

  get counts(): RoundsCounts {
    return { ...this.#counts }
  }

  note(event: HistoryEvent): void {
    this.#counts[event.kind] += 1
    this.#events.push(event)
  }

  random(): number {
    return this.#random()
  }

  kafka(clientId: string): Promise<Kafka> {
    const brokers = [`127.0.0.1:${this.#port}`]
    // A request that the broker's end has cut off is known as such at once: the socket closes.
    return createKafka({ brokers, clientId, logger: silentLogger, retries: Infinity })
  }

  async round(): Promise<void> {
    const { least, most } = roundMs
    await sleep(least + this.#random() * (most - least))
    if (this.#random() < 0.1) await this.#broker.stop()
    else await this.#broker.kill9()
    this.#broker = await startBroker(this.dataDir, this.#port)
    if (this.#random() < 0.1) await this.#changeMember()
  }

  /** Ends the producers, lets the members read to the end, and reads the log. */
  async finish(): Promise<History> {
    for (const producer of this.#producers.splice(0)) await producer.stop()
    const log = await readLog(`127.0.0.1:${this.#port}`)
    const left = new Set(log.map(({ partition, offset }) => `${partition}/${offset}`))
    let looked = 0
    await eventually(
      () => {
        for (const event of this.#events.slice(looked)) {
          if (event.kind === 'polled') left.delete(`${event.partition}/${event.offset}`)
        }
        looked = this.#events.length
        return left.size === 0 ? true : undefined
      },
      () =>
        `${left.size} of ${log.length} records are polled by nobody: ${[...left].slice(0, 5).join(' ')}`,
      60_000,
    )
    return { events: this.#events, log }
  }

  async end(): Promise<void> {
    for (const producer of this.#producers) await producer.stop()
    for (const member of this.#members.values()) await member.stop()
    await this.#broker.stop()
  }

  async #createTopic(): Promise<void> {
    const admin = (await this.kafka('admin')).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
    await admin.disconnect()
  }

  async #changeMember(): Promise<void> {
    const name = members[Math.floor(this.#random() * members.length)] ?? ''
    await this.#members.get(name)?.stop()
    // A new life is a new member, which owes nothing to what the old one was handed.
    const [plain, lives = '0'] = name.split('#')
    members[members.indexOf(name)] = `${plain}#${Number(lives) + 1}`
    this.#members.delete(name)
    const next = `${plain}#${Number(lives) + 1}`
    this.#members.set(next, await Member.start(next, this))
  }
}

/** Sends without a pause, one request at a time, whatever becomes of them. */
async function startProducer(name: string, world: World): Promise<{ stop(): Promise<void> }> {
  const kafka = await world.kafka(name)
  const producer: Producer = kafka.producer({
    idempotent: idempotent.has(name),
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  })
  await producer.connect()
  let sequence = 0
  const stopping = new AbortController()
  const send = async (): Promise<void> => {
    const partition = Math.floor(world.random() * partitions)
    const records = Array.from({ length: 1 + Math.floor(world.random() * 20) }, () => sequence++)
    for (const number of records)
      world.note({ kind: 'sent', producer: name, sequence: number, partition })
    const filler = '.'.repeat(Math.floor(world.random() * 2000))
    const messages = records.map((number) => ({ partition, value: `${name}:${number}:${filler}` }))
    const [told] = await producer.send({ topic, acks: -1, messages })
    const base = Number(told?.baseOffset)
    for (const [index, number] of records.entries()) {
      const place = { partition, offset: base + index }
      world.note({ kind: 'acknowledged', producer: name, sequence: number, ...place })
    }
  }
  const running = (async () => {
    while (!stopping.signal.aborted) await send()
  })()
  return {
    stop: async () => {
      stopping.abort()
      await running
      await producer.disconnect()
    },
  }
}

/** A member of the group: tells of every record that it was handed, then commits them. */
class Member {
  readonly #name: string
  readonly #world: World
  #consumer: Consumer | undefined
  #claim = 0
  #isStopped = false

  private constructor(name: string, world: World) {
    this.#name = name
    this.#world = world
  }

  static async start(name: string, world: World): Promise<Member> {
    const member = new Member(name, world)
    await member.#run()
    return member
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#consumer?.disconnect()
  }

  async #run(): Promise<void> {
    const kafka = await this.#world.kafka(this.#name)
    const consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: 6000,
      heartbeatInterval: 300,
      maxWaitTimeInMs: 100,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 1000 },
    })
    this.#consumer = consumer
    const anew = (): void => {
      this.#claim += 1
    }
    consumer.on(consumer.events.GROUP_JOIN, anew)
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      anew()
      // What kafkajs takes for final is the end of a broker here.
      if (!payload.restart && !this.#isStopped) void this.#run()
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, isStale }) => {
        if (!isStale()) await this.#take(consumer, batch)
      },
    })
  }

  async #take(consumer: Consumer, { partition, messages }: Batch): Promise<void> {
    for (const { value, offset } of messages) {
      const record = recordIn(value)
      const place = { partition, offset: Number(offset) }
      const claim = this.#claim
      this.#world.note({ kind: 'polled', member: this.#name, claim, ...record, ...place })
    }
    const offset = Number(messages.at(-1)?.offset ?? -1) + 1
    try {
      await consumer.commitOffsets([{ topic, partition, offset: String(offset) }])
    } catch {
      // Whether it was done nobody knows; the next one says more, unless the member is not one any more.
      return
    }
    this.#world.note({ kind: 'committed', member: this.#name, partition, offset })
  }
}

async function startBroker(dataDir: string, port: number): Promise<Platform> {
  return startPlatform({
    role: 'broker',
    dataDir,
    args: ['--group-initial-rebalance-delay', '0', '--segment-bytes', String(1024 * 1024)],
    env: { MILLRACE_KAFKA_PORT: String(port), MILLRACE_LOG_LEVEL: 'warn' },
  })
}

/** All that the log holds, from the wire. */
async function readLog(address: string): Promise<History['log']> {
  const client = await RawKafka.connect(address)
  const log: History['log'][number][] = []
  for (let partition = 0; partition < partitions; partition++) {
    for (let offset = 0; ;) {
      const response = await client.ask('Fetch', 11, {
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 10_000_000,
        isolationLevel: 0,
        topics: [
          { topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 1_000_000 }] },
        ],
      })
      const found = response.responses[0]?.partitions[0]
      if (found === undefined || found.errorCode !== 0) {
        throw new Error(`${partition}/${offset} cannot be read: ${found?.errorCode}`)
      }
      const records = recordsOf(found.records ?? Buffer.alloc(0)).filter((r) => r.offset >= offset)
      if (records.length === 0) break
      for (const record of records) {
        log.push({ ...recordIn(record.value), partition, offset: record.offset })
      }
      offset = (records.at(-1)?.offset ?? offset) + 1
    }
  }
  client.close()
  return log
}

function recordIn(value: Buffer | null): RecordId {
  const [producer = '', sequence] = (value?.toString() ?? '').split(':')
  return { producer, sequence: Number(sequence) }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
