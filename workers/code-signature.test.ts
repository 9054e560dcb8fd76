// Tests that every kind of edit shows, and that looking costs nothing while it need not be done.
import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../test/support/manual-clock.ts'
import { CodeSignature } from './code-signature.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-signature-'))
  await mkdir(join(directory, 'lib'))
  await mkdir(join(directory, 'node_modules', 'x'), { recursive: true })
  await writeFile(join(directory, 'index.js'), 'one')
  await writeFile(join(directory, 'lib', 'a.js'), 'two')
  await writeFile(join(directory, 'node_modules', 'x', 'index.js'), 'three')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const edits: [string, () => Promise<unknown>][] = [
  ['a longer file', () => writeFile(join(directory, 'index.js'), 'one more')],
  ['a newer file', () => utimes(join(directory, 'lib', 'a.js'), 1, 1)],
  ['a new file', () => writeFile(join(directory, 'lib', 'b.js'), '')],
  ['a removed file', () => rm(join(directory, 'lib', 'a.js'))],
  ['a renamed file', () => rename(join(directory, 'index.js'), join(directory, 'other.js'))],
  ['a new package', () => mkdir(join(directory, 'node_modules', 'y'))],
  ['no directory at all', () => rm(directory, { recursive: true })],
]

test.each(edits)('%s changes the signature', async (_, edit) => {
  const clock = new ManualClock()
  const signature = new CodeSignature(directory, clock)
  const before = signature.read()
  clock.advance(1000)
  expect(signature.read()).toBe(before)
  await edit()
  clock.advance(1000)
  expect(signature.read()).not.toBe(before)
})

test('a file inside a package is not looked at', async () => {
  const clock = new ManualClock()
  const signature = new CodeSignature(directory, clock)
  const before = signature.read()
  await writeFile(join(directory, 'node_modules', 'x', 'index.js'), 'changed')
  clock.advance(1000)
  expect(signature.read()).toBe(before)
})

test('a template beside the code is no part of it', async () => {
  const clock = new ManualClock()
  const signature = new CodeSignature(directory, clock)
  const before = signature.read()
  await writeFile(join(directory, 'template.yaml'), 'Resources: {}')
  clock.advance(1000)
  expect(signature.read()).toBe(before)
  await writeFile(join(directory, 'lib', 'template.yaml'), 'somebody reads this')
  clock.advance(1000)
  expect(signature.read()).not.toBe(before)
})

test('a look serves for a moment, so that load does not multiply it', async () => {
  const clock = new ManualClock()
  const signature = new CodeSignature(directory, clock)
  const before = signature.read()
  await writeFile(join(directory, 'index.js'), 'changed')
  clock.advance(5)
  expect(signature.read()).toBe(before)
})
