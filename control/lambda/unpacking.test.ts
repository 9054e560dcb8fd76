// Tests that a large package comes to the same in its thread as a small one does without.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { overwritten, withDeclaredSize, zipOf } from '../../test/support/zip-file.ts'
import { unpackAside } from './unpacking.ts'
import { isLargeZip } from './zip.ts'

const sizeBytes = 20_000_000
const unreadable =
  'Could not unzip uploaded file. Please check your file, then try to upload again.'

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-unpacking-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

function largeZip(): Promise<Buffer> {
  return zipOf(
    { name: 'bootstrap', content: '#!/bin/sh', mode: 0o100755 },
    { name: 'zeros', content: Buffer.alloc(sizeBytes) },
  )
}

test('large is what unpacks to much or to many files, and not what is refused at a look', async () => {
  const many = await zipOf(...Array.from({ length: 101 }, (_, i) => ({ name: String(i) })))
  const small = await zipOf({ name: 'index.js', content: 'x'.repeat(100_000) })
  const zips = [await largeZip(), many, small, Buffer.from('no zip')]
  expect(await Promise.all(zips.map((zip) => isLargeZip(zip)))).toEqual([true, true, false, false])
  expect(await isLargeZip(withDeclaredSize(small, 262_144_000))).toBe(false)
})

test('a large package arrives whole, from memory and from a file, and leaves no thread', async () => {
  const target = await directory()
  const zip = await largeZip()
  await writeFile(join(target, 'code.zip'), zip)
  for (const from of [zip, join(target, 'code.zip')]) {
    expect(await unpackAside(from, target)).toBeUndefined()
    expect((await stat(join(target, 'bootstrap'))).mode & 0o777).toBe(0o755)
    const zeros = await readFile(join(target, 'zeros'))
    expect(zeros.equals(Buffer.alloc(sizeBytes))).toBe(true)
    await Promise.all(['zeros', 'bootstrap'].map((name) => rm(join(target, name))))
  }
  expect(process.getActiveResourcesInfo()).not.toContain('Worker')
})

test('a large package that is refused is so in the same words', async () => {
  const zip = await largeZip()
  const evil = overwritten(zip, 'bootstrap', '../strap_')
  for (const bad of [evil, withDeclaredSize(zip, 5_000_000)]) {
    const refusal = await unpackAside(bad, await directory())
    expect(refusal?.code).toBe('InvalidParameterValueException')
    expect(refusal?.message).toContain(bad === evil ? 'Could not unzip' : unreadable)
  }
})

test('a disk that fails the thread is told as one that fails without', async () => {
  const target = join(await directory(), 'file')
  await writeFile(target, '')
  await expect(unpackAside(await largeZip(), target)).rejects.toMatchObject({
    name: 'AppError',
    code: 'STORAGE_FAILED',
    message: expect.stringContaining('cannot write') as string,
  })
})
