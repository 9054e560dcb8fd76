// Tests that nothing a handler does takes down the platform or another function, in real threads.
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../test/support/eventually.ts'
import { completed, startInvoker, tailOf, valueOf } from '../test/support/worker-threads.ts'

let workers: ReturnType<typeof startInvoker>
beforeAll(async () => {
  workers = startInvoker()
  await workers.deploy('bystander', 'let n = 0\nexports.handler = async () => ++n')
  await workers.invoke('bystander')
})
afterAll(() => workers.stop())

/** Invokes a bad function twice; the second time shows that it is served again. */
async function invokeBad(name: string, body: string, timeoutSeconds = 30) {
  const source = `const fs = require('node:fs')\nexports.handler = async () => {\n${body}\n}`
  await workers.deploy(name, source, { timeoutSeconds })
  const before = valueOf(await workers.invoke('bystander')) as number
  const result = completed(await workers.invoke(name, {}, true))
  // The same thread as before: its count went on.
  expect(valueOf(await workers.invoke('bystander'))).toBe(before + 1)
  return { result, error: JSON.parse(result.payload) as unknown, tail: tailOf(result) }
}

test.each([
  ['process.exit(0)', 'Runtime exited without providing a reason'],
  ['process.exit(3)', 'Runtime exited with error: exit status 3'],
  ["process.kill(process.pid, 'SIGKILL')", 'Runtime exited with error: signal: killed'],
  ['process.kill(0)', 'Runtime exited with error: signal: terminated'],
  ['process.abort()', 'Runtime exited with error: signal: aborted'],
])('%s ends that environment alone', async (body, reason) => {
  const { result, error, tail } = await invokeBad(body, body)
  expect(result.functionError).toBe('Unhandled')
  expect(tail).toContain(
    `\nRequestId: ${result.requestId} Error: ${reason}\nRuntime.ExitError\nEND `,
  )
  expect(error).toEqual({
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${result.requestId} Error: ${reason}`,
  })
})

test('an endless loop is killed at the timeout, and what it logged before is kept', async () => {
  const { result, error, tail } = await invokeBad('loop', "console.log('here'); for (;;) {}", 1)
  expect(error).toEqual({
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${result.requestId} Error: Task timed out after 1.00 seconds`,
  })
  expect(tail).toContain('INFO\there\n')
  expect(tail).toMatch(/Z [0-9a-f-]{36} Task timed out after 1\.00 seconds\nEND RequestId/)
})

test.each([
  // V8 would drop the check for interrupts of the outer loop with the inner one's.
  ['a loop around a small one', 'for (;;) new Array(1000).fill(0)'],
  [
    'a loop around small ones',
    'const sum = []; for (;;) sum[0] = new Array(50).fill(1).map((n) => n)',
  ],
])('%s is killed at the timeout', async (name, body) => {
  const { error } = await invokeBad(name, body, 1)
  expect(error).toMatchObject({ errorType: 'Sandbox.Timedout' })
})

test.each([
  ['a map', 'const all = new Map(); for (let i = 0; ; i++) all.set(i, i)', 'ExitError', 'aborted'],
  [
    'arrays that are filled',
    'const all = []; for (;;) all.push(new Array(1000).fill({}))',
    'ExitError',
    'aborted',
  ],
  ['buffers', 'const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))', 'OutOfMemory', 'killed'],
])('eating memory with %s ends that environment alone', async (name, body, type, signal) => {
  const { result, error, tail } = await invokeBad(name, body)
  const errorType = `Runtime.${type}`
  expect(error).toEqual({
    errorType,
    errorMessage: `RequestId: ${result.requestId} Error: Runtime exited with error: signal: ${signal}`,
  })
  expect(tail).toMatch(new RegExp(`REPORT .*\\tStatus: error\\tError Type: ${errorType}\\t\\n$`))
})

test('memory that threads share is bounded as well, and is there again when nobody has it', async () => {
  const { error } = await invokeBad(
    'shared',
    `const all = []
    let refused
    for (;;) {
      try { all.push(new SharedArrayBuffer(1e7)) } catch (error) { refused = String(error); break }
    }
    const [first] = all
    const { length } = all
    const isOne = first instanceof SharedArrayBuffer && first.constructor === SharedArrayBuffer
    class Own extends SharedArrayBuffer {}
    const own = new Own(8) instanceof Own
    all.length = 0
    for (let i = 0; i < 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      globalThis.garbage = Array.from({ length: 2e5 }, () => ({}))
      try { return [refused, length, isOne, own, new SharedArrayBuffer(1e8).byteLength] } catch {}
    }`,
  )
  const refused = 'RangeError: Array buffer allocation failed'
  expect(error).toEqual([refused, 13, true, true, 1e8])
})

test.each([
  ['exits', 'process.exit(3)'],
  [
    'throws outside of its handler',
    "setTimeout(() => { throw new Error('late') }); await new Promise(() => {})",
  ],
  [
    'is ended at its timeout',
    'const kept = Buffer.alloc(6e7, 1); for (;;) if (kept.length === 0) break',
  ],
])('REPORT tells what a handler that %s had, not what it might have had', async (name, body) => {
  const { tail } = await invokeBad(name, body, 2)
  const { mb = '', of } =
    /Memory Size: (?<of>\d+) MB\tMax Memory Used: (?<mb>\d+) MB/.exec(tail)?.groups ?? {}
  expect(Number(mb)).toBeGreaterThan(name.startsWith('is') ? 50 : 5)
  expect(Number(mb)).toBeLessThan(Number(of))
})

test.each([
  ['it waits for', 'child_process.execSync(script)', true],
  [
    'is beside it',
    "child_process.spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' }); await sleep(9e5)",
    true,
  ],
  [
    'it leaves',
    "child_process.spawn('sh', ['-c', script], { stdio: 'ignore' }); await sleep(200); process.exit(1)",
    false,
  ],
])('a process that %s ends with its environment', async (name, start, isTimeout) => {
  const before = workers.invoker.environments
  const file = join(tmpdir(), `millrace-child-${process.pid}-${isTimeout}-${start.length}`)
  const body = `const child_process = require('node:child_process')
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const script = 'echo $$ > ${file}; sleep 77; true'
    ${start}`
  const { error } = await invokeBad(`child ${name}`.replaceAll(' ', '-'), body, isTimeout ? 1 : 30)
  expect(error).toMatchObject({ errorType: isTimeout ? 'Sandbox.Timedout' : 'Runtime.ExitError' })
  const pid = Number(readFileSync(file, 'utf8'))
  rmSync(file)
  const isOver = () => !isRunning(pid) && workers.invoker.environments <= before
  await eventually(
    () => isOver() || undefined,
    () => `process ${pid} has ended and its environment is gone`,
  )
})

/** What has ended and is waited for by nobody is not. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test('an environment has 1024 sockets at most, and its end closes them', async () => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const open = `const net = require('node:net')
    for (let i = 0; ; i++) {
      const socket = net.connect(${port}, '127.0.0.1')
      const error = await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve))
      if (!error) continue
      console.log('opened', i)
      const fetched = await fetch('http://127.0.0.1:${port}').catch(({ cause }) => cause.code)
      if (fetched === 'EMFILE') throw error
    }`
  const { error, tail } = await invokeBad('sockets', open)
  expect(error).toMatchObject({
    errorType: 'Error',
    errorMessage: `connect EMFILE 127.0.0.1:${port} - Local (undefined:undefined)`,
  })
  expect(tail).toContain('INFO\topened 1024\n')
  await invokeBad('sockets', 'process.exit()')
  server.close()
  await once(server, 'close')
  expect(sockets.size).toBe(0)
})

test('an error thrown in the background fails the invocation that runs', async () => {
  const { error, tail } = await invokeBad(
    'background',
    "setTimeout(() => { throw new Error('late') }, 1); await new Promise((r) => setTimeout(r, 5000))",
  )
  expect(error).toMatchObject({ errorType: 'Error', errorMessage: 'late' })
  expect(tail).toContain('ERROR\tUncaught Exception \t{"errorType":"Error"')
})

test('a rejection that nobody handles fails the invocation that runs', async () => {
  const { error } = await invokeBad(
    'rejection',
    "Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 5000))",
  )
  expect(error).toMatchObject({
    errorType: 'Runtime.UnhandledPromiseRejection',
    errorMessage: 'Error: lost',
  })
})

test('what is left running stands still between invocations', async () => {
  await workers.deploy(
    'leftover',
    'let n = 0\nexports.handler = async () => { setInterval(() => n++, 1).unref(); return n }',
  )
  expect(valueOf(await workers.invoke('leftover'))).toBe(0)
  const deadline = performance.now() + 40
  while (performance.now() < deadline) await workers.invoke('bystander')
  expect(valueOf(await workers.invoke('leftover'))).toBeLessThan(5)
})

test('the standard streams stay open for the platform', async () => {
  const { error } = await invokeBad(
    'streams',
    'fs.closeSync(0); fs.closeSync(1); fs.closeSync(2); process.stdin.destroy(); return "done"',
  )
  expect(error).toBe('done')
})

test('descriptors of the platform are none of a handler’s, and its own are', async () => {
  const own = '/tmp/own'
  const { error } = await invokeBad(
    'descriptors',
    `const { promisify } = require('node:util')
    const told = []
    for (let fd = 3; fd < 200; fd++) {
      for (const name of ['close', 'write', 'ftruncate', 'read', 'fstat']) {
        try { fs[name + 'Sync'](fd, Buffer.from('x')) } catch (error) { told.push(error.code) }
      }
      await promisify(fs.close)(fd).catch((error) => told.push(error.code))
    }
    fs.writeFileSync('${own}', 'kept')
    const once = fs.openSync('${own}', 'r+')
    const text = Buffer.alloc(4)
    fs.readSync(once, text, 0, 4, 0)
    fs.closeSync(once)
    let twice
    try { fs.closeSync(once) } catch (error) { twice = error.message }
    const handle = await fs.promises.open('${own}')
    const { size } = fs.fstatSync(handle.fd)
    const { fd } = handle
    await handle.close()
    const later = await promisify(fs.fstat)(fd).catch((error) => error.code)
    const opened = await promisify(fs.open)('${own}', 'r')
    await promisify(fs.close)(opened)
    const stream = []
    for await (const chunk of fs.createReadStream('${own}')) stream.push(String(chunk))
    await new Promise((resolve) => fs.createWriteStream('/tmp/out').end('out', resolve))
    return [[...new Set(told)], told.length, String(text), twice, size, later, stream, fs.readFileSync('/tmp/out', 'utf8')]`,
  )
  const twice = 'EBADF: bad file descriptor, close'
  expect(error).toEqual([['EBADF'], 197 * 6, 'kept', twice, 4, 'EBADF', ['kept'], 'out'])
})

test('a line of 100 MB and a hundred thousand lines are cut to the tail', async () => {
  const huge = await invokeBad('huge', "console.log('x'.repeat(1e8)); return 1")
  expect(huge.error).toBe(1)
  expect(huge.tail.length).toBe(4096)
  const many = await invokeBad('many', "for (let i = 0; i < 1e5; i++) console.log('line', i)")
  expect(many.tail).toContain('line 99999\nEND RequestId')
  expect(many.tail.length).toBe(4096)
})

test('process.chdir is refused as Node refuses it in threads', async () => {
  const { error } = await invokeBad('chdir', "process.chdir('/')")
  expect(error).toMatchObject({ errorType: 'TypeError' })
})

test('options of Node that a thread cannot take are shown to the handler and do no harm', async () => {
  await workers.deploy('flags', 'exports.handler = async () => process.env.NODE_OPTIONS', {
    environment: { NODE_OPTIONS: '--no-such-flag' },
  })
  expect(valueOf(await workers.invoke('flags'))).toBe('--no-such-flag')
})
