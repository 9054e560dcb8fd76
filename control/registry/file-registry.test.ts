// Tests the registry of files: the contract, crashes, damaged files and full disks.
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { createLogger, silentLogger } from '../../common/logger.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import {
  eventually,
  functionRecord,
  mappingRecord,
  registryContract,
} from '../../test/support/registry-contract.ts'
import type { RegistryWriter } from './entry-registry.ts'
import { FileRegistry } from './file-registry.ts'
import { formatEntry, entryFormats, parseEntry } from './registry-entry.ts'

async function temporaryDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-registry-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return dir
}

function open(dir: string, writer: RegistryWriter): Promise<FileRegistry> {
  return FileRegistry.open({ dir, writer, logger: silentLogger, clock: systemClock })
}

registryContract('separate processes', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-registry-'))
  const opened: FileRegistry[] = []
  const both = async () => {
    const control = await open(dir, 'control')
    const poller = await open(dir, 'poller')
    const workers = await open(dir, 'workers')
    opened.push(control, poller, workers)
    return { control, poller, workers }
  }
  const close = async (): Promise<void> => {
    for (const registry of opened.splice(0)) await registry.close()
  }
  const reopen = async () => {
    await close()
    return both()
  }
  const cleanUp = async (): Promise<void> => {
    await close()
    await rm(dir, { recursive: true })
  }
  return { ...(await both()), reopen, cleanUp }
})

registryContract('one process', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-registry-'))
  let registry = await open(dir, 'both')
  const reopen = async () => {
    await registry.close()
    registry = await open(dir, 'both')
    return { control: registry, poller: registry, workers: registry }
  }
  const cleanUp = async (): Promise<void> => {
    await registry.close()
    await rm(dir, { recursive: true })
  }
  return { control: registry, poller: registry, workers: registry, reopen, cleanUp }
})

test('a write that a crash cut off leaves the old entry, and is swept at the next start', async () => {
  const dir = await temporaryDirectory()
  const first = await open(dir, 'both')
  await first.putFunction(functionRecord())
  await first.close()
  await writeFile(join(dir, 'functions', '.writing-1234'), '{"format":1,"name":"ty')
  const second = await open(dir, 'both')
  onTestFinished(() => second.close())
  expect(second.functions()).toEqual([functionRecord()])
  expect(await readdir(join(dir, 'functions'))).toEqual(['tyres.json'])
})

test('a file that does not parse is reported and left alone; the rest goes on', async () => {
  const dir = await temporaryDirectory()
  await mkdir(join(dir, 'functions'))
  const bad = join(dir, 'functions', 'bad.json')
  await writeFile(bad, '{ half a file')
  await writeFile(join(dir, 'functions', 'tyres.json'), formatEntry(functionRecord()))
  const lines: string[] = []
  const logger = createLogger('test', {
    level: 'error',
    format: 'json',
    write: (line) => lines.push(line),
  })
  const registry = await FileRegistry.open({ dir, writer: 'both', logger, clock: systemClock })
  onTestFinished(() => registry.close())
  expect(registry.functions()).toEqual([functionRecord()])
  expect(registry.problems()).toEqual([`${bad} is not a registry entry: it is not JSON`])
  expect(JSON.parse(lines.join(''))).toMatchObject({ code: 'REGISTRY_CORRUPT' })
  expect(await readFile(bad, 'utf8')).toBe('{ half a file')
  await registry.putFunction(functionRecord({ name: 'bad' }))
  expect(registry.problems()).toEqual([])
})

test('a damaged file of another process keeps the last good entry in force', async () => {
  const dir = await temporaryDirectory()
  const control = await open(dir, 'control')
  const reader = await open(dir, 'reader')
  onTestFinished(async () => {
    await control.close()
    await reader.close()
  })
  await control.putFunction(functionRecord())
  await eventually(reader, () => reader.function('tyres') !== undefined)
  await writeFile(join(dir, 'functions', 'tyres.json'), 'damage')
  await expect.poll(() => reader.problems().length).toBe(1)
  expect(reader.function('tyres')).toEqual(functionRecord())
})

test('a change that the watch missed is seen at the next re-read', async () => {
  const dir = await temporaryDirectory()
  const clock = new ManualClock()
  const reader = await FileRegistry.open({ dir, writer: 'reader', logger: silentLogger, clock })
  onTestFinished(() => reader.close())
  // A folder that is moved away takes its watch with it: the new one is seen by re-reading alone.
  await rm(join(dir, 'functions'), { recursive: true })
  await mkdir(join(dir, 'functions'))
  await writeFile(join(dir, 'functions', 'tyres.json'), formatEntry(functionRecord()))
  expect(reader.functions()).toEqual([])
  clock.advance(5_000)
  await eventually(reader, () => reader.function('tyres') !== undefined)
})

test('a write that fails says so, changes nothing and leaves no file behind', async () => {
  const dir = await temporaryDirectory()
  const registry = await open(dir, 'both')
  onTestFinished(() => registry.close())
  // A directory in the file's place: rename cannot replace it.
  await mkdir(join(dir, 'functions', 'tyres.json', 'x'), { recursive: true })
  await expect(registry.putFunction(functionRecord())).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
  })
  expect(registry.functions()).toEqual([])
  expect(await readdir(join(dir, 'functions'))).toEqual(['tyres.json'])
  await registry.putFunction(functionRecord({ name: 'other' }))
  expect(registry.functions()).toHaveLength(1)
})

test('a status without its mapping is swept at the start of control', async () => {
  const dir = await temporaryDirectory()
  const poller = await open(dir, 'poller')
  const { uuid } = mappingRecord()
  await poller.putStatus({ uuid, revision: 9, state: 'gone', lastProcessingResult: '' })
  await poller.close()
  const control = await open(dir, 'control')
  onTestFinished(() => control.close())
  expect(control.status(uuid)).toBeUndefined()
  expect(await readdir(join(dir, 'status'))).toEqual([])
})

test('a process writes only what it is the writer of', async () => {
  const dir = await temporaryDirectory()
  const reader = await open(dir, 'reader')
  onTestFinished(() => reader.close())
  expect(() => reader.putFunction(functionRecord())).toThrow('an entry has one writer')
})

test('an entry with any one field missing or of another kind is refused by name', () => {
  const record = functionRecord()
  // Entries from before there were reservations, versions and what came with them have none.
  const optional = new Set([
    'reservedConcurrency',
    'contentId',
    'lastVersion',
    'aliases',
    'tags',
    'policies',
    'eventInvokeConfigs',
    'deadLetterArn',
    'layers',
    'logging',
    'provisioned',
  ])
  for (const name of Object.keys(entryFormats.functions.fields)) {
    for (const wrong of [...(optional.has(name) ? [] : [undefined]), null, [1], true]) {
      const source = formatEntry({ ...record, [name]: wrong })
      expect(parseEntry(entryFormats.functions, 'tyres', source), name).toEqual({
        reason: `its ${name} is missing or of the wrong kind`,
      })
    }
  }
  const good = formatEntry(record)
  expect(parseEntry(entryFormats.functions, 'tyres', good)).toEqual({ entry: record })
  expect(parseEntry(entryFormats.functions, 'other', good)).toEqual({
    reason: "its name is not its file's name",
  })
  expect(
    parseEntry(entryFormats.functions, 'tyres', good.replace('"format": 1', '"format": 2')),
  ).toEqual({
    reason: 'its format is not 1',
  })
})

test('an entry cut short at any byte is refused, not read in part', () => {
  const source = formatEntry(functionRecord())
  for (let length = 0; length < source.length - 2; length++) {
    expect(parseEntry(entryFormats.functions, 'tyres', source.slice(0, length))).toHaveProperty(
      'reason',
    )
  }
})
