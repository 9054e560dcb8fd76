// Tests functions of provided runtimes in real processes: a `bootstrap` in Node stands for any runtime.
import { readdirSync, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../common/clock.ts'
import type { FunctionRecord } from '../../control/registry/registry.ts'
import { eventually } from '../../test/support/eventually.ts'
import { functionRecord } from '../../test/support/memory-registry.ts'
import { nodeBootstrap, nodeHandler } from '../../test/support/node-bootstrap.ts'
import { recordEvent } from '../../test/support/record-events.ts'
import { processesWith } from './proc-files.ts'
import { completed, startInvoker, tailOf, valueOf } from '../../test/support/worker-threads.ts'

let workers: ReturnType<typeof startInvoker>
afterEach(() => workers.stop())

const deploy = (
  files: Readonly<Record<string, string>>,
  changes: Partial<FunctionRecord> = {},
  name = 'f',
) =>
  workers.deploy(name, files, {
    runtime: 'provided.al2023',
    handler: 'any.thing',
    memorySizeMb: 512,
    timeoutSeconds: 30,
    ...changes,
  })

test('a runtime gets the event, its headers and Lambda’s variables, and its answer is the result', async () => {
  workers = startInvoker()
  const { directory } = await deploy(
    nodeHandler(
      'async (event, headers) => ({ event, headers, env: process.env, cwd: process.cwd() })',
    ),
    { environment: { TABLE: 'first' } },
  )
  const beforeMs = Date.now()
  const result = await workers.invoke('f', { a: 'ä' })
  const { event, headers, env, cwd } = valueOf(result) as Record<string, Record<string, string>>
  expect(event).toEqual({ a: 'ä' })
  expect(cwd).toBe(directory)
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'lambda-runtime-aws-request-id': completed(result).requestId,
    'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:000000000000:function:f',
    'lambda-runtime-invocation-id': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    'lambda-runtime-trace-id': expect.stringMatching(
      /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/,
    ) as string,
  })
  const deadlineMs = Number(headers?.['lambda-runtime-deadline-ms'])
  expect(deadlineMs - beforeMs).toBeGreaterThanOrEqual(30_000)
  expect(deadlineMs - beforeMs).toBeLessThan(45_000)
  expect(env).toMatchObject({
    _HANDLER: 'any.thing',
    TABLE: 'first',
    TZ: 'UTC',
    LAMBDA_TASK_ROOT: directory,
    AWS_LAMBDA_FUNCTION_NAME: 'f',
    AWS_LAMBDA_LOG_STREAM_NAME: expect.stringMatching(
      /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/,
    ) as string,
  })
  expect(env).not.toHaveProperty('AWS_EXECUTION_ENV')
})

test('a runtime gets an event of records as its text', async () => {
  workers = startInvoker()
  await deploy(nodeHandler('async (event) => event'))
  const payload = recordEvent(20)
  const result = await workers.invoker.invoke({ functionName: 'f', payload })
  expect(valueOf(result)).toEqual(JSON.parse(payload.text()))
})

test('a warm process serves the next event, with a log of Lambda’s lines for each', async () => {
  workers = startInvoker()
  await deploy(
    nodeHandler(
      'async () => { console.log("to out"); console.error("to err"); return process.pid }',
    ),
  )
  const first = await workers.invoke('f', {}, true)
  const second = await workers.invoke('f', {}, true)
  expect(valueOf(second)).toBe(valueOf(first))
  const { requestId } = completed(first)
  expect(tailOf(first)).toMatch(
    new RegExp(
      `^START RequestId: ${requestId} Version: \\$LATEST\nto out\nto err\nEND RequestId: ${requestId}\n` +
        `REPORT RequestId: ${requestId}\tDuration: .* ms\tBilled Duration: \\d+ ms\tMemory Size: 512 MB\t` +
        'Max Memory Used: [1-9]\\d* MB\tInit Duration: [\\d.]+ ms\t\n$',
    ),
  )
  expect(tailOf(second)).not.toContain('Init Duration')
  expect(workers.invoker.environments).toBe(1)
})

test('an error that the runtime reports is the result, as it words it', async () => {
  workers = startInvoker()
  await deploy(nodeHandler('async () => { throw new RangeError("no such gear") }'))
  const result = completed(await workers.invoke('f'))
  expect(result).toMatchObject({
    functionError: 'Unhandled',
    payload: '{"errorType":"RangeError","errorMessage":"no such gear"}',
  })
})

test('a payload that is no JSON is refused before a runtime sees it', async () => {
  workers = startInvoker()
  await deploy(nodeHandler('async () => 1'))
  expect(await workers.invoker.invoke({ functionName: 'f', payload: '{"a":' })).toMatchObject({
    outcome: 'refused',
    code: 'InvalidRequestContentException',
  })
  expect(workers.invoker.environments).toBe(0)
})

test('a client context comes as JSON in a header, whatever its characters', async () => {
  workers = startInvoker()
  await deploy(
    nodeHandler('async (event, headers) => JSON.parse(headers["lambda-runtime-client-context"])'),
  )
  const clientContext = Buffer.from('{"custom":\n{"name":"Zoë ☃"}}').toString('base64')
  const result = await workers.invoker.invoke({ functionName: 'f', payload: '{}', clientContext })
  expect(valueOf(result)).toEqual({ custom: { name: 'Zoë ☃' } })
})

test.each([
  ['process.exit(0)', 'Runtime exited without providing a reason'],
  ['process.exit(3)', 'Runtime exited with error: exit status 3'],
  [
    'process.kill(process.pid, "SIGKILL"); await sleep(9e5)',
    'Runtime exited with error: signal: killed',
  ],
  ['process.abort()', 'Runtime exited with error: signal: aborted'],
  [
    'process.kill(process.pid, "SIGSEGV"); await sleep(9e5)',
    'Runtime exited with error: signal: segmentation fault',
  ],
])(
  '%s fails the invocation in Lambda’s words, and the next one finds a new process',
  async (body, reason) => {
    workers = startInvoker()
    await deploy(nodeHandler(`async (event) => { if (event.ok) return 'fine'; ${body} }`))
    const result = completed(await workers.invoke('f', {}, true))
    const errorMessage = `RequestId: ${result.requestId} Error: ${reason}`
    expect(result.functionError).toBe('Unhandled')
    expect(valueOf(result)).toEqual({ errorType: 'Runtime.ExitError', errorMessage })
    expect(tailOf(result)).toContain(`${errorMessage}\nRuntime.ExitError\nEND RequestId`)
    expect(tailOf(result).split(errorMessage)).toHaveLength(2)
    expect(valueOf(await workers.invoke('f', { ok: true }))).toBe('fine')
  },
)

test('an endless loop ends at the timeout, and what it wrote before is kept', async () => {
  workers = startInvoker()
  await deploy(nodeHandler('async () => { fs.writeSync(1, "here\\n"); for (;;); }'), {
    timeoutSeconds: 1,
  })
  const result = completed(await workers.invoke('f', {}, true))
  expect(valueOf(result)).toEqual({
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${result.requestId} Error: Task timed out after 1.00 seconds`,
  })
  expect(tailOf(result)).toContain('\nhere\n')
  // The process has some tens of megabytes; it could have had 512.
  expect(tailOf(result)).toMatch(/Memory Size: 512 MB\tMax Memory Used: \d\d MB/)
  await until(() => workers.invoker.environments === 0)
  expect(countersOf('f').cpuMs).toBeGreaterThan(20)
})

test('eating memory ends the process as Lambda would, and children count', async () => {
  workers = startInvoker()
  const eat = 'const all = []; for (;;) { all.push(Buffer.alloc(1e7, 1)); await sleep(1) }'
  await deploy(nodeHandler(`async () => { ${eat} }`), { memorySizeMb: 200 })
  await deploy(
    nodeHandler(`async () => {
      const source = ${JSON.stringify(`const sleep = (ms) => new Promise((r) => setTimeout(r, ms)); (async () => { ${eat} })()`)}
      child_process.spawn(process.execPath, ['-e', source])
      await sleep(9e5)
    }`),
    { memorySizeMb: 200 },
    'parent',
  )
  for (const name of ['f', 'parent']) {
    const result = completed(await workers.invoke(name))
    expect(valueOf(result)).toEqual({
      errorType: 'Runtime.OutOfMemory',
      errorMessage: `RequestId: ${result.requestId} Error: Runtime exited with error: signal: killed`,
    })
    expect(countersOf(name).memoryUsedMb.read()).toBeGreaterThan(200)
  }
})

test('between events nothing of it runs, not even what it started', async () => {
  workers = startInvoker()
  await deploy(
    nodeHandler(`async () => {
      globalThis.child ??= child_process.spawn(process.execPath, ['-e', 'for (;;);'])
      return [process.pid, child.pid]
    }`),
  )
  const pids = valueOf(await workers.invoke('f')) as number[]
  await until(() => pids.every((pid) => stateOf(pid) === 'T'))
  const before = pids.map(ticksOf)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(pids.map(ticksOf)).toEqual(before)
  expect(valueOf(await workers.invoke('f'))).toEqual(pids)
})

test('whatever a process has started ends with it, daemons too', async () => {
  workers = startInvoker()
  await deploy(
    nodeHandler(`async () => {
      const start = (detached) => child_process.spawn('sleep', ['1000'], { detached, stdio: 'ignore' }).pid
      return [process.pid, start(false), start(true)]
    }`),
  )
  const pids = valueOf(await workers.invoke('f')) as number[]
  expect(pids.map(isAlive)).toEqual([true, true, true])
  await workers.registry.removeFunction('f')
  await until(() => workers.invoker.environments === 0)
  await until(() => pids.every((pid) => !isAlive(pid)))
})

test('hundreds of children harm nobody and end with their environment', async () => {
  workers = startInvoker()
  await deploy(
    nodeHandler(`async () => {
      const script = 'for i in $(seq 100); do sleep 1000 & setsid sleep 1000 & done; echo $$; wait'
      const shell = child_process.spawn('/bin/sh', ['-c', script])
      await new Promise((resolve) => shell.stdout.once('data', resolve))
      process.abort()
    }`),
    { environment: { MILL: 'hundreds' } },
  )
  expect(valueOf(await workers.invoke('f'))).toMatchObject({ errorType: 'Runtime.ExitError' })
  await until(() => workers.invoker.environments === 0)
  expect(processesWith('MILL', 'hundreds')).toEqual([])
  expect(zombiesOf(process.pid)).toEqual([])
})

test('a temporary directory is each environment’s own and goes with it; files are limited to 1024, cores to none', async () => {
  workers = startInvoker()
  await deploy(
    nodeHandler(`async () => {
      fs.writeFileSync(process.env.TMPDIR + '/file', '')
      const limit = child_process.execFileSync('/bin/sh', ['-c', 'echo $(ulimit -n; ulimit -c)']).toString().trim()
      // Longer than the other event would wait for this environment.
      await new Promise((resolve) => setTimeout(resolve, 300))
      return { directory: process.env.TMPDIR, count: fs.readdirSync(process.env.TMPDIR).length, limit }
    }`),
  )
  const seen = (await Promise.all([workers.invoke('f'), workers.invoke('f')])).map(
    (result) => valueOf(result) as { directory: string; count: number; limit: string },
  )
  expect(seen.map(({ count, limit }) => [count, limit])).toEqual([
    [1, '1024 0'],
    [1, '1024 0'],
  ])
  expect(seen[0]?.directory).not.toBe(seen[1]?.directory)
  await workers.invoker.stop(1000)
  for (const { directory } of seen) await expect(stat(directory)).rejects.toThrow('ENOENT')
})

/** Keeps a file for each event in TMPDIR, tells those it found, and does as it is told. */
const keeper = nodeHandler(`async ({ crash, hang, megabytes = 0 }) => {
  const found = fs.readdirSync(process.env.TMPDIR)
  fs.writeFileSync(process.env.TMPDIR + '/' + found.length, Buffer.alloc(megabytes * 1024 * 1024, 1))
  if (crash) process.abort()
  if (hang) await sleep(60_000)
  return found
}`)

test('what is in TMPDIR outlives a crash and a timeout, as /tmp on Lambda, and nothing else', async () => {
  workers = startInvoker()
  await deploy(keeper, { timeoutSeconds: 2 })
  expect(valueOf(await workers.invoke('f', { crash: true }))).toMatchObject({
    errorType: 'Runtime.ExitError',
  })
  expect(valueOf(await workers.invoke('f', { hang: true }))).toMatchObject({
    errorType: 'Sandbox.Timedout',
  })
  expect(valueOf(await workers.invoke('f'))).toEqual(['0', '1'])
  await deploy(keeper, { timeoutSeconds: 2, revision: 2 })
  expect(valueOf(await workers.invoke('f'))).toEqual([])
})

test('an environment that writes more than EphemeralStorage is ended and says why; the next begins empty', async () => {
  workers = startInvoker()
  await deploy(keeper, { ephemeralStorageMb: 10 })
  const fits = await workers.invoke('f', { megabytes: 9 })
  expect(valueOf(fits)).toEqual([])
  const result = await workers.invoke('f', { megabytes: 20, hang: true }, true)
  const { requestId } = completed(result)
  const problem = `RequestId: ${requestId} Error: TMPDIR holds \\d\\d MB, and EphemeralStorage is 10 MB`
  expect(valueOf(result)).toEqual({
    errorType: 'Runtime.ExitError',
    errorMessage: expect.stringMatching(new RegExp(`^${problem}$`)) as string,
  })
  expect(tailOf(result)).toMatch(new RegExp(`${problem}\\nRuntime.ExitError\\n`))
  expect(valueOf(await workers.invoke('f'))).toEqual([])
})

test('what is written just before the answer counts too', async () => {
  workers = startInvoker()
  await deploy(keeper, { ephemeralStorageMb: 10 })
  await workers.invoke('f', { megabytes: 20 })
  await until(() => workers.invoker.environments === 0)
  expect(valueOf(await workers.invoke('f'))).toEqual([])
})

test('a flood of output is cut to its end and harms nobody', async () => {
  workers = startInvoker()
  await deploy(
    nodeHandler(`async () => {
      const line = 'x'.repeat(1000) + '\\n'
      for (let i = 0; i < 20; i++) fs.writeSync(1, line.repeat(1000))
      fs.writeSync(1, 'y'.repeat(1e6) + ' the end')
      return 'done'
    }`),
  )
  const result = await workers.invoke('f', {}, true)
  expect(valueOf(result)).toBe('done')
  expect(tailOf(result)).toContain('the end\nEND RequestId')
})

test('output can be opened by name, and its lines keep their order and characters', async () => {
  workers = startInvoker()
  await deploy(
    nodeHandler(`async () => {
      fs.appendFileSync('/dev/stderr', 'one\\n')
      fs.writeSync(1, Buffer.from('tw☃').subarray(0, 4))
      await sleep(5)
      fs.writeSync(1, Buffer.concat([Buffer.from('☃').subarray(2), Buffer.from('o\\nthree')]))
    }`),
  )
  expect(tailOf(await workers.invoke('f', {}, true))).toContain('\none\ntw☃o\nthree\nEND')
})

test('an initialisation that fails is the result of the event that wanted it', async () => {
  workers = startInvoker()
  await deploy(
    nodeBootstrap(`
      console.log('cannot')
      const error = JSON.stringify({ errorType: 'Runtime.NoTable', errorMessage: 'no table' })
      const { status, body } = await call('POST', 'init/error', error)
      console.log(status, body)
      process.exit(1)`),
  )
  const result = await workers.invoke('f', {}, true)
  expect(valueOf(result)).toEqual({ errorType: 'Runtime.NoTable', errorMessage: 'no table' })
  expect(tailOf(result)).toMatch(
    /^cannot\n202 .*\nINIT_REPORT .*Phase: init.*\ncannot\n202 .*\nINIT_REPORT .*Phase: invoke.*\nSTART .*\nEND /,
  )
})

test.each(['not JSON at all', 'null', '"text"', '[]'])(
  'an error of the initialisation may be of any form: %s',
  async (body) => {
    workers = startInvoker()
    await deploy(
      nodeBootstrap(`await call('POST', 'init/error', ${JSON.stringify(body)}); process.exit(1)`),
    )
    expect(completed(await workers.invoke('f'))).toMatchObject({
      functionError: 'Unhandled',
      payload: body,
    })
  },
)

/** Ten seconds take one: what waits for Lambda's limits need not wait that long. */
const fastClock: Clock = {
  now: () => systemClock.now(),
  after: (delayMs, callback) => systemClock.after(delayMs / 10, callback),
}

test('an initialisation of ten seconds is cut off and runs again as part of the invocation', async () => {
  workers = startInvoker({ clock: fastClock })
  await deploy(
    nodeBootstrap(`
      const isFirst = !fs.existsSync('first')
      fs.writeFileSync('first', '')
      console.log(isFirst ? 'hangs' : 'does not')
      if (isFirst) await sleep(9e5)
      await serve(async () => 'fine')`),
  )
  const result = await workers.invoke('f', {}, true)
  expect(valueOf(result)).toBe('fine')
  expect(tailOf(result)).toMatch(
    /^hangs\nINIT_REPORT .*Phase: init\tStatus: timeout\ndoes not\nSTART .*\nEND .*\nREPORT .*\t\n$/,
  )
  expect(tailOf(result)).not.toMatch(/REPORT RequestId.*Init Duration/)
  expect(valueOf(await workers.invoke('f'))).toBe('fine')
})

test('an initialisation that never ends runs into the timeout', async () => {
  workers = startInvoker({ clock: fastClock })
  await deploy(nodeBootstrap(`console.log('hangs'); await sleep(9e5)`), { timeoutSeconds: 5 })
  const result = completed(await workers.invoke('f', {}, true))
  expect(valueOf(result)).toEqual({
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${result.requestId} Error: Task timed out after 5.00 seconds`,
  })
  expect(tailOf(result).match(/hangs/g)).toHaveLength(2)
})

test('a runtime that does not heed the request to end is killed', async () => {
  workers = startInvoker({ clock: fastClock, idleTimeoutMs: 500 })
  await deploy(
    nodeHandler(
      'async () => { process.on("SIGTERM", () => console.log("no")); return process.pid }',
    ),
  )
  const pid = valueOf(await workers.invoke('f')) as number
  await until(() => workers.invoker.environments === 0)
  expect(isAlive(pid)).toBe(false)
})

test('a bootstrap that is missing or no program is said in Lambda’s words', async () => {
  workers = startInvoker()
  const { directory } = await deploy({ 'index.js': '' })
  const missing = completed(await workers.invoke('f'))
  expect(valueOf(missing)).toEqual({
    errorType: 'Runtime.InvalidEntrypoint',
    errorMessage: `RequestId: ${missing.requestId} Error: Couldn't find valid bootstrap(s): [${directory}/bootstrap]`,
  })
  const plain = await deploy({ bootstrap: 'echo' }, {}, 'plain')
  const refused = completed(await workers.invoke('plain'))
  expect(valueOf(refused)).toEqual({
    errorType: 'Runtime.InvalidEntrypoint',
    errorMessage: `RequestId: ${refused.requestId} Error: fork/exec ${plain.directory}/bootstrap: permission denied`,
  })
  await until(() => workers.invoker.environments === 0)
})

test.each([
  [
    'java21',
    'java21 is not on this machine: package the function for provided.al2023 with a bootstrap that starts java',
  ],
  [
    'ruby3.4',
    'ruby3.4 is not on this machine: package the function for provided.al2023 with a bootstrap that starts ruby',
  ],
  [
    'dotnet8',
    'dotnet8 is not on this machine: publish the function for provided.al2023 (native AOT or self-contained)',
  ],
])('%s is refused with what to do about it', async (runtime, message) => {
  workers = startInvoker()
  await deploy({ 'index.js': '' }, { runtime })
  expect(await workers.invoke('f')).toMatchObject({
    outcome: 'refused',
    code: 'ServiceException',
    status: 500,
    message,
  })
})

test('many at once keep to the bound of environments, and a new revision replaces them', async () => {
  workers = startInvoker({ environmentsMax: 3 })
  await deploy(nodeHandler('async ({ n }) => { await sleep(5); return n }'))
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, n) => workers.invoke('f', { n })),
  )
  expect(results.map(valueOf)).toEqual(Array.from({ length: 40 }, (_, n) => n))
  expect(workers.invoker.environments).toBeLessThanOrEqual(3)
  await deploy(nodeHandler('async () => "new"'), { revision: 2, revisionId: 'second' })
  expect(valueOf(await workers.invoke('f'))).toBe('new')
  await until(() => workers.invoker.environments === 1)
})

test('threads and processes make room for each other', async () => {
  workers = startInvoker({ environmentsMax: 1 })
  await deploy(nodeHandler('async () => "process"'))
  await workers.deploy('thread', 'exports.handler = async () => "thread"')
  for (const [name, value] of [
    ['f', 'process'],
    ['thread', 'thread'],
    ['f', 'process'],
  ] as const) {
    expect(valueOf(await workers.invoke(name))).toBe(value)
    expect(workers.invoker.environments).toBe(1)
  }
})

test('a process that is ended from outside while it is idle is replaced', async () => {
  workers = startInvoker()
  await deploy(nodeHandler('async () => process.pid'))
  const pid = valueOf(await workers.invoke('f')) as number
  process.kill(pid, 'SIGKILL')
  await until(() => workers.invoker.environments === 0)
  expect(valueOf(await workers.invoke('f'))).not.toBe(pid)
})

test('an answer counts although its process ends before it asks for more', async () => {
  workers = startInvoker()
  await deploy(
    nodeBootstrap(`
      const { headers } = await call('GET', 'invocation/next')
      await call('POST', 'invocation/' + headers['lambda-runtime-aws-request-id'] + '/response', '"answered"')
      process.exit(1)`),
  )
  expect(valueOf(await workers.invoke('f'))).toBe('answered')
  expect(valueOf(await workers.invoke('f'))).toBe('answered')
})

test('a provisioned environment is initialised and frozen before its first event', async () => {
  workers = startInvoker()
  const { directory } = await deploy(
    nodeHandler(`async () => process.env.AWS_LAMBDA_INITIALIZATION_TYPE + ' ' + process.pid`),
  )
  const changes = { runtime: 'provided.al2023', memorySizeMb: 512, timeoutSeconds: 30 }
  const record = functionRecord('f', directory, changes)
  await workers.registry.putVersion({ ...record, version: '1', contentDigest: '' })
  const provisioned = [{ qualifier: '1', executions: 1, lastModifiedMs: 0 }]
  await workers.registry.putFunction({ ...record, revision: 2, provisioned })
  await until(() => workers.registry.workers()[0]?.provisioned[0]?.ready === 1)
  const invoke = async () =>
    valueOf(await workers.invoker.invoke({ functionName: 'f', qualifier: '1', payload: '{}' }))
  const [type, pid] = String(await invoke()).split(' ')
  expect(type).toBe('provisioned-concurrency')
  expect(await invoke()).toBe(`provisioned-concurrency ${pid}`)
  expect(countersOf('f').coldStarts).toBe(0)
  await until(() => stateOf(Number(pid)) === 'T')
})

test('stopping waits for environments that are about to end anyway', async () => {
  workers = startInvoker()
  await deploy(nodeHandler('async () => { process.on("SIGTERM", () => {}); return process.pid }'))
  const pids = (await Promise.all([workers.invoke('f'), workers.invoke('f')])).map(
    (result) => valueOf(result) as number,
  )
  // Its pool ends both, each in its time; each end has all pools looked at again.
  await workers.registry.removeFunction('f')
  process.kill(-(pids[0] ?? NaN), 'SIGKILL')
  await workers.invoker.stop(1000)
  expect(pids.map(isAlive)).toEqual([false, false])
})

test('stopping ends what runs and leaves no process behind', async () => {
  workers = startInvoker()
  await deploy(
    nodeHandler(
      `async ({ wait }) => { fs.writeFileSync('pid', String(process.pid)); if (wait) await sleep(9e5); return process.pid }`,
    ),
  )
  const pid = valueOf(await workers.invoke('f')) as number
  const running = workers.invoke('f', { wait: true })
  await workers.invoker.stop(50)
  expect(await running).toMatchObject({ outcome: 'refused', code: 'ServiceException' })
  await until(() => !isAlive(pid))
})

const until = (isSo: () => boolean): Promise<true> =>
  eventually(
    () => (isSo() ? (true as const) : undefined),
    () => String(isSo),
  )

function countersOf(name: string) {
  const found = workers.invoker.functions().find((each) => each.name === name)
  if (found === undefined) throw new Error(`${name} was never invoked`)
  return found.counters
}

function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Processes that have ended and that their parent has not asked about. */
function zombiesOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => {
    try {
      const [state, ppid] = statOf(pid)
      return state === 'Z' && Number(ppid) === parent
    } catch {
      // Gone since it was listed.
      return false
    }
  })
}

const stateOf = (pid: number): string | undefined => statOf(pid)[0]
const ticksOf = (pid: number): number => Number(statOf(pid)[11]) + Number(statOf(pid)[12])

function isAlive(pid: number): boolean {
  try {
    return stateOf(pid) !== 'Z'
  } catch {
    return false
  }
}
