// Tests offsets of open transactions: pending, then there or gone, whatever happens to the journal.
import { expect, test } from 'vitest'
import { silentLogger } from '../../common/logger.ts'
import { openStore, partitionOf } from '../../test/support/log-store.ts'
import type { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { offsetRecords, type OffsetRecord } from './offset-record.ts'
import { OffsetStore, offsetsTopicName } from './offset-store.ts'

async function open(files?: MemoryFileSystem, journalMaxBytes = 1_000_000) {
  const opened = await openStore(files === undefined ? {} : { files })
  const { store, clock } = opened
  if (store.topic(offsetsTopicName) === undefined) {
    await store.createTopic(offsetsTopicName, { partitions: 1, internal: true })
  }
  const log = partitionOf(store, offsetsTopicName)
  const options = { log, clock, logger: silentLogger, journalMaxBytes }
  return { files: opened.files, log, offsets: await OffsetStore.open(options) }
}

function offset(partition: number, at: number): readonly OffsetRecord[] {
  const one = { topic: 't', partition, offset: at, leaderEpoch: -1, metadata: '' }
  return offsetRecords('g', [one], 1000)
}

const key = (partition: number) => ({ group: 'g', topic: 't', partition })
const one = { producerId: 1, producerEpoch: 0 }
const two = { producerId: 2, producerEpoch: 0 }

test('a pending offset is not there until its transaction is committed; the last one of each counts', async () => {
  const { offsets } = await open()
  await offsets.write(offset(0, 5))
  await offsets.writePending(one, offset(0, 10))
  await offsets.writePending(one, offset(0, 11))
  expect(offsets.table.get(key(0))?.offset).toBe(5)
  expect([offsets.pending.has(key(0)), offsets.pending.has(key(1))]).toEqual([true, false])
  await offsets.endTransaction(one, 'commit')
  expect(offsets.table.get(key(0))?.offset).toBe(11)
  expect([offsets.pending.has(key(0)), offsets.pending.size]).toEqual([false, 0])
})

test('an abort drops one producer’s offsets and leaves those of another', async () => {
  const { offsets } = await open()
  await offsets.writePending(one, offset(0, 10))
  await offsets.writePending(two, offset(0, 20))
  await offsets.endTransaction(one, 'abort')
  expect([offsets.pending.has(key(0)), offsets.table.get(key(0))]).toEqual([true, undefined])
  await offsets.endTransaction(two, 'commit')
  expect(offsets.table.get(key(0))?.offset).toBe(20)
})

test('pending offsets survive a kill, and a journal that was written anew many times', async () => {
  const { offsets, files, log } = await open(undefined, 2000)
  await offsets.writePending(one, offset(0, 10))
  await offsets.writePending(two, offset(1, 20))
  for (let n = 0; n < 200; n++) await offsets.write(offset(2, n))
  await offsets.close()
  expect(log.logStartOffset).toBeGreaterThan(100)
  const { offsets: again } = await open(files.kill())
  expect([...again.topics()]).toEqual(['t'])
  await again.endTransaction(one, 'commit')
  await again.endTransaction(two, 'abort')
  const { offsets: later } = await open(files.kill())
  // That was another world; here both are pending still.
  expect([later.pending.size, later.table.get(key(2))?.offset]).toEqual([2, 199])
  expect([again.table.get(key(0))?.offset, again.table.get(key(1))]).toEqual([10, undefined])
})

test('what was decided is the same after a kill', async () => {
  const { offsets, files } = await open()
  await offsets.writePending(one, offset(0, 10))
  await offsets.writePending(two, offset(1, 20))
  await offsets.endTransaction(one, 'commit')
  await offsets.endTransaction(two, 'abort')
  const { offsets: again } = await open(files.kill())
  expect([again.table.get(key(0))?.offset, again.table.get(key(1))]).toEqual([10, undefined])
  expect(again.pending.size).toBe(0)
})

test('a pending offset that could not be written leaves the one before it', async () => {
  const { offsets, files } = await open()
  await offsets.writePending(one, offset(0, 10))
  files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined)
  await expect(offsets.writePending(one, offset(0, 11))).rejects.toThrow('ENOSPC')
  await expect(offsets.writePending(one, offset(1, 1))).rejects.toThrow('ENOSPC')
  files.fault = () => undefined
  await offsets.endTransaction(one, 'commit')
  expect([offsets.table.get(key(0))?.offset, offsets.table.get(key(1))]).toEqual([10, undefined])
})

test('a deleted topic takes its pending offsets along', async () => {
  const { offsets } = await open()
  await offsets.writePending(one, offset(0, 10))
  await offsets.removeTopic('t')
  await offsets.endTransaction(one, 'commit')
  expect([offsets.table.get(key(0)), offsets.pending.size]).toEqual([undefined, 0])
})
