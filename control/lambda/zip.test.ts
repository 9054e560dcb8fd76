// Tests that a package lands where it should, and that a hostile one lands nowhere.
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import { overwritten, withDeclaredSize, zipOf } from '../../test/support/zip-file.ts'
import { unpackZip } from './zip.ts'

const unreadable =
  'Could not unzip uploaded file. Please check your file, then try to upload again.'

/** `target` lies two folders deep, so that an escape would show beside it. */
async function directories(): Promise<{ root: string; target: string }> {
  const root = await mkdtemp(join(tmpdir(), 'millrace-zip-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const target = join(root, 'a', 'b')
  await mkdir(target, { recursive: true })
  return { root, target }
}

async function refusal(zip: Uint8Array): Promise<string | undefined> {
  const { root, target } = await directories()
  const error = await unpackZip(zip, target)
  expect(await readdir(root)).toEqual(['a'])
  expect(await readdir(join(root, 'a'))).toEqual(['b'])
  if (error === undefined) return undefined
  expect(error.code).toBe('InvalidParameterValueException')
  expect(await readdir(target), 'nothing is written of a refused zip').toEqual([])
  return error.message
}

test('files, folders and executable bits arrive as packed, and all can be read', async () => {
  const { target } = await directories()
  const zip = await zipOf(
    { name: 'index.mjs', content: 'export const handler = 1', mode: 0o100600 },
    { name: 'lib/deep/data.bin', content: Buffer.from([0, 255, 10]) },
    { name: 'bootstrap', content: '#!/bin/sh', mode: 0o100755 },
    { name: 'empty/' },
    { name: 'empty.txt' },
  )
  expect(await unpackZip(zip, target)).toBeUndefined()
  expect(await readFile(join(target, 'index.mjs'), 'utf8')).toBe('export const handler = 1')
  expect([...(await readFile(join(target, 'lib/deep/data.bin')))]).toEqual([0, 255, 10])
  expect(await readFile(join(target, 'empty.txt'), 'utf8')).toBe('')
  expect((await stat(join(target, 'empty'))).isDirectory()).toBe(true)
  expect((await stat(join(target, 'index.mjs'))).mode & 0o777).toBe(0o644)
  expect((await stat(join(target, 'bootstrap'))).mode & 0o777).toBe(0o755)
})

test.each([
  ['xx/evil.js', '../evil.js'],
  ['a/xx/xx/evil', 'a/../../evil'],
  ['xevil.js', '/evil.js'],
  ['a/b/evil', 'a//b/evi'],
  ['a/x/evil', 'a/./evil'],
  ['xxxevil', '..\\evil'],
  ['xxxevil', 'C:\\evil'],
  ['evilxjs', 'evil\0js'],
])('a path that is not plain and relative refuses the zip: %s as %s', async (from, to) => {
  const zip = await zipOf({ name: 'index.js', content: '1' }, { name: from, content: 'evil' })
  const padded = to.padEnd(from.length, 'x')
  expect(await refusal(overwritten(zip, from, padded))).toMatch(/^Could not unzip uploaded file/)
})

test('a symbolic link refuses the zip', async () => {
  const zip = await zipOf({ name: 'link', content: '/etc/passwd', mode: 0o120777 })
  expect(await refusal(zip)).toBe(
    'Could not unzip uploaded file: entry "link" is a link or a device, not a file',
  )
})

test('a name given twice, or a file that is also a folder, refuses the zip', async () => {
  const twice = await zipOf({ name: 'aa', content: '1' }, { name: 'bb', content: '2' })
  expect(await refusal(overwritten(twice, 'bb', 'aa'))).toBe(unreadable)
  expect(await refusal(await zipOf({ name: 'a' }, { name: 'a/b' }))).toBe(unreadable)
})

test('a name that no file system takes refuses the zip', async () => {
  expect(await refusal(await zipOf({ name: 'n'.repeat(256) }))).toContain('has too long a name')
})

test('a bomb is refused by the sizes it declares, before anything is written', async () => {
  const zip = await zipOf({ name: 'a', content: '1' }, { name: 'b', content: '2' })
  const text = 'Unzipped size must be smaller than 262144000 bytes'
  expect(await refusal(withDeclaredSize(zip, 131_072_000))).toBe(text)
})

test('a bomb that declares less than it holds is cut off', async () => {
  const { target } = await directories()
  const zip = await zipOf({ name: 'a', content: Buffer.alloc(10_000_000) })
  const error = await unpackZip(withDeclaredSize(zip, 1000), target)
  expect(error?.message).toBe(unreadable)
  expect((await stat(join(target, 'a'))).size).toBeLessThanOrEqual(1000)
})

test('what is no zip, and a zip of nothing, are refused in AWS words', async () => {
  expect(await refusal(Buffer.from('not a zip'))).toBe(unreadable)
  expect(await refusal(new Uint8Array())).toBe(unreadable)
  expect(await refusal(await zipOf())).toBe('Uploaded file must be a non-empty zip')
})

test('a zip cut short at any byte is refused', async () => {
  const zip = await zipOf({ name: 'index.js', content: 'exports.handler = 1' })
  for (let length = 0; length < zip.length; length++) {
    const { target } = await directories()
    expect(await unpackZip(zip.subarray(0, length), target), `${length} bytes`).toBeDefined()
  }
})

test('a flipped bit never yields other content under a name of the zip', async () => {
  const content = 'exports.handler = async () => "the quick brown fox"'
  const zip = await zipOf({ name: 'index.js', content })
  const { target } = await directories()
  // One bit of every byte, each of the eight in turn.
  for (let bit = 0; bit < zip.length * 8; bit += 9) {
    const flipped = Buffer.from(zip)
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    const directory = join(target, String(bit))
    await mkdir(directory)
    if ((await unpackZip(flipped, directory)) !== undefined) continue
    const names = await readdir(directory, { recursive: true, withFileTypes: true })
    for (const file of names.filter((entry) => entry.isFile())) {
      expect(await readFile(join(file.parentPath, file.name), 'utf8'), `bit ${bit}`).toBe(content)
    }
  }
})

test('entries that share bytes of the zip refuse it, as small bombs are made', async () => {
  const zip = await zipOf(
    { name: 'one', content: 'x'.repeat(1000) },
    { name: 'two', content: 'y'.repeat(1000) },
  )
  const copy = Buffer.from(zip)
  // APPNOTE 4.3.12: a central header has the place of its local header at 42; both get the first's.
  const first = copy.indexOf('PK\u0001\u0002')
  const second = copy.indexOf('PK\u0001\u0002', first + 4)
  copy.copy(copy, second + 42, first + 42, first + 46)
  expect(await refusal(copy)).toBe(unreadable)
})

test('a zip in a file is unpacked like one in memory', async () => {
  const { root, target } = await directories()
  const zip = await zipOf({ name: 'index.js', content: '1' })
  await writeFile(join(root, 'code.zip'), zip)
  expect(await unpackZip(join(root, 'code.zip'), target)).toBeUndefined()
  expect(await readFile(join(target, 'index.js'), 'utf8')).toBe('1')
})

test(`zips changed at random are unpacked whole or refused, and never leave, seed ${seed}`, async () => {
  const random = randomFrom(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const zip = await zipOf(
    { name: 'index.js', content: 'exports.handler = 1'.repeat(20) },
    { name: 'lib/a.js', content: 'a'.repeat(300) },
    { name: 'lib/b/' },
    { name: 'bootstrap', content: '#!/bin/sh', mode: 0o100755 },
  )
  const { root, target } = await directories()
  for (let round = 0; round < 400; round += 1) {
    let mutant = Buffer.from(zip)
    for (let change = below(4); change >= 0 && mutant.length > 0; change -= 1) {
      const at = below(mutant.length)
      const kind = below(4)
      if (kind === 0) mutant.writeUInt8(below(256), at)
      else if (kind === 1) mutant = mutant.subarray(0, at)
      else if (kind === 2) {
        mutant = Buffer.concat([mutant.subarray(0, at), mutant.subarray(below(at + 1))])
      } else mutant.fill(0xff, at, Math.min(mutant.length, at + 4))
    }
    const directory = join(target, String(round))
    await mkdir(directory)
    const error = await unpackZip(mutant, directory)
    expect(error?.code ?? 'InvalidParameterValueException').toBe('InvalidParameterValueException')
  }
  expect(await readdir(root)).toEqual(['a'])
  expect(await readdir(join(root, 'a'))).toEqual(['b'])
  expect(await readdir(target)).toHaveLength(400)
})
