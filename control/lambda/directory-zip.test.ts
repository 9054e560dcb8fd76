// Tests what of a directory goes into a package, and that the package is one that is taken.
import { appendFileSync } from 'node:fs'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, expect, test } from 'vitest'
import { packDirectory } from './directory-zip.ts'
import { unpackZip } from './zip.ts'

async function open() {
  const root = await mkdtemp(join(tmpdir(), 'millrace-pack-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const directory = join(root, 'code')
  await mkdir(directory)
  const pack = (name = 'code.zip', except: readonly string[] = []) =>
    packDirectory(directory, join(root, name), { maxBytes: 1_000_000, except })
  const unpack = async (name = 'code.zip') => {
    const to = join(root, 'unpacked')
    expect(await unpackZip(join(root, name), to)).toBeUndefined()
    return to
  }
  return { root, directory, pack, unpack }
}

test('files, folders and what may be executed come out as they are; history and template stay behind', async () => {
  const { directory, pack, unpack } = await open()
  await mkdir(join(directory, 'lib/deep'), { recursive: true })
  await mkdir(join(directory, '.git'))
  await writeFile(join(directory, '.git/HEAD'), 'x')
  await writeFile(join(directory, 'template.yaml'), 'x')
  await writeFile(join(directory, 'bootstrap'), '#!/bin/sh\n')
  await chmod(join(directory, 'bootstrap'), 0o750)
  await writeFile(join(directory, 'lib/deep/größe.txt'), '☃')
  await pack()
  const to = await unpack()
  expect((await readdir(to)).toSorted()).toEqual(['bootstrap', 'lib'])
  expect((await stat(join(to, 'bootstrap'))).mode & 0o111).not.toBe(0)
  expect(await readFile(join(to, 'lib/deep/größe.txt'), 'utf8')).toBe('☃')
})

test('links are followed, in no circle and to nowhere', async () => {
  const { root, directory, pack, unpack } = await open()
  await mkdir(join(root, 'shared'))
  await writeFile(join(root, 'shared/one.js'), '1')
  await symlink(join(root, 'shared'), join(directory, 'shared'))
  await symlink(join(root, 'shared/one.js'), join(directory, 'alias.js'))
  await symlink('.', join(directory, 'circle'))
  await symlink('nowhere', join(directory, 'lost'))
  await pack()
  const to = await unpack()
  expect((await readdir(to, { recursive: true })).toSorted()).toEqual([
    'alias.js',
    'shared',
    'shared/one.js',
  ])
})

test('what is not to go in does not, wherever it lies below', async () => {
  const { directory, pack, unpack } = await open()
  const kept = join(directory, 'deep/data')
  await mkdir(kept, { recursive: true })
  await writeFile(join(kept, 'large'), Buffer.alloc(2_000_000))
  await writeFile(join(directory, 'deep/index.js'), '1')
  await pack('code.zip', [directory, kept])
  expect((await readdir(await unpack(), { recursive: true })).toSorted()).toEqual([
    'deep',
    'deep/index.js',
  ])
})

test('equal files give equal packages, whenever they were written', async () => {
  const { directory, pack } = await open()
  await writeFile(join(directory, 'b'), 'b')
  await writeFile(join(directory, 'a'), 'a')
  const first = await pack('1.zip')
  await rm(join(directory, 'b'))
  await writeFile(join(directory, 'b'), 'b')
  expect(await pack('2.zip')).toEqual(first)
  await writeFile(join(directory, 'b'), 'c')
  expect(await pack('3.zip')).not.toEqual(first)
})

test('more than a package may unpack to is not read', async () => {
  const { directory, root, pack } = await open()
  await writeFile(join(directory, 'large'), Buffer.alloc(600_000))
  await symlink('large', join(directory, 'again'))
  expect(await pack()).toBe('too large')
  expect(await readdir(root)).toEqual(['code'])
})

test('a file that grows while it is read is a change, not a package', async () => {
  const { directory, pack } = await open()
  const path = join(directory, 'a')
  await writeFile(path, Buffer.alloc(900_000))
  const end = new AbortController()
  const growing = pack().finally(() => end.abort())
  // After it was looked at and before it is read to its end.
  while (!end.signal.aborted) {
    appendFileSync(path, 'x')
    await new Promise(setImmediate)
  }
  expect(await growing).toBe('changed')
})
