// Tests that no producer id is given out twice, whatever becomes of the file or the process.
import { expect, test } from 'vitest'
import { producerIdBlock } from '../../common/producer-limits.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import { ProducerIds } from './producer-ids.ts'

const path = '/broker/producer-ids'

/** The broker's directory is there for good before anything is opened in it. */
async function open(files: MemoryFileSystem): Promise<ProducerIds> {
  await files.makeDirectory('/broker')
  await files.syncDirectory('/')
  return ProducerIds.open(files, '/broker')
}

test('ids follow each other, and a block of them costs one write', async () => {
  const files = new MemoryFileSystem()
  const ids = await open(files)
  const given: number[] = []
  for (let n = 0; n < producerIdBlock; n++) given.push(await ids.next())
  expect(given).toEqual(Array.from({ length: producerIdBlock }, (_, n) => n))
  expect(files.flushes.get(`${path}.tmp`)).toBe(1)
})

test('many who ask at once get an id each', async () => {
  const ids = await open(new MemoryFileSystem())
  const given = await Promise.all(Array.from({ length: 2500 }, () => ids.next()))
  expect(new Set(given).size).toBe(2500)
})

test(`no id comes twice after a power cut or a kill, SEED=${seed}`, async () => {
  const random = randomFrom(seed)
  const seen = new Set<number>()
  let files = new MemoryFileSystem()
  for (let life = 0; life < 30; life++) {
    const ids = await open(files)
    for (let n = Math.floor(random() * 1500); n >= 0; n--) {
      const id = await ids.next()
      expect(seen.has(id)).toBe(false)
      seen.add(id)
    }
    files = random() < 0.5 ? files.kill() : files.cut(random)
  }
})

test('while the block cannot be written no id is given out, and afterwards they are', async () => {
  const files = new MemoryFileSystem()
  const ids = await open(files)
  files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined)
  await expect(ids.next()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  files.fault = () => undefined
  expect(await ids.next()).toBe(0)
})

test.each(['', '-1', '12x', '99999999999999999', '\0\0\0\0'])(
  'a file that holds %j is refused: ids must not begin again',
  async (text) => {
    const files = new MemoryFileSystem()
    files.put(path, Buffer.from(text))
    await expect(open(files)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  },
)
