// Tests of the store as a whole: commits, topics, reopening, limits on what waits.
import { mkdtemp, rm, cp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  append,
  batchOf,
  openStore,
  partitionOf,
  valuesFrom,
} from '../../test/support/log-store.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { silentLogger } from '../../common/logger.ts'
import { nodeFileSystem } from './file-system.ts'
import { InvalidConfigError } from './config-value.ts'
import { TopicExistsError, UnknownTopicError } from './topic.ts'

async function temporaryDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-log-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

test('an append is readable once it is committed, and not before', async () => {
  const { store } = await openStore()
  const { partitions } = await store.createTopic('t', { partitions: 1 })
  const partition = partitions[0]!
  const result = partition.append(batchOf(['a', 'b']))
  expect(result).toMatchObject({ ok: true, baseOffset: 0, lastOffset: 1, logAppendTimeMs: -1 })
  expect([partition.logEndOffset, partition.highWatermark]).toEqual([2, 0])
  expect(await partition.read(0, { maxBytes: 1000, minOneBatch: true })).toMatchObject({ bytes: 0 })
  if (result.ok) await result.committed
  expect(partition.highWatermark).toBe(2)
  expect(await valuesFrom(partition)).toEqual(['a', 'b'])
  expect(await store.check()).toEqual([])
})

test('a hundred partitions appended to in one tick cost one flush', async () => {
  const { store, files } = await openStore()
  const { partitions } = await store.createTopic('t', { partitions: 100 })
  const wal = '/log/wal/0000000000000001.wal'
  await Promise.all(partitions.map((partition) => append(partition, ['x'])))
  expect(files.flushes.get(wal)).toBe(1)
  await Promise.all(partitions.map((partition) => append(partition, ['y'])))
  expect(files.flushes.get(wal)).toBe(2)
  expect(store.stats().commits).toMatchObject({ commits: 2, appends: 200, flushes: 2, failures: 0 })
  expect(await store.check()).toEqual([])
})

test('a store that was closed opens without replaying or scanning, on a real disk', async () => {
  const dir = await temporaryDirectory()
  const first = await openStore({ dir, disk: nodeFileSystem })
  const configs = { 'segment.bytes': '3000' }
  const { id } = await first.store.createTopic('t', { partitions: 2, configs, internal: true })
  const values = Array.from({ length: 50 }, (_, n) => `value ${n} ${'.'.repeat(200)}`)
  for (const value of values) await append(partitionOf(first.store, 't'), [value])
  await first.store.close()
  const lines: string[] = []
  const logger = { ...silentLogger, warn: (line: string) => void lines.push(line) }
  const second = await openStore({ dir, disk: nodeFileSystem, logger })
  expect(lines).toEqual([])
  expect(second.store.stats().walFiles).toBe(0)
  expect(second.store.topicById(id)).toMatchObject({ name: 't', internal: true, configs })
  const partition = partitionOf(second.store, 't')
  expect(partition.logEndOffset).toBe(50)
  expect(second.store.stats().partitions[0]?.segments).toBeGreaterThan(3)
  expect(await valuesFrom(partition)).toEqual(values)
  expect(await append(partition, ['more'])).toBe(50)
  expect(await second.store.check()).toEqual([])
  await second.store.close()
})

test('a store that was killed opens with everything that was committed, on a real disk', async () => {
  const dir = await temporaryDirectory()
  const copy = `${dir}-copy`
  onTestFinished(() => rm(copy, { recursive: true, force: true }))
  const { store, clock } = await openStore({ dir, disk: nodeFileSystem })
  await store.createTopic('t', { partitions: 3 })
  for (let n = 0; n < 30; n++) {
    await append(partitionOf(store, 't', n % 3), [`v${n}`])
    if (n === 15) clock.advance(200)
  }
  await cp(dir, copy, { recursive: true })
  const second = await openStore({ dir: copy, disk: nodeFileSystem })
  for (const index of [0, 1, 2]) {
    const expected = Array.from({ length: 10 }, (_, n) => `v${n * 3 + index}`)
    expect(await valuesFrom(partitionOf(second.store, 't', index))).toEqual(expected)
  }
  expect(await second.store.check()).toEqual([])
  await second.store.close()
  await store.close()
})

test('an invalid configuration creates no topic', async () => {
  const { store } = await openStore()
  const create = (configs: Record<string, string>): Promise<unknown> =>
    store.createTopic('t', { partitions: 1, configs })
  await expect(create({ 'retention.ms': 'soon' })).rejects.toThrow(InvalidConfigError)
  await expect(create({ 'retention.hours': '1' })).rejects.toThrow(
    'Unknown topic config name: retention.hours',
  )
  await expect(create({ 'cleanup.policy': 'tidy' })).rejects.toThrow(InvalidConfigError)
  expect(store.topics()).toEqual([])
})

test('a changed configuration is in effect at once, and after a crash', async () => {
  const { store, files, clock } = await openStore()
  await store.createTopic('t', { partitions: 1, configs: { 'max.message.bytes': '1000' } })
  const partition = partitionOf(store, 't')
  const large = (): Buffer => batchOf(['x'.repeat(2000)])
  expect(partition.append(large())).toMatchObject({ error: 'MESSAGE_TOO_LARGE' })
  const bound = (bytes: string) =>
    store.configureTopic('t', (configs) => ({ ...configs, 'max.message.bytes': bytes }))
  await bound('5000')
  expect(partition.append(large())).toMatchObject({ ok: true })
  await expect(bound('some')).rejects.toThrow(InvalidConfigError)
  await expect(store.configureTopic('u', (configs) => configs)).rejects.toThrow(UnknownTopicError)
  expect(store.topic('t')?.configs).toEqual({ 'max.message.bytes': '5000' })
  const second = await openStore({ files: files.copy(), clock })
  expect(second.store.topic('t')?.config.maxMessageBytes).toBe(5000)
  expect(await store.check()).toEqual([])
})

test('a topic with a configuration that is not known is reported by its file', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  await store.close()
  const file = await files.open('/log/topics/t/topic.json', 'create')
  const record = { id: store.topic('t')?.id, partitions: 1, internal: false }
  await file.write([Buffer.from(JSON.stringify({ ...record, configs: { later: '1' } }))], 0)
  await file.sync()
  await expect(openStore({ files })).rejects.toMatchObject({
    code: 'LOG_CORRUPT',
    message: expect.stringMatching(/topic\.json is damaged .* Unknown topic config name: later/),
  })
})

test('new defaults hold for the topics that do not say otherwise', async () => {
  const { store, clock } = await openStore()
  await store.createTopic('own', { partitions: 1, configs: { 'retention.ms': '-1' } })
  await store.createTopic('default', { partitions: 1 })
  for (const topic of ['own', 'default'])
    await append(partitionOf(store, topic), ['a'], clock.now())
  await store.setDefaults({ 'retention.ms': '5000' })
  clock.advance(6_000)
  for (const topic of ['own', 'default']) await partitionOf(store, topic).fill()
  expect(await store.applyRetention(clock.now())).toBe(1)
  expect(partitionOf(store, 'own').logStartOffset).toBe(0)
  expect(partitionOf(store, 'default').logStartOffset).toBe(1)
  expect((await store.createTopic('later', { partitions: 1 })).config.retentionMs).toBe(5000)
})

test('of two who create a topic at once, one hears that it exists', async () => {
  const { store } = await openStore()
  const [first, second] = await Promise.allSettled([
    store.createTopic('t', { partitions: 1 }),
    store.createTopic('t', { partitions: 2 }),
  ])
  expect(first.status).toBe('fulfilled')
  expect(second).toMatchObject({ status: 'rejected', reason: expect.any(TopicExistsError) })
  expect(store.topic('t')?.partitions).toHaveLength(1)
})

test('a topic is deleted while its appends wait, and its name starts afresh', async () => {
  const { store, files } = await openStore()
  const { partitions } = await store.createTopic('t', { partitions: 1 })
  const result = partitions[0]!.append(batchOf(['old']))
  const committed = result.ok ? result.committed : undefined
  await store.deleteTopic('t')
  await expect(committed).rejects.toThrow('the topic was deleted')
  expect(store.topic('t')).toBeUndefined()
  expect(partitions[0]!.append(batchOf(['late']))).toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
  await store.createTopic('t', { partitions: 1 })
  expect(await append(partitionOf(store, 't'), ['new'])).toBe(0)
  const killed = await openStore({ files: files.copy() })
  expect(await valuesFrom(partitionOf(killed.store, 't'))).toEqual(['new'])
  expect(await killed.store.check()).toEqual([])
  await expect(store.deleteTopic('gone')).rejects.toThrow(UnknownTopicError)
  await store.close()
  expect(store.stats()).toMatchObject({ tailBytes: 0, queuedBytes: 0 })
})

test('partitions that were added are there after a restart', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  await append(partitionOf(store, 't'), ['a'])
  const grown = await store.createPartitions('t', 3)
  expect(grown.partitions.map(({ index }) => index)).toEqual([0, 1, 2])
  await append(partitionOf(store, 't', 2), ['c'])
  const { store: second } = await openStore({ files: files.copy() })
  expect(second.topic('t')?.partitions).toHaveLength(3)
  expect(await valuesFrom(partitionOf(second, 't', 0))).toEqual(['a'])
  expect(await valuesFrom(partitionOf(second, 't', 2))).toEqual(['c'])
  expect(await second.check()).toEqual([])
})

test('a full write-ahead file is removed when segments hold what it held', async () => {
  const { store, files } = await openStore({ limits: { walFileMaxBytes: 2000 } })
  await store.createTopic('t', { partitions: 2 })
  for (let n = 0; n < 60; n++)
    await append(partitionOf(store, 't', n % 2), [`v${n}`, 'x'.repeat(90)])
  const wal = files.paths().filter((path) => path.startsWith('/log/wal/'))
  expect(wal.length).toBeLessThan(4)
  expect(wal).not.toContain('/log/wal/0000000000000001.wal')
  const { store: second } = await openStore({ files: files.copy() })
  expect(partitionOf(second, 't').logEndOffset).toBe(60)
  expect(await second.check()).toEqual([])
  await store.close()
  expect(files.paths().filter((path) => path.endsWith('.wal'))).toEqual([])
})

test('appends are refused when too much waits for the disk', async () => {
  const { store } = await openStore({ limits: { appendQueueMaxBytes: 1000 } })
  const { partitions } = await store.createTopic('t', { partitions: 1 })
  const partition = partitions[0]!
  const accepted = partition.append(batchOf(['x'.repeat(800)]))
  expect(partition.append(batchOf(['y'.repeat(800)]))).toMatchObject({
    error: 'KAFKA_STORAGE_ERROR',
  })
  if (accepted.ok) await accepted.committed
  expect(await append(partition, ['z'])).toBe(1)
  expect(await store.check()).toEqual([])
})

test('memory of what is not in segments stays below its limit', async () => {
  const { store } = await openStore({ limits: { tailMaxBytes: 3000, commitMaxBytes: 1000 } })
  await store.createTopic('t', { partitions: 4 })
  for (let n = 0; n < 40; n++) {
    await append(partitionOf(store, 't', n % 4), ['x'.repeat(400)])
    expect(store.stats().tailBytes).toBeLessThan(4000)
  }
  expect(await store.check()).toEqual([])
})

test('with flush=interval the high watermark follows the write, and the clock the flush', async () => {
  const { store, files, clock } = await openStore({ flush: 'interval' })
  await store.createTopic('t', { partitions: 1 })
  const log = '/log/topics/t/0/00000000000000000000.log'
  for (const value of ['a', 'b']) {
    await append(partitionOf(store, 't'), [value])
    expect((await valuesFrom(partitionOf(store, 't'))).at(-1)).toBe(value)
    const flushed = files.flushes.get(log) ?? 0
    clock.advance(999)
    expect(files.flushes.get(log) ?? 0).toBe(flushed)
    clock.advance(1)
    await expect.poll(() => files.flushes.get(log)).toBe(flushed + 1)
    const { store: left } = await openStore({ files: files.cut(() => 0) })
    expect((await valuesFrom(partitionOf(left, 't'))).at(-1)).toBe(value)
  }
  await store.close()
})

test('with flush=interval a flush that fails is made up for, and the store says so meanwhile', async () => {
  const { store, files, clock } = await openStore({ flush: 'interval' })
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  files.fault = (operation, path) =>
    operation === 'flush' && path.endsWith('.log') ? 'EIO' : undefined
  await append(partition, ['a'])
  clock.advance(1000)
  await expect.poll(() => store.problems.join()).toContain('segments cannot be flushed')
  files.fault = () => undefined
  clock.advance(1000)
  await expect.poll(() => store.problems).toEqual([])
  const { store: left } = await openStore({ files: files.cut(() => 0) })
  expect(await valuesFrom(partitionOf(left, 't'))).toEqual(['a'])
})

for (const flush of ['interval', 'never'] as const) {
  test(`with flush=${flush} a record is written once, and a disk that is full fails its partition alone`, async () => {
    const { store, files } = await openStore({ flush })
    await store.createTopic('t', { partitions: 2 })
    const [full, other] = [partitionOf(store, 't', 0), partitionOf(store, 't', 1)]
    files.fault = (operation, path) =>
      operation === 'write' && path.includes('/t/0/') ? 'ENOSPC' : undefined
    const results = Promise.allSettled(['a', 'b'].map((value) => append(full, [value])))
    await append(other, ['c'])
    for (const { status } of await results) expect(status).toBe('rejected')
    expect([full.logEndOffset, full.highWatermark, other.highWatermark]).toEqual([0, 0, 1])
    files.fault = () => undefined
    expect(await append(full, ['d'])).toBe(0)
    expect(store.stats().walFiles).toBe(0)
    const { store: left } = await openStore({ files: files.kill(), flush })
    expect(await valuesFrom(partitionOf(left, 't', 0))).toEqual(['d'])
    expect([...(await store.check()), ...(await left.check())]).toEqual([])
  })
}

test('a log that was written ahead opens with flush=interval, and the other way round', async () => {
  let files = new MemoryFileSystem()
  for (const [index, flush] of (['commit', 'interval', 'commit', 'never'] as const).entries()) {
    const { store } = await openStore({ files, flush })
    if (index === 0) await store.createTopic('t', { partitions: 1 })
    const partition = partitionOf(store, 't')
    await append(partition, [String(index)])
    expect((await valuesFrom(partition)).join('')).toBe('0123'.slice(0, index + 1))
    files = files.kill()
  }
})

test('a checkpoint is due after so many bytes that no write-ahead log has', async () => {
  const { store, files } = await openStore({ flush: 'never', limits: { unloggedMaxBytes: 4000 } })
  await store.createTopic('t', { partitions: 1 })
  for (let n = 0; n < 20; n++) await append(partitionOf(store, 't'), ['x'.repeat(400)])
  // More than what may be unlogged is not lost, whatever has become of the rest.
  const { store: left } = await openStore({ files: files.cut(() => 0), flush: 'never' })
  expect(partitionOf(left, 't').highWatermark).toBeGreaterThan(20 - 11)
})
