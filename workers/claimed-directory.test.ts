// Tests that temporary directories go with their process or at the next start, and nobody else's do.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { silentLogger } from '../common/logger.ts'
import { eventually } from '../test/support/eventually.ts'
import { leaveDirectory } from '../test/support/left-directory.ts'
import { ClaimedDirectory, claimedPrefixes, removeLeftDirectories } from './claimed-directory.ts'

let root = ''

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-claimed-'))
  vi.stubEnv('TMPDIR', root)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(root, { recursive: true })
})

/** Has a directory of each kind, with a file, until it is killed. */
const program = `
import { writeFileSync } from 'node:fs'
import { ClaimedDirectory, claimedPrefixes } from ${JSON.stringify(new URL('./claimed-directory.ts', import.meta.url).href)}
const all = claimedPrefixes.map((prefix) => new ClaimedDirectory(prefix))
for (const { path } of all) writeFileSync(path + '/file', 'x')
console.log(JSON.stringify(all.map(({ path }) => path)))
setInterval(() => {}, 1000)
`

test('directories of a process stay while it runs or is stopped, and go at a start after its kill', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const paths = JSON.parse(line) as string[]
  expect(paths).toHaveLength(claimedPrefixes.length)
  await eventually(
    () => (paths.every((path) => existsSync(join(path, 'alive'))) ? true : undefined),
    () => 'no claim was laid',
  )
  await removeLeftDirectories(silentLogger)
  expect(paths.map(existsFile)).toEqual([true, true])
  child.kill('SIGSTOP')
  await removeLeftDirectories(silentLogger)
  expect(paths.map(existsFile)).toEqual([true, true])
  child.kill('SIGKILL')
  await once(child, 'exit')
  await removeLeftDirectories(silentLogger)
  expect(await readdir(root)).toEqual([])
})

const existsFile = (path: string): boolean => existsSync(join(path, 'file'))

test('what nothing is known of stays: without a claim, of another name, behind a link, of a live process', async () => {
  await leaveDirectory(join(root, 'millrace-tmp-dead'))
  await leaveDirectory(join(root, 'other'))
  await mkdir(join(root, 'millrace-tmp-unclaimed'))
  await mkdir(join(root, 'millrace-tmp-file'))
  await writeFile(join(root, 'millrace-tmp-file', 'alive'), 'no socket')
  await writeFile(join(root, 'millrace-tmp-plain'), 'a file')
  await symlink(join(root, 'other'), join(root, 'millrace-tmp-link'))
  const own = new ClaimedDirectory('millrace-tmp-')
  await removeLeftDirectories(silentLogger)
  expect((await readdir(root)).toSorted()).toEqual(
    [
      'millrace-tmp-file',
      'millrace-tmp-link',
      'millrace-tmp-plain',
      'millrace-tmp-unclaimed',
      own.path.slice(root.length + 1),
      'other',
    ].toSorted(),
  )
  expect(existsSync(join(root, 'other', '0', 'deep', 'file'))).toBe(true)
  await own.close()
  expect(existsSync(own.path)).toBe(false)
})

test('a start removes no more than the bound, and the next one goes on', async () => {
  for (const i of [1, 2, 3]) await leaveDirectory(join(root, `millrace-tmp-${i}`))
  await removeLeftDirectories(silentLogger, 2)
  expect(await readdir(root)).toHaveLength(1)
  await removeLeftDirectories(silentLogger, 2)
  expect(await readdir(root)).toEqual([])
})

test('a directory that is closed before its claim is laid is gone all the same', async () => {
  await new ClaimedDirectory('millrace-environments-').close()
  await new Promise((resolve) => setImmediate(resolve))
  expect(await readdir(root)).toEqual([])
})

test('where no claim can be laid there is a directory nevertheless', async () => {
  const deep = join(root, 'x'.repeat(120))
  await mkdir(deep)
  vi.stubEnv('TMPDIR', deep)
  const directory = new ClaimedDirectory('millrace-tmp-')
  await removeLeftDirectories(silentLogger)
  expect(existsSync(directory.path)).toBe(true)
  // Nor is it laid under a part of the name.
  expect(await readdir(root)).toHaveLength(1)
  await directory.close()
  expect(await readdir(deep)).toEqual([])
})
