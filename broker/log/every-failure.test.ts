// Tests a disk that fails at each of its operations in turn: refused, nothing lost, and writing goes on afterwards.
import { expect, test } from 'vitest'
import { openStore, partitionOf } from '../../test/support/log-store.ts'
import { LogWitness } from '../../test/support/log-witness.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { isStorageError } from './file-system.ts'
import type { LogStore } from './log-store.ts'

const limits = {
  walFileMaxBytes: 900,
  segmentFillBytes: 300,
  walFilesMax: 3,
  openFilesMax: 2,
  unloggedMaxBytes: 3000,
}
const configs = { 'segment.bytes': '400' }

/** Everything that touches the disk while a log is open, once or more. */
async function work(store: LogStore, witness: LogWitness, clock: ManualClock): Promise<void> {
  for (let n = 0; n < 8; n++) {
    const partition = store.topic('t0')?.partitions[n % 2]
    if (partition === undefined) continue
    await witness.append(partition, [60, 90])
    clock.advance(200)
    if (n === 3) await witness.deleteRecords(partition, Math.min(2, partition.highWatermark))
    if (n === 4) await witness.createTopic(store, configs)
    if (n === 5) await witness.addPartition(store, 't0')
    if (n === 6) await witness.deleteTopic(store, 't1')
  }
}

const ways = [
  { way: 'ahead', limits },
  { way: 'straight', limits: { ...limits, directMinBytes: 100, directAheadMaxBytes: 1000 } },
  {
    way: 'straight in blocks',
    limits: {
      ...limits,
      directMinBytes: 100,
      directAheadMaxBytes: 1000,
      blockWriteMinBytes: 64,
      blockPieceBytes: 64,
      blockReadMinBytes: 1,
    },
  },
]

const failures = [
  { code: 'ENOSPC', length: 1 },
  { code: 'ENOSPC', length: 6 },
  { code: 'EIO', length: 1 },
  { code: 'EIO', length: 6 },
]

for (const { way, limits } of ways) {
  for (const { code, length } of failures) {
    test(`${code} at any ${length} operations in a row of a log written ${way} loses nothing, and writing resumes`, async () => {
      for (let from = 0, isReached = true; isReached; from++) {
        const clock = new ManualClock()
        const witness = new LogWitness()
        const { store, files } = await openStore({ limits, clock })
        await witness.createTopic(store, configs)
        let operation = 0
        files.fault = () => {
          const number = operation++
          return number >= from && number < from + length ? code : undefined
        }
        await work(store, witness, clock)
        isReached = operation > from
        files.fault = () => undefined
        witness.noteRetention(store)
        const where = `from operation ${from}`
        expect(await witness.flaws(store), where).toEqual([])
        expect(await resumed(store, witness), where).toBe(true)
        for (const left of [files.kill(), files.cut(() => 0), files.cut(() => 0.99)]) {
          const { store: again } = await openStore({ files: left, limits, clock })
          expect(await witness.flaws(again), where).toEqual([])
        }
      }
    })
  }
}

/** Whether a record is taken at once, or, where the log has to clear up first, the time after. */
async function resumed(store: LogStore, witness: LogWitness): Promise<boolean> {
  const before = witness.records
  for (let attempt = 0; attempt < 2 && witness.records === before; attempt++) {
    await witness.append(partitionOf(store, 't0'), [10])
  }
  return witness.records > before
}

test('a start that fails at any of its operations fails as such, and the next one finds everything', async () => {
  const clock = new ManualClock()
  const witness = new LogWitness()
  const { store, files } = await openStore({ limits, clock })
  await witness.createTopic(store, configs)
  await work(store, witness, clock)
  witness.noteRetention(store)
  witness.newLife()
  const crashed = files.kill()
  for (let from = 0, isReached = true; isReached; from++) {
    const disk: MemoryFileSystem = crashed.kill()
    let operation = 0
    disk.fault = () => (operation++ === from ? 'EIO' : undefined)
    const opened = await openStore({ files: disk, limits, clock }).then(
      () => true,
      (error: unknown) => {
        if (!isStorageError(error)) throw error
        return false
      },
    )
    isReached = operation > from
    if (!isReached) expect(opened).toBe(true)
    disk.fault = () => undefined
    for (const left of [disk.kill(), disk.cut(() => 0)]) {
      const { store: again } = await openStore({ files: left, limits, clock })
      expect(await witness.flaws(again), `after operation ${from}`).toEqual([])
    }
  }
})
