// Tests that a transaction ends as it was decided: across crashes, failing disks, timeouts and rivals.
import { expect, test } from 'vitest'
import { silentLogger } from '../../common/logger.ts'
import {
  transactionalIdExpirationMs,
  transactionMarkerRetryMs,
  transactionTimeoutCheckIntervalMs,
  transactionTimeoutMaxMs,
} from '../../common/producer-limits.ts'
import { openStore, partitionOf, sequencedBatch } from '../../test/support/log-store.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import { openCoordinators, type Coordinators } from '../coordinators.ts'
import type { LogStore } from '../log/log-store.ts'
import { offsetsTopicName } from '../groups/offset-store.ts'
import type { ProducerClaim } from './transaction.ts'

interface Broker extends Coordinators {
  readonly store: LogStore
  readonly files: MemoryFileSystem
  readonly clock: ManualClock
}

async function open(files = new MemoryFileSystem(), clock = new ManualClock()): Promise<Broker> {
  const { store } = await openStore({ files, clock })
  await files.makeDirectory('/broker')
  const coordinators = await openCoordinators({
    store,
    clock,
    logger: silentLogger,
    files,
    directory: '/broker',
    groupInitialRebalanceDelayMs: 0,
  })
  for (const name of ['a', 'b']) {
    if (store.topic(name) === undefined) await store.createTopic(name, { partitions: 2 })
  }
  return { ...coordinators, store, files, clock }
}

async function initialize(broker: Broker, id = 'id', timeoutMs = 60_000): Promise<ProducerClaim> {
  const given = await broker.transactions.initialize(id, { timeoutMs, held: undefined })
  if (typeof given === 'string') throw new Error(given)
  return given
}

const places = [
  ['a', 0],
  ['a', 1],
  ['b', 0],
] as const
const offsetKey = { group: 'g', topic: 'a', partition: 0 }

/** Begins a transaction that has written to three partitions, and committed an offset of a group. */
async function begin(broker: Broker, producer: ProducerClaim, sequence = 0): Promise<void> {
  const { transactions, store, transactionalOffsets } = broker
  const claim = { transactionalId: 'id', ...producer }
  const partitions = new Map([
    ['a', new Set([0, 1])],
    ['b', new Set([0])],
    [offsetsTopicName, new Set([0])],
  ])
  expect(await transactions.addPartitions(claim, partitions)).toBe('NONE')
  for (const [topic, partition] of places) {
    expect(transactions.writeError(claim, { topic, partition })).toBeUndefined()
    const { producerId, producerEpoch: epoch } = producer
    const batch = sequencedBatch({ producerId, epoch, isTransactional: true }, sequence, ['x'])
    const result = partitionOf(store, topic, partition).append(batch)
    if (!result.ok) throw new Error(result.reason)
    await result.committed
  }
  const group = { groupId: 'g', claim: { generationId: -1, memberId: '', groupInstanceId: null } }
  const offset = { topic: 'a', partition: 0, offset: 100 + sequence, leaderEpoch: 0, metadata: '' }
  expect(await transactionalOffsets.commit(group, producer, [offset])).toBe('NONE')
}

/** How the transaction ended, as readers see it; they must all see the same. */
async function fate(broker: Broker): Promise<'open' | 'commit' | 'abort'> {
  const { store, transactionalOffsets, coordinator } = broker
  const fates = new Set<string>()
  for (const [topic, index] of places) {
    const partition = partitionOf(store, topic, index)
    const isOver = partition.lastStableOffset === partition.highWatermark
    const aborted = await partition.producers.aborted.find(0, partition.highWatermark)
    fates.add(!isOver ? 'open' : aborted.length > 0 ? 'abort' : 'commit')
  }
  const isPending = transactionalOffsets.isUnstable(offsetKey)
  const offset = coordinator.offset('g', 'a', 0)?.offset
  fates.add(isPending ? 'open' : offset === undefined ? 'abort' : 'commit')
  expect([...fates]).toHaveLength(1)
  return [...fates][0] as 'open'
}

test('a commit is seen by all partitions and the group, an abort by none', async () => {
  for (const isCommit of [true, false]) {
    const broker = await open()
    const producer = await initialize(broker)
    await begin(broker, producer)
    expect(await fate(broker)).toBe('open')
    const claim = { transactionalId: 'id', ...producer }
    expect(await broker.transactions.end(claim, isCommit)).toBe('NONE')
    expect(await fate(broker)).toBe(isCommit ? 'commit' : 'abort')
    expect(await broker.transactions.end(claim, isCommit)).toBe('NONE')
    expect(await broker.transactions.end(claim, !isCommit)).toBe('INVALID_TXN_STATE')
    expect(await broker.store.check()).toEqual([])
    const { committed, aborted } = broker.transactions.counters
    expect([committed, aborted]).toEqual(isCommit ? [1, 0] : [0, 1])
  }
})

test('one transaction after another with the same epoch, on the same partitions', async () => {
  const broker = await open()
  const producer = await initialize(broker)
  for (let n = 0; n < 5; n++) {
    await begin(broker, producer, n)
    expect(await broker.transactions.end({ transactionalId: 'id', ...producer }, true)).toBe('NONE')
  }
  expect(broker.coordinator.offset('g', 'a', 0)?.offset).toBe(104)
  expect(await fate(broker)).toBe('commit')
})

test('whoever asks for the id aborts what is open, and the one before is fenced', async () => {
  const broker = await open()
  const { transactions } = broker
  const old = await initialize(broker)
  await begin(broker, old)
  const asked = { timeoutMs: 60_000, held: undefined }
  expect(await transactions.initialize('id', asked)).toBe('CONCURRENT_TRANSACTIONS')
  expect(await fate(broker)).toBe('abort')
  const producer = await initialize(broker)
  expect(producer).toEqual({ producerId: old.producerId, producerEpoch: old.producerEpoch + 2 })
  const claim = { transactionalId: 'id', ...old }
  expect(await transactions.end(claim, true)).toBe('PRODUCER_FENCED')
  expect(transactions.writeError(claim, { topic: 'a', partition: 0 })).toBe('PRODUCER_FENCED')
  expect(transactions.counters.fenced).toBe(2)
  const late = sequencedBatch({ producerId: old.producerId, isTransactional: true }, 1, ['late'])
  expect(partitionOf(broker.store, 'a').append(late)).toMatchObject({
    error: 'INVALID_PRODUCER_EPOCH',
  })
})

test.each([0, -1, transactionTimeoutMaxMs + 1])(
  'a timeout of %d ms is refused',
  async (timeoutMs) => {
    const { transactions } = await open()
    const given = await transactions.initialize('id', { timeoutMs, held: undefined })
    expect(given).toBe('INVALID_TRANSACTION_TIMEOUT')
    expect(transactions.transaction('id')).toBeUndefined()
  },
)

test('an empty or endless id is refused', async () => {
  const { transactions } = await open()
  for (const id of ['', 'x'.repeat(2000)]) {
    const given = await transactions.initialize(id, { timeoutMs: 1000, held: undefined })
    expect(given).toBe('INVALID_REQUEST')
  }
})

test('a transaction that takes too long is aborted, and its producer fenced', async () => {
  const broker = await open()
  const producer = await initialize(broker, 'id', 30_000)
  await begin(broker, producer)
  broker.clock.advance(30_000)
  expect(await fate(broker)).toBe('open')
  broker.clock.advance(transactionTimeoutCheckIntervalMs)
  await expect.poll(() => broker.transactions.transaction('id')?.state).toBe('CompleteAbort')
  expect(await fate(broker)).toBe('abort')
  expect(await broker.transactions.end({ transactionalId: 'id', ...producer }, true)).toBe(
    'PRODUCER_FENCED',
  )
  expect(broker.transactions.counters).toMatchObject({ aborted: 1, timedOut: 1 })
})

test('ids that nobody uses for seven days are forgotten, for good; others are not', async () => {
  const broker = await open()
  await initialize(broker, 'idle')
  const busy = await initialize(broker)
  await begin(broker, busy)
  await broker.transactions.end({ transactionalId: 'id', ...busy }, true)
  broker.clock.advance(transactionalIdExpirationMs - 60_000)
  await initialize(broker)
  broker.clock.advance(60_000)
  await expect.poll(() => broker.transactions.transaction('idle')).toBeUndefined()
  expect(broker.transactions.transaction('id')).toBeDefined()
  await expect
    .poll(async () => (await open(broker.files.kill())).transactions.transactions)
    .toHaveLength(1)
})

test('what is decided and cannot be written is tried again until it is', async () => {
  const broker = await open()
  const { transactions, clock, files } = broker
  const producer = await initialize(broker)
  await begin(broker, producer)
  const claim = { transactionalId: 'id', ...producer }
  let writes = 0
  // The first write is that of the decision.
  files.fault = (operation, path) =>
    operation === 'write' && path.endsWith('.wal') && writes++ > 0 ? 'ENOSPC' : undefined
  expect(await transactions.end(claim, true)).toBe('NONE')
  expect(transactions.transaction('id')?.state).toBe('PrepareCommit')
  expect(await transactions.end(claim, true)).toBe('CONCURRENT_TRANSACTIONS')
  const asked = { timeoutMs: 60_000, held: undefined }
  expect(await transactions.initialize('id', asked)).toBe('CONCURRENT_TRANSACTIONS')
  files.fault = () => undefined
  clock.advance(transactionMarkerRetryMs)
  await expect.poll(() => transactions.transaction('id')?.state).toBe('CompleteCommit')
  expect(await fate(broker)).toBe('commit')
})

test('a decision that cannot be written is none', async () => {
  const broker = await open()
  const { transactions, files } = broker
  const producer = await initialize(broker)
  await begin(broker, producer)
  const claim = { transactionalId: 'id', ...producer }
  files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined)
  expect(await transactions.end(claim, true)).toBe('COORDINATOR_NOT_AVAILABLE')
  const given = await transactions.initialize('other', { timeoutMs: 1000, held: undefined })
  expect(given).toBe('COORDINATOR_NOT_AVAILABLE')
  files.fault = () => undefined
  expect(await fate(broker)).toBe('open')
  expect(await transactions.end(claim, false)).toBe('NONE')
  expect(await fate(broker)).toBe('abort')
})

test('a topic that is deleted meanwhile does not keep its transaction from ending', async () => {
  const broker = await open()
  const producer = await initialize(broker)
  await begin(broker, producer)
  await broker.store.deleteTopic('b')
  const claim = { transactionalId: 'id', ...producer }
  expect(await broker.transactions.end(claim, true)).toBe('NONE')
  expect(broker.transactions.transaction('id')?.state).toBe('CompleteCommit')
})

test('states survive a restart, and the timeout goes on from the start of the transaction', async () => {
  const first = await open()
  const producer = await initialize(first, 'id', 30_000)
  await begin(first, producer)
  first.clock.advance(25_000)
  const second = await open(first.files.kill(), first.clock)
  expect(await fate(second)).toBe('open')
  expect(second.transactions.transaction('id')).toMatchObject({ state: 'Ongoing', ...producer })
  first.clock.advance(20_000)
  await expect.poll(() => second.transactions.transaction('id')?.state).toBe('CompleteAbort')
  expect(await fate(second)).toBe('abort')
})

test('of two changes at once one is refused, to be asked for again', async () => {
  const broker = await open()
  const producer = await initialize(broker)
  const claim = { transactionalId: 'id', ...producer }
  const partitions = new Map([['a', new Set([0])]])
  const outcomes = await Promise.all([
    broker.transactions.addPartitions(claim, partitions),
    broker.transactions.addPartitions(claim, partitions),
    broker.transactions.initialize('id', { timeoutMs: 1000, held: undefined }),
  ])
  expect(outcomes).toEqual(['NONE', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS'])
})

for (let run = 0; run < 40; run++) {
  test(`a kill or a power cut at any moment of the end leaves one fate, SEED=${seed} run ${run}`, async () => {
    const random = randomFrom(seed + run * 32_452_843)
    const isCommit = random() < 0.5
    const broker = await open()
    const producer = await initialize(broker)
    await begin(broker, producer)
    const claim = { transactionalId: 'id', ...producer }
    let answer = 'none'
    void broker.transactions.end(claim, isCommit).then((error) => (answer = error))
    for (let turn = Math.floor(random() * 14); turn > 0; turn--) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    const answered = answer
    const files = random() < 0.4 ? broker.files.kill() : broker.files.cut(random)
    const after = await open(files, broker.clock)
    const decided = isCommit ? 'commit' : 'abort'
    const found = await fate(after)
    if (answered === 'NONE') expect(found).toBe(decided)
    // Undecided, it is still open, and the producer may say again how it ends.
    else expect(['open', decided]).toContain(found)
    const error = await after.transactions.end(claim, isCommit)
    expect(error).toBe('NONE')
    expect(await fate(after)).toBe(decided)
    const again = await open(after.files.kill(), broker.clock)
    expect(await fate(again)).toBe(decided)
    expect(await again.store.check()).toEqual([])
  })
}
