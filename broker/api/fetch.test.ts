// Tests what a fetch reads for its answer: no more than has room, and nothing for readers at the end of the log.
import { expect, test } from 'vitest'
import { errorCodes } from '../../protocol/error-codes.ts'
import { append, openStore, partitionOf, recordsOf } from '../../test/support/log-store.ts'
import { ApiCounters } from './api-counters.ts'
import type { Call } from './broker-context.ts'
import { fetch } from './fetch.ts'

const record = 'x'.repeat(5000)

/** What the requests have in common. */
const consumer = {
  clusterId: null,
  replicaId: -1,
  replicaState: { replicaId: -1, replicaEpoch: -1 },
  maxWaitMs: 500,
  minBytes: 1,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  forgottenTopicsData: [],
  rackId: '',
}

async function broker(partitions: number) {
  const { store, files, clock } = await openStore()
  await store.createTopic('t', { partitions })
  let reads = 0
  files.fault = (operation, path) => {
    if (operation === 'read' && path.endsWith('.log')) reads += 1
    return undefined
  }
  const context = { store, clock, counters: new ApiCounters() }
  const call: Call = {
    version: 11,
    clientId: '',
    clientHost: '/127.0.0.1',
    advertised: { host: '127.0.0.1', port: 9092 },
    signal: new AbortController().signal,
    code: (error) => errorCodes[error],
  }
  /** How many records of each partition come, when all are asked from these offsets on. */
  const ask = async (offsets: readonly number[], maxBytes: number): Promise<readonly number[]> => {
    const request = {
      ...consumer,
      maxBytes,
      topics: [{ topic: 't', topicId: '', partitions: offsets.map(wanted) }],
    }
    const { responses } = await fetch(context, request, call)
    return (responses[0]?.partitions ?? []).map(({ records }) => {
      const chunks = Array.isArray(records) ? (records as readonly Buffer[]) : []
      return chunks.flatMap(recordsOf).length
    })
  }
  return { store, files, ask, reads: () => reads }
}

function wanted(fetchOffset: number, partition: number) {
  const epochs = { currentLeaderEpoch: -1, lastFetchedEpoch: -1, logStartOffset: -1 }
  return { ...epochs, partition, fetchOffset, partitionMaxBytes: 1_000_000, replicaDirectoryId: '' }
}

test('once the next batches of four partitions had no room the others are not read for nothing', async () => {
  const { store, ask, reads } = await broker(20)
  for (let index = 0; index < 20; index++) {
    await append(partitionOf(store, 't', index), [record])
    await partitionOf(store, 't', index).fill()
  }
  const offsets = Array.from({ length: 20 }, () => 0)
  const answer = await ask(offsets, 7000)
  expect(answer).toEqual([1, ...offsets.slice(1)])
  expect(reads()).toBe(5)
})

test('partitions are read beside each other where there is room for all that they may give', async () => {
  const { store, files, ask } = await broker(12)
  const offsets = Array.from({ length: 12 }, () => 0)
  for (const index of offsets.keys()) {
    await append(partitionOf(store, 't', index), [record])
    await partitionOf(store, 't', index).fill()
  }
  const turnOf: number[] = []
  let turn = 0
  const count = (): void => {
    turn += 1
    turning = setImmediate(count)
  }
  let turning = setImmediate(count)
  files.fault = (operation) => {
    if (operation === 'read') turnOf.push(turn)
    return undefined
  }
  // Each may give a megabyte: beside the first, of which that was not known, five at a time.
  expect(await ask(offsets, 5_500_000)).toEqual(offsets.map(() => 1))
  clearImmediate(turning)
  expect(turnOf).toHaveLength(12)
  expect(new Set(turnOf).size).toBe(4)
})

test('who was asked for and had no room is read ahead, for the next answer', async () => {
  const { store, files, ask } = await broker(4)
  for (let index = 0; index < 4; index++) {
    await append(partitionOf(store, 't', index), [record])
    await partitionOf(store, 't', index).fill()
  }
  expect(await ask([0, 0, 0, 0], 5200)).toEqual([1, 0, 0, 0])
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  files.fault = (operation) => (operation === 'read' ? 'EIO' : undefined)
  expect(await ask([1, 0, 0, 0], 50_000)).toEqual([0, 1, 1, 1])
})

test('a smaller batch behind one that had no room still comes', async () => {
  const { store, ask } = await broker(3)
  for (const [index, value] of [record, record, 'small'].entries()) {
    await append(partitionOf(store, 't', index), [value])
    await partitionOf(store, 't', index).fill()
  }
  expect(await ask([0, 0, 0], 7000)).toEqual([1, 0, 1])
})

test('a parked consumer is answered from memory as soon as something is committed', async () => {
  const { store, ask, reads } = await broker(2)
  for (let offset = 0; offset < 5; offset++) {
    const answer = ask([offset, 0], 1_000_000)
    await append(partitionOf(store, 't'), [record])
    expect(await answer).toEqual([1, 0])
    await partitionOf(store, 't').fill()
  }
  expect(reads()).toBe(0)
})

test('a consumer that reads on from the start finds its next answer read', async () => {
  const { store, files, ask } = await broker(1)
  for (let count = 0; count < 3; count++) await append(partitionOf(store, 't'), [record])
  await partitionOf(store, 't').fill()
  expect(await ask([0], 6000)).toEqual([1])
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  files.fault = () => 'EIO'
  expect(await ask([1], 6000)).toEqual([1])
})
