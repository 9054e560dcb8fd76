// Tests writing and reading functions' logs on a real directory: bounds, losses, torn ends, deletions.
import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../common/logger.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { groupFolderName, listChunks, removeGroup, writeFacts } from './group-folder.ts'
import type { WrittenStream } from './group-writer.ts'
import { LogReader, type EventQuery } from './log-reader.ts'
import { LogWriter } from './log-writer.ts'

const group = '/aws/lambda/f'
const kib = 1024
const mib = 1024 * kib

let clock: ManualClock
let root: string
let writers: LogWriter[]
beforeEach(async () => {
  clock = new ManualClock()
  root = await mkdtemp(join(tmpdir(), 'millrace-logs-'))
  writers = []
})
afterEach(async () => {
  for (const writer of writers) await writer.close()
  await rm(root, { recursive: true })
})

function openWriter(groupMaxBytes = 64 * mib, totalMaxBytes = Infinity): LogWriter {
  const bounds = { groupMaxBytes, totalMaxBytes }
  const writer = new LogWriter({ root, ...bounds, clock, logger: silentLogger })
  writers.push(writer)
  return writer
}

const stream = (name = 's'): WrittenStream => ({
  name,
  createdMs: clock.now(),
  lossNote: ({ events }) => `lost ${events}`,
})

async function read(query: Partial<EventQuery> = {}, name = group) {
  const reader = new LogReader(root, clock)
  const { events } = await reader.events(name, { limit: 10_000, maxBytes: 100 * mib, ...query })
  return events
}
const texts = async (query: Partial<EventQuery> = {}, name = group) =>
  (await read(query, name)).map(({ message }) => message)

const totalBytes = async (name = group) =>
  (await listChunks(root, name)).reduce((total, { sizeBytes }) => total + sizeBytes, 0)

/** Events of 1,000 bytes, named by number. */
function fill(writer: LogWriter, sizeBytes: number, name = group): string[] {
  const events = Array.from({ length: sizeBytes / 1000 }, (_, i) => `${i}`.padEnd(974, '.'))
  for (const event of events) writer.group(name).append(stream(), clock.now(), event)
  return events
}

test('a batch is written in pieces, and others have their turn between them', async () => {
  const writer = openWriter()
  for (let i = 0; i < mib / kib; i++)
    writer.group(group).append(stream(), clock.now(), 'x'.repeat(kib))
  const seen = new Set<number>()
  const state = { isOver: false }
  const flushed = writer.flush().finally(() => (state.isOver = true))
  while (!state.isOver) {
    seen.add(writer.counters.writtenBytes)
    await new Promise(setImmediate)
  }
  await flushed
  expect(writer.counters.writtenBytes).toBeGreaterThan(mib)
  expect(seen.size).toBeGreaterThan(3)
})

test('events of several environments and of several writers are read in the order of time', async () => {
  const [one, two] = [openWriter(), openWriter()]
  for (let i = 0; i < 10; i++) {
    const writer = i % 2 === 0 ? one : two
    writer.group(group).append(stream(`s${i % 3}`), clock.now(), `event ${i}`)
    clock.advance(1)
  }
  await Promise.all([one.flush(), two.flush()])
  expect(await texts()).toEqual(Array.from({ length: 10 }, (_, i) => `event ${i}`))
  expect(await texts({ stream: (name) => name === 's1' })).toEqual([
    'event 1',
    'event 4',
    'event 7',
  ])
  expect(await texts({ limit: 2, newest: true })).toEqual(['event 8', 'event 9'])
  const streams = await new LogReader(root, clock).streams(group)
  expect(streams).toMatchObject([
    { name: 's0', firstMs: 1_000_000, lastMs: 1_000_009 },
    { name: 's1', firstMs: 1_000_001, lastMs: 1_000_007 },
    { name: 's2', firstMs: 1_000_002, lastMs: 1_000_008 },
  ])
})

test('what is appended is on the disk a tenth of a second later, without being asked', async () => {
  const writer = openWriter()
  writer.group(group).append(stream(), clock.now(), 'hello')
  clock.advance(100)
  await writer.settled()
  expect(await texts()).toEqual(['hello'])
  expect(writer.counters).toMatchObject({ writtenEvents: 1, droppedEvents: 0, pendingBytes: 0 })
})

test('a line is written as soon where a file rests open as where none is', async () => {
  const writer = openWriter()
  for (const line of ['one', 'two', 'three']) {
    writer.group(group).append(stream(), clock.now(), line)
    clock.advance(100)
    // What the timer has begun, and nothing of what this call would.
    await writer.settled()
    expect((await texts()).at(-1)).toBe(line)
    expect(writer.counters.openFiles).toBe(1)
  }
})

test('a group keeps to its size: the oldest go, the newest stay', async () => {
  const writer = openWriter(mib)
  for (let i = 0; i < 50; i++) {
    for (let j = 0; j < 10; j++) {
      writer.group(group).append(stream(), clock.now(), `${i}.${j} ${'x'.repeat(10 * kib)}`)
    }
    clock.advance(100)
    await writer.flush()
    expect(await totalBytes()).toBeLessThanOrEqual(mib + 128 * kib)
  }
  const kept = (await texts()).map((text) => text.split(' ')[0])
  expect(kept.at(-1)).toBe('49.9')
  expect(kept.length).toBeGreaterThan(80)
  expect(kept[0]).not.toBe('0.0')
  expect(writer.counters.droppedEvents).toBe(0)
})

test("many small chunks are bounded as well, and another copy's newest chunk is spared", async () => {
  const other = openWriter()
  other.group(group).append(stream('other'), clock.now(), 'still in use')
  await other.flush()
  for (let i = 0; i < 300; i++) {
    clock.advance(1)
    const writer = openWriter(mib)
    writer.group(group).append(stream(`s${i}`), clock.now(), `start ${i}`)
    await writer.close()
    writers.pop()
  }
  // Each counts as what it takes on the disk, and each writer's last could be one that is written to.
  const kept = await texts()
  expect(kept).toContain('still in use')
  expect(kept.at(-1)).toBe('start 299')
})

test("an old chunk of another copy's that rests is not spared", async () => {
  const foreign = openWriter()
  foreign.group(group).append(stream('other'), clock.now(), 'x'.repeat(900 * kib))
  await foreign.close()
  // The disk has the machine's time, and by now a minute has gone by.
  clock.advance(Date.now() - clock.now() + 120_000)
  const writer = openWriter(mib)
  writer.group(group).append(stream(), clock.now(), 'y'.repeat(100 * kib))
  await writer.flush()
  writer.group(group).append(stream(), clock.now(), 'new')
  await writer.flush()
  expect(await texts()).toEqual(['y'.repeat(100 * kib), 'new'])
})

test('a flood of one function is dropped and said so, and another function loses nothing', async () => {
  const writer = openWriter()
  const line = 'x'.repeat(64 * kib)
  let accepted = 0
  for (let i = 0; i < 1000; i++) {
    if (writer.group(group).append(stream('flood'), clock.now(), line)) accepted += 1
    writer.group('/aws/lambda/calm').append(stream(), clock.now(), `calm ${i}`)
    if (i % 50 === 49) await writer.flush()
  }
  await writer.flush()
  expect(accepted * 64 * kib).toBeLessThanOrEqual(32 * mib)
  expect(accepted).toBeGreaterThan(400)
  expect(writer.counters.droppedEvents).toBe(1000 - accepted)
  expect(await texts({}, '/aws/lambda/calm')).toHaveLength(1000)
  // Once a second at most, and at last all of it.
  clock.advance(1000)
  await writer.flush()
  const notes = (await texts()).filter((text) => text.startsWith('lost '))
  expect(notes.length).toBeLessThanOrEqual(2)
  const noted = notes.reduce((total, text) => total + Number(text.slice(5)), 0)
  expect(noted).toBe(1000 - accepted)
  // And a second later there is room again.
  expect(writer.group(group).append(stream('flood'), clock.now(), line)).toBe(true)
})

test('a torn last line is not there, and what is written after the restart is', async () => {
  const dead = openWriter()
  dead.group(group).append(stream(), clock.now(), 'whole')
  await dead.flush()
  const [chunk] = await listChunks(root, group)
  await appendFile(chunk?.path ?? '', 'E 0 1000000 0 "torn')
  clock.advance(10)
  const writer = openWriter()
  writer.group(group).append(stream(), clock.now(), 'after')
  await writer.flush()
  expect(await texts()).toEqual(['whole', 'after'])
})

test('files are closed when they rest, and the same chunk goes on afterwards', async () => {
  const writer = openWriter()
  writer.group(group).append(stream(), clock.now(), 'one')
  await writer.flush()
  expect(writer.counters.openFiles).toBe(1)
  clock.advance(6_000)
  await writer.flush()
  expect(writer.counters.openFiles).toBe(0)
  writer.group(group).append(stream(), clock.now(), 'two')
  await writer.flush()
  expect(await listChunks(root, group)).toHaveLength(1)
  expect(await texts()).toEqual(['one', 'two'])
})

test('a thousand functions at once leave no more files open than the limit', async () => {
  const writer = openWriter()
  for (let i = 0; i < 1000; i++) writer.group(`/g/${i}`).append(stream(), clock.now(), `in ${i}`)
  await writer.flush()
  expect(writer.counters.openFiles).toBeLessThanOrEqual(128)
  expect(await texts({}, '/g/999')).toEqual(['in 999'])
})

test('a group that is deleted while it is written to begins anew', async () => {
  const writer = openWriter()
  writer.group(group).append(stream(), clock.now(), 'before')
  await writer.flush()
  await removeGroup(root, group)
  clock.advance(1_000)
  writer.group(group).append(stream(), clock.now(), 'after')
  await writer.flush()
  expect(await texts()).toEqual(['after'])
})

test('a deleted stream is gone with its events, until it is written to again', async () => {
  const writer = openWriter()
  const target = writer.group(group)
  target.append(stream('a'), clock.now(), 'old')
  target.append(stream('b'), clock.now(), 'other')
  await writer.flush()
  clock.advance(10)
  target.deleteStream('a')
  await writer.flush()
  const names = async () => (await new LogReader(root, clock).streams(group)).map((s) => s.name)
  expect(await texts()).toEqual(['other'])
  expect(await names()).toEqual(['b'])
  clock.advance(10)
  target.append(stream('a'), clock.now(), 'new')
  await writer.flush()
  expect(await texts()).toEqual(['other', 'new'])
  expect(await names()).toEqual(['a', 'b'])
})

test('a disk that takes nothing costs lines and nothing else, and leaves no empty files', async () => {
  await rm(root, { recursive: true })
  await writeFile(root, 'a file where the folder should be')
  const writer = openWriter()
  writer.group(group).append(stream(), clock.now(), 'lost')
  await writer.flush()
  expect(writer.counters).toMatchObject({ droppedEvents: 1, pendingBytes: 0, openFiles: 0 })
  await rm(root)
  clock.advance(1_000)
  writer.group(group).append(stream(), clock.now(), 'found')
  await writer.flush()
  expect(await texts()).toContain('found')
  expect((await readdir(join(root, groupFolderName(group)))).length).toBe(2)
})

test('a reader that looks again reads only what is new, and skips what is too old', async () => {
  const writer = openWriter()
  const reader = new LogReader(root, clock)
  const query = { limit: 10_000, maxBytes: 100 * mib }
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 100; j++) {
      writer.group(group).append(stream(), clock.now(), `${i} ${'x'.repeat(kib)}`)
    }
    await writer.flush()
    const { events } = await reader.events(group, { ...query, startMs: clock.now() })
    expect(events.map(({ message }) => message.split(' ')[0])).toEqual(
      Array.from({ length: 100 }, () => String(i)),
    )
    clock.advance(1_000)
  }
  expect((await reader.events(group, query)).events).toHaveLength(2000)
})

test('pages are bounded in bytes, and one event alone may be larger than a page', async () => {
  const writer = openWriter()
  for (const size of [10, 10, 500, 10]) {
    writer.group(group).append(stream(), clock.now(), 'x'.repeat(size * kib))
    clock.advance(1)
  }
  await writer.flush()
  const reader = new LogReader(root, clock)
  const sizes: number[][] = []
  let after: EventQuery['after']
  for (;;) {
    const page = await reader.events(group, { limit: 100, maxBytes: 100 * kib, after })
    sizes.push(page.events.map(({ message }) => message.length / kib))
    after = page.events.at(-1)
    if (!page.hasMore) break
  }
  expect(sizes).toEqual([[10, 10], [500], [10]])
})

test("what is older than the group's retention is not read", async () => {
  const writer = openWriter()
  writer.group(group).append(stream(), clock.now(), 'old')
  await writer.flush()
  await writeFacts(root, { name: group, createdMs: 0, retentionDays: 1 })
  clock.advance(86_400_000)
  writer.group(group).append(stream(), clock.now(), 'new')
  await writer.flush()
  expect(await texts()).toEqual(['old', 'new'])
  clock.advance(1)
  expect(await texts()).toEqual(['new'])
})

test('a name that no folder could have is a group all the same', async () => {
  const names = ['..', '.', 'a/b', 'a/../b', `/long/${'x'.repeat(500)}`, `/long/${'x'.repeat(501)}`]
  const writer = openWriter()
  for (const name of names) writer.group(name).append(stream(), clock.now(), `in ${name}`)
  await writer.flush()
  for (const name of names) expect(await texts({}, name)).toEqual([`in ${name}`])
  expect(await new LogReader(root, clock).groups()).toEqual(names.toSorted())
  // Nothing outside of the folder.
  expect((await stat(root)).isDirectory()).toBe(true)
  expect(await readdir(root)).toHaveLength(names.length)
})

test('lines of one write that are more than the log may take are kept as far as they fit, the newest, and the others are named', async () => {
  const writer = openWriter(mib)
  const events = fill(writer, 3_000_000)
  await writer.flush()
  const kept = await texts()
  expect(await totalBytes()).toBeLessThanOrEqual(mib)
  expect(kept.length).toBeGreaterThan(900)
  expect(kept).toEqual(events.slice(-kept.length))
  clock.advance(1000)
  await writer.settled()
  expect((await texts()).at(-1)).toBe(`lost ${events.length - kept.length}`)
  expect(writer.counters).toMatchObject({
    droppedEvents: events.length - kept.length,
    writtenEvents: kept.length + 1,
  })
})

test('lines of one write that fit are in several files, so that the oldest of them go alone', async () => {
  const writer = openWriter(16 * mib)
  const events = fill(writer, 15_000_000)
  await writer.flush()
  expect(await texts({ limit: 20_000 })).toEqual(events)
  expect((await listChunks(root, group)).length).toBeGreaterThan(10)
  const more = fill(writer, 2_000_000)
  await writer.flush()
  const left = await texts({ limit: 20_000 })
  expect(left).toEqual([...events, ...more].slice(-left.length))
  expect(left.length).toBeGreaterThan(14_500)
})

test('all logs together keep to their bound, and what was written longest ago goes first', async () => {
  const names = ['/aws/lambda/a', '/aws/lambda/b', '/aws/lambda/c']
  const [a = '', b = '', c = ''] = names
  const writer = openWriter(mib, mib)
  const lines: string[][] = []
  for (const name of names) {
    lines.push(fill(writer, 420_000, name))
    await writer.flush()
    await writer.settled()
  }
  const sizes = await Promise.all(names.map(totalBytes))
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(mib)
  expect((await texts({}, a)).length).toBeLessThan(100)
  expect(await texts({}, b)).toEqual(lines[1])
  expect(await texts({}, c)).toEqual(lines[2])
  // Of a the file is left that it may go on in; it does.
  writer.group(a).append(stream(), clock.now(), 'alive')
  await writer.flush()
  expect((await texts({}, a)).at(-1)).toBe('alive')
})

test('a start finds what is there already and brings it within the bound', async () => {
  const before = openWriter(mib)
  for (const name of ['/old/a', '/old/b']) fill(before, 800_000, name)
  await before.flush()
  await before.close()
  const writer = openWriter(mib, mib)
  writer.group(group).append(stream(), clock.now(), 'first')
  await writer.flush()
  await writer.settled()
  const sizes = await Promise.all(['/old/a', '/old/b', group].map(totalBytes))
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(mib)
  expect(await texts({}, group)).toEqual(['first'])
})
