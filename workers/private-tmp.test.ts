// Tests that /tmp is an environment's own: who sees it, how long it lives, how much it takes, in real threads.
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { functionFolder } from '../test/support/function-folder.ts'
import { startInvoker, valueOf } from '../test/support/worker-threads.ts'

let workers: ReturnType<typeof startInvoker>
afterEach(() => workers.stop())

/** Calls node:fs as its event says: `[function, ...arguments]`, a list of them for several. */
const caller = `
import fs, { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import os from 'node:os'
import { execSync } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
const own = {
  named: (path) => readFileSync(path, 'utf8'),
  namedPromise: (path) => readFile(path, 'utf8'),
  url: (path) => fs.readFileSync(new URL('file://' + path), 'utf8'),
  callback: (path, text) => promisify(fs.writeFile)(path, text),
  stream: (path, bytes) => pipeline([Buffer.alloc(bytes)], fs.createWriteStream(path)),
  handle: async (path, bytes) => {
    const handle = await fs.promises.open(path, 'w')
    try { await handle.write(Buffer.alloc(bytes)) } finally { await handle.close() }
  },
  descriptor: (path, bytes) => {
    const fd = fs.openSync(path, 'w')
    try { return fs.writeSync(fd, Buffer.alloc(10 * bytes), 0, bytes) } finally { fs.closeSync(fd) }
  },
  fill: (path, bytes) => fs.writeFileSync(path, Buffer.alloc(bytes)),
  shell: (command) => execSync(command).toString(),
  temporary: () => [os.tmpdir(), process.env.TMPDIR],
  exit: () => process.exit(1),
  hang: () => { for (;;); },
}
export const handler = async (calls) => {
  let result
  for (const [name, ...args] of calls) {
    try {
      result = await (own[name] ?? fs.promises[name] ?? fs[name])(...args)
    } catch (error) {
      result = error.code
    }
  }
  return result
}`

const deploy = (name: string, changes = {}) =>
  workers.deploy(name, { 'index.mjs': caller }, { timeoutSeconds: 2, ...changes })
const call = async (name: string, ...calls: readonly unknown[][]) =>
  valueOf(await workers.invoke(name, calls))

test('a file below /tmp is seen by its environment alone, whatever function of node:fs is used', async () => {
  workers = startInvoker()
  await deploy('f')
  await deploy('g')
  const path = `/tmp/${randomUUID()}`
  await call('f', ['mkdir', path], ['writeFile', `${path}/a`, 'text'])
  for (const read of ['named', 'namedPromise', 'url']) {
    expect(await call('f', [read, `${path}/a`])).toBe('text')
    expect(await call('g', [read, `${path}/a`])).toBe('ENOENT')
  }
  await call('f', ['callback', `${path}/b`, 'other'], ['rename', `${path}/b`, `/tmp/../tmp/./c`])
  expect(await call('f', ['named', '/tmp/c'])).toBe('other')
  expect(await call('f', ['readdir', '/tmp'])).toHaveLength(2)
  expect(existsSync(path)).toBe(false)
})

test('os.tmpdir and child processes find the same directory by TMPDIR', async () => {
  workers = startInvoker()
  await deploy('f')
  const [directory, variable] = (await call('f', ['temporary'])) as string[]
  expect(directory).toBe(variable)
  expect(await call('f', ['shell', 'echo hello > "$TMPDIR/child"'], ['named', '/tmp/child'])).toBe(
    'hello\n',
  )
  expect(await call('f', ['writeFile', `${directory}/x`, 'y'], ['named', '/tmp/x'])).toBe('y')
})

test('it lives as long as the environment, and on after a crash and a timeout', async () => {
  workers = startInvoker({ environmentsMax: 1 })
  await deploy('f')
  await deploy('g')
  await call('f', ['writeFile', '/tmp/a', 'text'])
  expect(await call('f', ['named', '/tmp/a'])).toBe('text')
  expect(await call('f', ['exit'])).toMatchObject({ errorType: 'Runtime.ExitError' })
  expect(await call('f', ['named', '/tmp/a'])).toBe('text')
  expect(await call('f', ['hang'])).toMatchObject({ errorType: 'Sandbox.Timedout' })
  expect(await call('f', ['named', '/tmp/a'])).toBe('text')
  // The one environment is ended for another function, not by a crash.
  await call('g')
  expect(await call('f', ['named', '/tmp/a'])).toBe('ENOENT')
})

test('nothing is left of it when the platform has stopped', async () => {
  workers = startInvoker()
  await deploy('f')
  const [directory] = (await call('f', ['writeFile', '/tmp/a', 'text'], ['temporary'])) as string[]
  expect(existsSync(join(directory ?? '', 'a'))).toBe(true)
  await workers.invoker.stop(1000)
  expect(existsSync(join(directory ?? '', '..'))).toBe(false)
})

test.each(['fill', 'descriptor', 'stream', 'handle'])(
  'more than its size is refused with ENOSPC (%s), and room that is made is there again',
  async (write) => {
    workers = startInvoker()
    await deploy('f', { ephemeralStorageMb: 1 })
    const half = 512 * 1024
    await call('f', [write, '/tmp/a', half], [write, '/tmp/b', half])
    expect(await call('f', [write, '/tmp/c', 1])).toBe('ENOSPC')
    expect(
      await call('f', ['shell', 'head -c 100 /dev/zero > "$TMPDIR/d"'], [write, '/tmp/c', 1]),
    ).toBe('ENOSPC')
    expect(await call('f', ['rm', '/tmp/a'], ['rm', '/tmp/d'], [write, '/tmp/c', half])).not.toBe(
      'ENOSPC',
    )
    expect(await call('f', [write, '/tmp/c', half + 1])).toBe('ENOSPC')
  },
)

test("the function's own code, and what one of its variables names and exists, are where they are", async () => {
  workers = startInvoker()
  const shared = await functionFolder({ in: 'shared' })
  const folder = await deploy('f', {
    environment: { OUT: join(shared.directory, 'out'), CACHE: '/tmp/cache' },
  })
  expect(await call('f', ['named', join(folder.directory, 'index.mjs')])).toBe(caller)
  expect(await call('f', ['named', join(shared.directory, 'in')])).toBe('shared')
  await call(
    'f',
    ['writeFile', join(shared.directory, 'out'), 'seen'],
    ['writeFile', '/tmp/cache', ''],
  )
  expect(await readFile(join(shared.directory, 'out'), 'utf8')).toBe('seen')
  expect(existsSync('/tmp/cache')).toBe(false)
  await shared.remove()
})
