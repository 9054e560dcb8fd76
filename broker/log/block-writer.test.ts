// Tests of writes past the page cache: files are what they would be without, and memory is bounded.
import { constants } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import { BlockWriter } from './block-writer.ts'
import { nodeFileSystem, type OpenFile } from './file-system.ts'

const block = 64
const options = { blockBytes: block, minBytes: block }

/** Bytes that tell where they belong. */
function bytesFrom(position: number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => ((position + index) * 7) % 251))
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'blocks-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

test(`writes that follow each other leave what was written, however they are cut, SEED=${seed}`, async () => {
  const random = randomFrom(seed)
  const files = new MemoryFileSystem()
  await files.makeDirectory('/d')
  const writer = new BlockWriter(options)
  writer.use(await files.blockMemory('/d', { count: 2, bytes: 2 * block }))
  const file = await files.open('/d/f', 'create')
  let end = 0
  for (let n = 0; n < 200; n++) {
    const buffers: Buffer[] = []
    const position = end
    for (let parts = 1 + Math.floor(random() * 4); parts > 0; parts--) {
      const length = Math.floor(random() * 3 * block)
      buffers.push(bytesFrom(end, length))
      end += length
    }
    await writer.write(file, buffers, position)
  }
  expect(files.bytesOf('/d/f')).toEqual(bytesFrom(0, end))
  expect(files.blocksWritten).toBeGreaterThan(200)
})

test('what two writes share goes through the cache, and the end comes last', async () => {
  const calls: string[] = []
  const note = (kind: string) => (position: number, length: number) => {
    calls.push(`${kind} ${position}+${length}`)
    return Promise.resolve()
  }
  const file = {
    write: ([bytes]: readonly Buffer[], at: number) => note('cache')(at, bytes?.length ?? 0),
    writeBlocks: (bytes: Buffer, at: number) => note('blocks')(at, bytes.length),
  } as OpenFile
  const writer = new BlockWriter(options)
  writer.use([Buffer.alloc(2 * block)])
  await writer.write(file, [bytesFrom(10, 4 * block)], 10)
  expect(calls.splice(0).sort()).toEqual([
    'blocks 192+64',
    'blocks 64+128',
    'cache 10+54',
    'cache 256+10',
  ])
  await writer.write(file, [bytesFrom(64, 2 * block)], 64)
  expect(calls.splice(0)).toEqual(['blocks 64+128'])
  await writer.write(file, [bytesFrom(10, 2 * block - 20)], 10)
  expect(calls.splice(0)).toEqual(['cache 10+108'])
})

test('more writes at a time than there is memory wait for it, and none for ever', async () => {
  const files = new MemoryFileSystem()
  await files.makeDirectory('/d')
  const writer = new BlockWriter(options)
  writer.use(await files.blockMemory('/d', { count: 2, bytes: block }))
  let failing = 0
  files.fault = (operation, path) =>
    operation === 'write' && path === '/d/3' ? (failing++, 'EIO') : undefined
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, async (_, index) => {
      const file = await files.open(`/d/${index}`, 'create')
      await writer.write(file, [bytesFrom(0, 5 * block + 3)], 0)
    }),
  )
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1)
  expect(failing).toBeGreaterThan(0)
  for (const index of [0, 1, 2, 4, 5, 6, 7]) {
    expect(files.bytesOf(`/d/${index}`)).toEqual(bytesFrom(0, 5 * block + 3))
  }
})

test("the machine's own files hold what was written, whether it takes blocks or not", async () => {
  const directory = await temporaryDirectory()
  const { blockBytes } = nodeFileSystem
  const writer = new BlockWriter({ blockBytes, minBytes: blockBytes })
  const memory = await nodeFileSystem.blockMemory(directory, { count: 2, bytes: 2 * blockBytes })
  // Where it does, nothing but O_DIRECT may be why.
  expect(memory.length === 0 || constants.O_DIRECT !== undefined).toBe(true)
  expect(await readdir(directory)).toEqual([])
  writer.use(memory)
  const file = await nodeFileSystem.open(join(directory, 'a'), 'create')
  const sizes = [100, 5 * blockBytes, 3996, 4 * blockBytes, 9 * blockBytes + 1]
  let end = 0
  for (const size of sizes) {
    await writer.write(file, [bytesFrom(end, size)], end)
    end += size
    // It is the open file that is written, whatever becomes of its name.
    await rename(file.path, join(directory, 'b')).catch(() => {})
  }
  const read = Buffer.alloc(end)
  expect(await file.read(read, 0)).toBe(end)
  expect(read).toEqual(bytesFrom(0, end))
  await file.close()
  expect(await readFile(join(directory, 'b'))).toEqual(bytesFrom(0, end))
})
