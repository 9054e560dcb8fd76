// Tests a session of our own consumer against a broker that refuses, forgets, moves and dies at every step.
import { queryObjects } from 'node:v8'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  consumerRetryMaxMs,
  heartbeatIntervalMs,
  leaveMaxMs,
  metadataMaxAgeMs,
} from '../../common/consumer-limits.ts'
import { silentLogger } from '../../common/logger.ts'
import { Connection } from '../../kafka-consumer/connection.ts'
import { SharedLinks } from '../../kafka-consumer/shared-links.ts'
import { encodeAssignment, encodeSubscription } from '../../kafka-consumer/group-protocol.ts'
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import { errorCodes, type KafkaErrorName } from '../../protocol/error-codes.ts'
import { encodeBatch } from '../../protocol/record-batch.ts'
import { eventually } from '../../test/support/eventually.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { PlayedBroker } from '../../test/support/played-broker.ts'
import { ConsumerSession } from './consumer-session.ts'
import type { SessionMemory } from './session.ts'
import type { RecordRun, SourceListener } from './source.ts'
import type { StartPosition } from './start-position.ts'

const topicIds = ['11111111-2222-3333-4444-555555555555', '99999999-2222-3333-4444-555555555555']

/** A cluster of one node with one topic and one group, as it should be; tests change its rules. */
class PlayedCluster {
  readonly broker: PlayedBroker
  logs: string[][]
  starts: number[]
  topicId = topicIds[0] ?? ''
  generation = 0
  memberId = ''
  /** Whom metadata and look-ups name, by node id; the first is node 1. */
  ports: number[]
  leaderId = 1
  coordinatorId = 1
  readonly committed = new Map<number, number>()
  /** Answers once, before the rule counts. */
  readonly #once = new Map<string, KafkaErrorName[]>()
  #members = 0

  private constructor(broker: PlayedBroker, partitions: number) {
    this.broker = broker
    this.logs = Array.from({ length: partitions }, () => [])
    this.starts = this.logs.map(() => 0)
    this.ports = [broker.port]
  }

  static async start(partitions = 1): Promise<PlayedCluster> {
    const cluster = new PlayedCluster(await PlayedBroker.start(), partitions)
    cluster.#play()
    return cluster
  }

  /** The next answer to this API is an error. */
  refuse(api: string, ...errors: readonly KafkaErrorName[]): void {
    this.#once.set(api, [...(this.#once.get(api) ?? []), ...errors])
  }

  append(partition: number, ...values: readonly string[]): void {
    this.logs[partition]?.push(...values)
    this.#wake()
  }

  /** Fetches that wait have waited long enough. */
  waited(): void {
    this.#wake()
  }

  #wake: () => void = () => {}

  error(api: string): number {
    const name = this.#once.get(api)?.shift()
    return name === undefined ? 0 : errorCodes[name]
  }

  #play(): void {
    const { rules } = this.broker
    rules.Metadata = () => this.metadata()
    rules.FindCoordinator = () => {
      const { coordinatorId: nodeId } = this
      const where = { nodeId, host: '127.0.0.1', port: this.ports[nodeId - 1] ?? 0 }
      const found = { key: 'g', ...where, errorCode: this.error('FindCoordinator') }
      return { coordinators: [{ ...found, errorMessage: null }] }
    }
    rules.JoinGroup = (body) => this.#join(body)
    rules.SyncGroup = () => ({ errorCode: this.error('SyncGroup'), assignment: this.assignment() })
    rules.Heartbeat = () => ({ errorCode: this.error('Heartbeat') })
    rules.LeaveGroup = () => ({ errorCode: 0 })
    rules.OffsetFetch = () => this.#offsetFetch()
    rules.OffsetCommit = (body) => this.#commit(body)
    rules.ListOffsets = (body) => this.#listOffsets(body)
    rules.Fetch = (body) => this.#fetch(body)
  }

  assignment(): Buffer {
    return encodeAssignment(new Map([['t', this.logs.map((_, partition) => partition)]]))
  }

  metadata(): ResponseOf<'Metadata'> {
    const partition = (partitionIndex: number) => ({
      errorCode: 0,
      partitionIndex,
      leaderId: this.leaderId,
      leaderEpoch: 5,
      replicaNodes: [1],
      isrNodes: [1],
    })
    const partitions = this.logs.map((_, index) => partition(index))
    const topic = { errorCode: this.error('Metadata'), name: 't', topicId: this.topicId }
    return {
      brokers: this.ports.map((port, index) => ({ nodeId: index + 1, host: '127.0.0.1', port })),
      topics: [{ ...topic, partitions }],
    }
  }

  #join({ memberId }: RequestOf<'JoinGroup'>): ResponseOf<'JoinGroup'> {
    const errorCode = this.error('JoinGroup')
    const none = { generationId: -1, protocolName: null, leader: '', members: [] }
    if (errorCode !== 0) return { ...none, errorCode, memberId }
    if (memberId === '') {
      this.#members += 1
      return { ...none, errorCode: errorCodes.MEMBER_ID_REQUIRED, memberId: `m${this.#members}` }
    }
    this.generation += 1
    this.memberId = memberId
    const members = [{ memberId, metadata: encodeSubscription(['t']) }]
    const { generation: generationId } = this
    return { errorCode: 0, generationId, protocolName: '', leader: memberId, memberId, members }
  }

  #offsetFetch(): ResponseOf<'OffsetFetch'> {
    const partitions = this.logs.map((_, partitionIndex) => ({
      partitionIndex,
      committedOffset: this.committed.get(partitionIndex) ?? -1,
      metadata: '',
      errorCode: 0,
    }))
    const errorCode = this.error('OffsetFetch')
    return { groups: [{ groupId: 'g', topics: [{ name: 't', partitions }], errorCode }] }
  }

  #commit(body: RequestOf<'OffsetCommit'>): ResponseOf<'OffsetCommit'> {
    const isCurrent =
      body.generationIdOrMemberEpoch === this.generation && body.memberId === this.memberId
    const errorCode = isCurrent ? this.error('OffsetCommit') : errorCodes.ILLEGAL_GENERATION
    const partitions = body.topics.flatMap((topic) => topic.partitions)
    for (const { partitionIndex, committedOffset } of partitions) {
      if (errorCode === 0) this.committed.set(partitionIndex, committedOffset)
    }
    const answers = partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
    return { topics: [{ name: 't', partitions: answers }] }
  }

  #listOffsets({ topics }: RequestOf<'ListOffsets'>): ResponseOf<'ListOffsets'> {
    const errorCode = this.error('ListOffsets')
    const answer = ({
      partitionIndex,
      timestamp,
    }: {
      partitionIndex: number
      timestamp: number
    }) => {
      const [start, log] = [this.starts[partitionIndex] ?? 0, this.logs[partitionIndex] ?? []]
      const offset = timestamp === -2 ? start : start + log.length
      return { partitionIndex, errorCode, timestamp: -1, offset: timestamp > 0 ? -1 : offset }
    }
    return {
      topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(answer) })),
    }
  }

  async #fetch({ topics }: RequestOf<'Fetch'>): Promise<ResponseOf<'Fetch'>> {
    const asked = topics.flatMap(({ partitions }) => partitions)
    const [topic] = topics
    const find = () => asked.map((one) => this.#part(one, topic?.topicId ?? ''))
    let parts = find()
    if (parts.every(({ errorCode, records }) => errorCode === 0 && records === null)) {
      await new Promise<void>((resolve) => {
        const before = this.#wake
        this.#wake = () => {
          before()
          resolve()
        }
      })
      parts = find()
    }
    return { responses: [{ topicId: topic?.topicId, partitions: parts }] }
  }

  #part({ partition, fetchOffset }: { partition: number; fetchOffset: number }, topicId: string) {
    const [start, log] = [this.starts[partition] ?? 0, this.logs[partition] ?? []]
    const end = start + log.length
    const isOutside = fetchOffset < start || fetchOffset > end
    const isAnother = topicId !== this.topicId
    const own = isAnother ? 'UNKNOWN_TOPIC_ID' : isOutside ? 'OFFSET_OUT_OF_RANGE' : 'NONE'
    const errorCode = this.error(`Fetch ${partition}`) || errorCodes[own]
    const values = log.slice(fetchOffset - start)
    const of = { partitionIndex: partition, highWatermark: end, lastStableOffset: end }
    if (errorCode !== 0 || values.length === 0) return { ...of, errorCode, records: null }
    const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: 1 }))
    return { ...of, errorCode, records: encodeBatch({ records, baseOffset: fetchOffset }) }
  }
}

class Heard implements SourceListener {
  readonly values: string[] = []
  readonly events: string[] = []
  readOn = new Map<number, number>()
  onRecords: (run: RecordRun) => void = () => {}
  onAssigned: () => void = () => {}

  assigned(partitions: readonly number[], continued: boolean): ReadonlyMap<number, number> {
    this.onAssigned()
    this.events.push(`assigned ${partitions.join()}${continued ? ' continued' : ''}`)
    return continued ? this.readOn : new Map()
  }
  finished = new Map<number, number>()
  checkpoints(): ReadonlyMap<number, number> {
    return this.finished
  }
  rewound(partition: number): void {
    this.events.push(`rewound ${partition}`)
  }
  records(run: RecordRun): void {
    for (const { value } of run.records) this.values.push(value?.toString() ?? '')
    this.readOn.set(run.partition, run.nextOffset)
    this.onRecords(run)
  }
  problem(reason: string | undefined): void {
    this.events.push(reason ?? 'well')
  }
}

let cluster: PlayedCluster
let clock: ManualClock
let heard: Heard
let session: ConsumerSession
let running: Promise<unknown> = Promise.resolve()
let memory: SessionMemory
beforeEach(async () => {
  cluster = await PlayedCluster.start()
  clock = new ManualClock()
  heard = new Heard()
  memory = {
    partitionsAtStart: undefined,
    topicId: undefined,
    member: { memberId: '', generationId: -1 },
  }
})
afterEach(async () => {
  const closing = session.close()
  clock.advance(leaveMaxMs)
  await closing
  await running
  await cluster.broker.stop()
})

/** Its end, as a value: the error, or undefined. */
function run(position: StartPosition = { kind: 'TRIM_HORIZON' }, shared?: SharedLinks): void {
  const options = {
    brokers: [cluster.broker.address],
    topic: 't',
    groupId: 'g',
    clientId: 'c',
    position,
    clock,
    logger: silentLogger,
    shared,
  }
  session = new ConsumerSession(options, memory, heard)
  running = session.run().catch((error: unknown) => error)
}

/** Lets time pass in small steps until it is so. */
const until = (isSo: () => boolean, what: string, stepMs = 0): Promise<true> =>
  eventually(
    () => {
      if (isSo()) return true
      clock.advance(stepMs)
      return undefined
    },
    () => `${what}: ${heard.events.join(', ')}; ${heard.values.join()}`,
  )
const read = (...values: readonly string[]): Promise<true> =>
  until(
    () => heard.values.length >= values.length,
    `read ${values.join()}`,
    consumerRetryMaxMs,
  ).then((done) => {
    expect(heard.values).toEqual(values)
    return done
  })
const joined = (times: number): Promise<true> =>
  until(
    () => heard.events.filter((event) => event.startsWith('assigned')).length >= times,
    `joined ${times} times`,
    heartbeatIntervalMs,
  )

test('what is there is read, and then what comes', async () => {
  cluster.append(0, 'a', 'b')
  run()
  await read('a', 'b')
  cluster.append(0, 'c')
  await read('a', 'b', 'c')
  expect(heard.events).toEqual(['assigned 0', 'well'])
  await session.commit(new Map([[0, 3]]))
  expect(cluster.committed.get(0)).toBe(3)
})

test('the next fetch is on its way before the records of the last are handed on', async () => {
  cluster.append(0, 'a')
  let fetches = 0
  heard.onRecords = () => {
    // What was sent is not there yet; but nothing after this moment sends it.
    session.pause([0])
    fetches = cluster.broker.asked('Fetch').length
  }
  run()
  await read('a')
  await until(() => cluster.broker.asked('Fetch').length === fetches + 1, 'one more fetch')
})

test('what comes for a paused partition waits in hand, and is not asked for twice', async () => {
  cluster.append(0, 'a')
  heard.onRecords = () => session.pause([0])
  run()
  await read('a')
  await until(() => cluster.broker.asked('Fetch').length === 2, 'the fetch that was on its way')
  cluster.append(0, 'b')
  await until(() => !cluster.broker.isWaiting, 'it is answered')
  heard.onRecords = () => {}
  session.resume([0])
  await read('a', 'b')
  const offsets = cluster.broker
    .asked('Fetch')
    .flatMap(({ topics }) => topics.flatMap(({ partitions }) => partitions))
    .map(({ fetchOffset }) => fetchOffset)
  expect(offsets.slice(0, 2)).toEqual([0, 1])
  await until(() => cluster.broker.asked('Fetch').length === 3, 'reads on')
})

test.each([
  ['JoinGroup', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ['JoinGroup', 'NOT_COORDINATOR'],
  ['JoinGroup', 'REBALANCE_IN_PROGRESS'],
  ['JoinGroup', 'UNKNOWN_MEMBER_ID'],
  ['SyncGroup', 'REBALANCE_IN_PROGRESS'],
  ['SyncGroup', 'ILLEGAL_GENERATION'],
  ['SyncGroup', 'UNKNOWN_MEMBER_ID'],
  ['SyncGroup', 'NOT_COORDINATOR'],
  ['FindCoordinator', 'COORDINATOR_NOT_AVAILABLE'],
  ['OffsetFetch', 'UNSTABLE_OFFSET_COMMIT'],
  ['OffsetFetch', 'NOT_COORDINATOR'],
  ['ListOffsets', 'NOT_LEADER_OR_FOLLOWER'],
  ['Metadata', 'LEADER_NOT_AVAILABLE'],
  ['Fetch 0', 'NOT_LEADER_OR_FOLLOWER'],
  ['Fetch 0', 'UNKNOWN_LEADER_EPOCH'],
  ['Fetch 0', 'KAFKA_STORAGE_ERROR'],
] as const)('%s answered by %s is tried again until all is read', async (api, error) => {
  cluster.append(0, 'a')
  cluster.refuse(api, error, error)
  run()
  await read('a')
  expect(heard.events.at(-1)).toBe('well')
})

test.each(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'NOT_COORDINATOR'] as const)(
  'a heartbeat answered by %s joins again, and reads on where it was',
  async (error) => {
    cluster.append(0, 'a')
    run()
    await read('a')
    cluster.refuse('Heartbeat', error)
    await joined(2)
    expect(heard.events.slice(0, 3)).toEqual(['assigned 0', 'well', 'assigned 0 continued'])
    cluster.append(0, 'b')
    await read('a', 'b')
    await session.commit(new Map([[0, 2]]))
  },
)

test('what is finished when a rebalance begins is committed before the group is joined again', async () => {
  cluster.append(0, 'a', 'b')
  run()
  await read('a', 'b')
  heard.finished.set(0, 1)
  cluster.refuse('Heartbeat', 'REBALANCE_IN_PROGRESS')
  await joined(2)
  expect(cluster.committed.get(0)).toBe(1)
  const order = cluster.broker.requests.map(({ api }) => api)
  expect(order.indexOf('OffsetCommit')).toBeLessThan(order.lastIndexOf('JoinGroup'))
})

test('pauses that come with the assignment count from the first fetch on', async () => {
  cluster.append(0, 'a')
  cluster.logs.push(['of the other'])
  cluster.starts.push(0)
  heard.onAssigned = () => session.pause([0])
  run()
  await read('of the other')
  session.resume([0])
  await read('of the other', 'a')
})

test('a member that the group forgot is somebody else, and reads from what is committed', async () => {
  cluster.append(0, 'a', 'b')
  run()
  await read('a', 'b')
  await session.commit(new Map([[0, 1]]))
  cluster.refuse('Heartbeat', 'UNKNOWN_MEMBER_ID')
  await joined(2)
  expect(heard.events.at(2)).toBe('assigned 0')
  await read('a', 'b', 'b')
})

test('who missed a generation does not go on as if it had not', async () => {
  cluster.append(0, 'a')
  run()
  await read('a')
  cluster.refuse('Heartbeat', 'REBALANCE_IN_PROGRESS')
  cluster.refuse('SyncGroup', 'REBALANCE_IN_PROGRESS')
  await joined(2)
  expect(heard.events.at(2)).toBe('assigned 0')
})

test.each(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'] as const)(
  'a commit refused by %s rejects, and the group is joined again',
  async (error) => {
    cluster.append(0, 'a')
    run()
    await read('a')
    cluster.refuse('OffsetCommit', error)
    const commit = session.commit(new Map([[0, 1]]))
    await expect(commit).rejects.toMatchObject({ code: 'BROKER_REFUSED' })
    expect(cluster.committed.get(0)).toBe(undefined)
    await joined(2)
  },
)

test('nothing is committed while the group is joined', async () => {
  cluster.append(0, 'a')
  run()
  await read('a')
  const join = cluster.broker.rules.JoinGroup
  cluster.broker.rules.JoinGroup = () => 'hang'
  cluster.refuse('Heartbeat', 'REBALANCE_IN_PROGRESS')
  await until(() => cluster.broker.asked('JoinGroup').length === 3, 'joins', heartbeatIntervalMs)
  const commit = session.commit(new Map([[0, 1]]))
  await expect(commit).rejects.toMatchObject({
    message: expect.stringContaining('the group is being joined') as string,
  })
  expect(cluster.broker.asked('OffsetCommit')).toEqual([])
  Object.assign(cluster.broker.rules, { JoinGroup: join })
})

test('who leaves while it joins does so by another connection', async () => {
  cluster.refuse('JoinGroup', 'MEMBER_ID_REQUIRED')
  memory.member.memberId = 'm0'
  cluster.broker.rules.JoinGroup = () => 'hang'
  run()
  await until(() => cluster.broker.asked('JoinGroup').length === 1, 'joins')
  await session.close()
  expect(cluster.broker.asked('LeaveGroup')).toMatchObject([{ members: [{ memberId: 'm0' }] }])
  expect(await running).toBe(undefined)
})

test('a broker that hangs up is found again, and nothing is read twice', async () => {
  cluster.append(0, 'a')
  run()
  await read('a')
  cluster.broker.hangUp()
  cluster.append(0, 'b')
  await read('a', 'b')
  cluster.broker.hangUp()
  const beats = cluster.broker.asked('Heartbeat').length
  await until(
    () => cluster.broker.asked('Heartbeat').length > beats + 1,
    'it is still a member',
    heartbeatIntervalMs,
  )
  cluster.append(0, 'c')
  await read('a', 'b', 'c')
  await session.commit(new Map([[0, 3]]))
  expect(heard.events).toEqual(['assigned 0', 'well'])
})

/** A second node, which knows what the first one knows. */
/** With what it shares; lets fetches wait in vain until it waits with others alone. */
async function rest(): Promise<void> {
  const { broker } = cluster
  await until(() => {
    cluster.waited()
    const last = broker.asked('Fetch').slice(-3)
    return last.length === 3 && last.every(({ maxBytes }) => maxBytes === 1)
  }, 'it waits with others')
}

test('a member to whom nothing comes waits with others, keeps nothing of its own open, and reads what comes', async () => {
  cluster.append(0, 'a')
  run(undefined, new SharedLinks({ clientId: 'shared', clock }))
  await read('a')
  await rest()
  const beats = cluster.broker.asked('Heartbeat').length
  await until(
    () => cluster.broker.connections === 2,
    'one connection for heartbeats and one to wait are left',
    heartbeatIntervalMs / 4,
  )
  await until(
    () => queryObjects(Connection, { format: 'count' }) === 2,
    'nothing holds those that were closed',
  )
  expect(cluster.broker.asked('Heartbeat').length).toBeGreaterThan(beats)
  cluster.append(0, 'b')
  await read('a', 'b')
  await session.commit(new Map([[0, 2]]))
  expect(cluster.committed.get(0)).toBe(2)
})

test('a member that waits with others goes on reading when the broker hangs up on all', async () => {
  cluster.append(0, 'a')
  run(undefined, new SharedLinks({ clientId: 'shared', clock }))
  await read('a')
  await rest()
  cluster.broker.hangUp()
  cluster.append(0, 'b')
  await until(() => heard.values.includes('b'), 'it reads on', 100)
  expect(heard.values).toEqual(['a', 'b'])
})

test('a member that waits with others learns at once of a leader that moved', async () => {
  const other = await secondNode()
  cluster.append(0, 'a')
  run(undefined, new SharedLinks({ clientId: 'shared', clock }))
  await read('a')
  await rest()
  cluster.leaderId = 2
  const before = other.asked('Fetch').length
  await until(() => other.asked('Fetch').length > before, 'it asks the new leader', 1000)
  cluster.append(0, 'b')
  await read('a', 'b')
})

async function secondNode(): Promise<PlayedBroker> {
  const other = await PlayedBroker.start(cluster.broker.rules)
  onTestFinished(() => other.stop())
  cluster.ports.push(other.port)
  return other
}

test('a leader that moves is followed', async () => {
  const other = await secondNode()
  cluster.append(0, 'a')
  run()
  await read('a')
  cluster.leaderId = 2
  cluster.refuse('Fetch 0', 'NOT_LEADER_OR_FOLLOWER')
  cluster.append(0, 'b')
  await read('a', 'b')
  expect(other.asked('Fetch').length).toBeGreaterThan(0)
  expect(heard.events).toEqual(['assigned 0', 'well'])
})

test('a coordinator that moves is followed, and knows the member', async () => {
  const other = await secondNode()
  cluster.append(0, 'a')
  run()
  await read('a')
  cluster.coordinatorId = 2
  cluster.refuse('Heartbeat', 'NOT_COORDINATOR')
  await joined(2)
  expect(heard.events[2]).toBe('assigned 0 continued')
  await session.commit(new Map([[0, 1]]))
  expect(other.asked('OffsetCommit').length).toBe(1)
})

test('a leader that dies amid a fetch leaves its partitions to another, in the same session', async () => {
  const other = await secondNode()
  cluster.leaderId = 2
  cluster.append(0, 'a')
  run()
  await read('a')
  await until(() => other.isWaiting, 'a fetch is under way')
  cluster.leaderId = 1
  other.hangUp()
  cluster.append(0, 'b')
  await read('a', 'b')
  expect(heard.events).toEqual(['assigned 0', 'well'])
})

test('half an answer to a fetch is no answer', async () => {
  cluster.append(0, 'a')
  const { rules } = cluster.broker
  const whole = rules.Fetch
  rules.Fetch = () => Buffer.from([0, 0, 1, 0, 0, 0, 0, 1, 9, 9])
  run()
  await until(() => cluster.broker.asked('Fetch').length > 0, 'is asked')
  Object.assign(rules, { Fetch: whole })
  cluster.broker.hangUp()
  await read('a')
  expect(heard.events.filter((event) => !/^assigned 0|^well$/.test(event))).toEqual([])
})

test('a broker that dies ends the session with a sentence about it', async () => {
  cluster.append(0, 'a')
  run()
  await read('a')
  const { address } = cluster.broker
  await cluster.broker.stop()
  await until(() => heard.events.length >= 0, '')
  const ended = running
  let error: unknown
  void ended.then((value) => {
    error = value
  })
  await until(() => error !== undefined, 'the session ends', consumerRetryMaxMs)
  expect(error).toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringContaining(`no broker answers at ${address}: `) as string,
  })
  cluster = await PlayedCluster.start()
})

test('a member that comes back with a new session is known, and goes on', async () => {
  cluster.append(0, 'a')
  run()
  await read('a')
  const { broker } = cluster
  broker.rules.Fetch = () => ({ errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED, responses: [] })
  broker.hangUp()
  let error: unknown
  void running.then((value) => {
    error = value
  })
  await until(() => error !== undefined, 'the session ends', consumerRetryMaxMs)
  expect(error).toMatchObject({ code: 'BROKER_REFUSED' })
  const fresh = await PlayedCluster.start()
  Object.assign(fresh, { generation: cluster.generation, memberId: cluster.memberId })
  await broker.stop()
  cluster = fresh
  cluster.append(0, 'a', 'b')
  run()
  await read('a', 'b')
  expect(heard.events.findLast((event) => event.startsWith('assigned'))).toBe(
    'assigned 0 continued',
  )
})

test('offsets that retention took are passed over', async () => {
  cluster.committed.set(0, 2)
  cluster.starts = [5]
  cluster.append(0, 'f')
  run()
  await read('f')
  expect(heard.events).not.toContain('rewound 0')
})

test('a log that ends below what was committed is read from its start', async () => {
  cluster.committed.set(0, 9)
  cluster.append(0, 'a')
  run()
  await read('a')
  expect(heard.events).toContain('rewound 0')
})

test('a topic made anew is read from its start', async () => {
  cluster.append(0, 'a')
  run()
  await read('a')
  cluster.topicId = topicIds[1] ?? ''
  cluster.logs = [['x', 'y']]
  cluster.append(0, 'z')
  await read('a', 'x', 'y', 'z')
  expect(heard.events).toContain('rewound 0')
})

test('a topic made anew between two sessions is read from its start, whatever was committed', async () => {
  memory.topicId = topicIds[1]
  cluster.committed.set(0, 1)
  cluster.append(0, 'a', 'b')
  run({ kind: 'LATEST' })
  await read('a', 'b')
  expect(heard.events).toContain('rewound 0')
})

test('a topic that is gone ends the session with a sentence about it', async () => {
  run()
  await joined(1)
  cluster.broker.rules.Metadata = () => ({ brokers: [], topics: [] })
  clock.advance(metadataMaxAgeMs)
  expect(await running).toMatchObject({ code: 'TOPIC_MISSING' })
})

test('new partitions are dealt out by the leader, and read from their start', async () => {
  cluster.append(0, 'old')
  run({ kind: 'LATEST' })
  await joined(1)
  await until(() => cluster.committed.has(0), 'starts at the end')
  cluster.logs.push(['new'])
  cluster.starts.push(0)
  clock.advance(metadataMaxAgeMs)
  await read('new')
  expect(heard.events).toContain('assigned 0,1 continued')
})

test('a partition without a leader is a problem after a while, until it has one; others are read', async () => {
  cluster.logs.push(['of the other'])
  cluster.starts.push(0)
  const { rules } = cluster.broker
  rules.Metadata = () => {
    const { topics, ...rest } = cluster.metadata()
    const [topic] = topics
    if (topic === undefined) return { topics, ...rest }
    const partitions = topic.partitions.map((partition, index) =>
      Object.assign(partition, index === 0 ? { leaderId: -1 } : {}),
    )
    return { ...rest, topics: [{ ...topic, partitions }] }
  }
  cluster.committed.set(0, 0)
  cluster.append(0, 'of the first')
  cluster.committed.set(1, 0)
  run()
  await read('of the other')
  const told = 'partition 0 cannot be read: there is no leader'
  await until(() => heard.events.includes(told), 'is told', consumerRetryMaxMs)
  rules.Metadata = () => cluster.metadata()
  await read('of the other', 'of the first')
  expect(heard.events.at(-1)).toBe('well')
})

/** Kafka before 0.11: offset i64 | size i32 | crc i32 | magic i8 | attributes i8 | timestamp i64 | key | value. */
function oldMessage(valueBytes: number): Buffer {
  const message = Buffer.alloc(34 + valueBytes)
  message.writeInt32BE(22 + valueBytes, 8)
  message.writeInt8(1, 16)
  message.writeInt32BE(-1, 26)
  message.writeInt32BE(valueBytes, 30)
  return message
}

const damaged = encodeBatch({ records: [{ key: null, value: Buffer.alloc(99), timestamp: 1 }] })
damaged.writeInt8(1, 100)

test.each([
  ['no whole batch', 'no whole batch', Buffer.alloc(80, 2)],
  ['a damaged batch', 'CRC-32C is', damaged],
  ['a short message of an old format', '--kafka-client kafkajs', oldMessage(1)],
  ['a long message of an old format', '--kafka-client kafkajs', oldMessage(1000)],
])('%s ends the session with a sentence, and is not handed on', async (_, words, records) => {
  cluster.broker.rules.Fetch = ({ topics }) => {
    const place = { partitionIndex: 0, highWatermark: 1, lastStableOffset: 1 }
    const partitions = [{ ...place, errorCode: 0, records }]
    return { responses: [{ topicId: topics[0]?.topicId, partitions }] }
  }
  run()
  expect(await running).toMatchObject({
    code: 'BROKER_ANSWER_INVALID',
    message: expect.stringContaining(words) as string,
  })
  expect(heard.values).toEqual([])
})

test.each([
  'GROUP_AUTHORIZATION_FAILED',
  'INCONSISTENT_GROUP_PROTOCOL',
  'FENCED_INSTANCE_ID',
] as const)('a group that refuses by %s ends the session', async (error) => {
  cluster.refuse('JoinGroup', error)
  run()
  expect(await running).toMatchObject({
    message: expect.stringContaining(`group g: ${error}`) as string,
  })
})
