// Tests the queue's journal: restarts, torn and damaged ends, freeing of files, disks that fail.
import { open, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../common/logger.ts'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import type { QueuedEvent } from './event.ts'
import { EventJournal, type EventJournalOptions } from './event-journal.ts'
import { decodeEntry, encodeEntry } from './journal-entry.ts'
import { createFile } from './journal-file.ts'

const event = (id: string, changes: Partial<QueuedEvent> = {}): QueuedEvent => ({
  id,
  functionName: 'tyres',
  receivedMs: 1,
  hops: 0,
  attempts: 0,
  setbacks: 0,
  dueMs: 1,
  ...changes,
})

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-journal-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

async function reopened(
  options: Partial<EventJournalOptions> & { directory: string },
  before?: EventJournal,
): Promise<EventJournal> {
  await before?.close()
  const journal = await EventJournal.open({ logger: silentLogger, ...options })
  onTestFinished(async () => expect(journal.check()).toBeUndefined())
  return journal
}

const ids = (journal: EventJournal): string[] => [...journal.events()].map(({ id }) => id)
const filesOf = async (directory: string): Promise<string[]> =>
  (await readdir(directory)).toSorted().map((name) => join(directory, name))

test('what was put, noted and ended is so after a restart', async () => {
  const directory = await temporaryDirectory()
  const journal = await reopened({ directory })
  await Promise.all(['a', 'b', 'c'].map((id) => journal.put(event(id), Buffer.from(`of ${id}`))))
  journal.note(event('a', { attempts: 2, dueMs: 99 }))
  journal.end('b')
  await journal.put(event('c', { setbacks: 1 }), Buffer.from('another'))
  const again = await reopened({ directory }, journal)
  expect([...again.events()]).toEqual([
    event('a', { attempts: 2, dueMs: 99 }),
    event('c', { setbacks: 1 }),
  ])
  expect((await again.read('a')).toString()).toBe('of a')
  expect((await again.read('c')).toString()).toBe('another')
  await again.close()
})

test('cut off at any byte, it keeps what was whole', async () => {
  const directory = await temporaryDirectory()
  const journal = await reopened({ directory })
  for (const id of ['a', 'b', 'c']) await journal.put(event(id), Buffer.from(`of ${id}`))
  await journal.close()
  const [file = ''] = await filesOf(directory)
  const whole = await readFile(file)
  const ends: number[] = []
  for (let at = 0; at < whole.length; at = ends.at(-1) ?? 0) {
    ends.push(decodeEntry(whole, at)?.end ?? whole.length)
  }
  for (let size = whole.length - 1; size >= 0; size -= 7) {
    await truncate(file, size)
    const cut = await reopened({ directory })
    const kept = ends.filter((end) => end <= size).length
    expect(ids(cut)).toEqual(['a', 'b', 'c'].slice(0, kept))
    await cut.close()
  }
})

test(`with one bit flipped anywhere, it keeps what comes before, seed ${seed}`, async () => {
  const directory = await temporaryDirectory()
  const journal = await reopened({ directory })
  for (const id of ['a', 'b', 'c']) await journal.put(event(id), Buffer.from(`of ${id}`))
  await journal.close()
  const [file = ''] = await filesOf(directory)
  const whole = await readFile(file)
  const random = randomFrom(seed)
  for (let round = 0; round < 60; round += 1) {
    const at = Math.floor(random() * whole.length)
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8))
    await writeFile(file, damaged)
    const read = await reopened({ directory })
    expect(['a', 'b', 'c'].slice(0, ids(read).length)).toEqual(ids(read))
    await read.close()
  }
})

test('an entry that is sound but says nonsense is none', () => {
  const { bytes } = encodeEntry({ kind: 'note', event: event('a', { attempts: -1 }) })
  expect(decodeEntry(bytes, 0)).toBeUndefined()
  const wrong = { ...event('a'), ending: { condition: 'Whatever' } } as unknown as QueuedEvent
  expect(decodeEntry(encodeEntry({ kind: 'note', event: wrong }).bytes, 0)).toBeUndefined()
  expect(decodeEntry(Buffer.alloc(11), 0)).toBeUndefined()
  expect(decodeEntry(Buffer.alloc(64, 0xff), 0)).toBeUndefined()
})

test('files that nothing needs go, and an event that stays is carried on', async () => {
  const directory = await temporaryDirectory()
  const options = { directory, fileMaxBytes: 2_000, slackBytes: 4_000 }
  const journal = await reopened(options)
  await journal.put(event('stays', { attempts: 1 }), Buffer.from('its body'))
  journal.note(event('stays', { attempts: 2 }))
  for (let n = 0; n < 200; n += 1) {
    await journal.put(event(`e${n}`), Buffer.alloc(500, n))
    journal.end(`e${n}`)
  }
  await journal.put(event('last'), Buffer.from('last'))
  expect(journal.fileBytes).toBeLessThan(10_000)
  expect(journal.check()).toBeUndefined()
  expect((await journal.read('stays')).toString()).toBe('its body')
  const again = await reopened(options, journal)
  expect(new Map([...again.events()].map((e) => [e.id, e.attempts]))).toEqual(
    new Map([
      ['stays', 2],
      ['last', 0],
    ]),
  )
  expect((await again.read('stays')).toString()).toBe('its body')
  await again.close()
})

test('a disk that fails refuses what it did not take, and keeps the rest', async () => {
  const directory = await temporaryDirectory()
  let isBroken = false
  const journal = await reopened({
    directory,
    createFile: async (path) => {
      const handle = await createFile(path)
      return {
        writev: (chunks, position) => handle.writev(chunks, position),
        read: handle.read.bind(handle),
        close: () => handle.close(),
        datasync: () => {
          if (isBroken) throw new Error('no space left')
          return handle.datasync()
        },
      }
    },
  })
  await journal.put(event('kept'), Buffer.from('kept'))
  isBroken = true
  await expect(journal.put(event('lost'), Buffer.from('lost'))).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
  })
  journal.end('kept')
  isBroken = false
  await journal.put(event('later'), Buffer.from('later'))
  expect(ids(journal)).toEqual(['later'])
  const again = await reopened({ directory }, journal)
  expect(ids(again)).toEqual(['later'])
  await again.close()
})

test('a file that is not of the journal is left alone', async () => {
  const directory = await temporaryDirectory()
  const handle = await open(join(directory, 'notes.txt'), 'w')
  await handle.close()
  const journal = await reopened({ directory })
  await journal.put(event('a'), Buffer.from('a'))
  await journal.close()
  expect(await readdir(directory)).toContain('notes.txt')
})
