// Tests Lambda's init phase: its limit, its repetition within the invocation, and what the log says, in real threads.
import { afterEach, expect, test } from 'vitest'
import { systemClock, type Clock } from '../common/clock.ts'
import { completed, startInvoker, tailOf, valueOf } from '../test/support/worker-threads.ts'

let workers: ReturnType<typeof startInvoker>
afterEach(() => workers.stop())

/** Top level of a handler: `nth` is how often it has run, in whatever environment. */
const countRuns = `const fs = require('node:fs')
fs.appendFileSync(__dirname + '/runs', 'x')
const nth = fs.readFileSync(__dirname + '/runs').length
`
/** Ten seconds of initialisation are half of one. */
const hurried: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs / 20, callback),
}

test('a top level that throws is run once more within the same invocation', async () => {
  workers = startInvoker()
  await workers.deploy(
    'flaky',
    `${countRuns}
    console.log('init', nth)
    if (nth === 1) throw new Error('not yet')
    exports.handler = async () => nth`,
  )
  const result = await workers.invoke('flaky', {}, true)
  expect(valueOf(result)).toBe(2)
  const { requestId } = completed(result)
  expect(
    tailOf(result)
      .split('\n')
      .map((line) => line.replace(/^\S+Z\t/, '')),
  ).toEqual([
    'undefined\tINFO\tinit 1',
    expect.stringMatching(/\tERROR\tUncaught Exception \t.*not yet/),
    expect.stringMatching(
      /^INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\tError Type: Error$/,
    ),
    'undefined\tINFO\tinit 2',
    `START RequestId: ${requestId} Version: $LATEST`,
    `END RequestId: ${requestId}`,
    // The second time belongs to the invocation: there is no Init Duration.
    expect.stringMatching(/^REPORT .*\tMax Memory Used: \d+ MB\t$/),
    '',
  ])
  expect(valueOf(await workers.invoke('flaky'))).toBe(2)
  expect(workers.invoker.environments).toBe(1)
})

test('one that throws twice fails the invocation, and is tried twice again by the next', async () => {
  workers = startInvoker({ environmentsMax: 1 })
  await workers.deploy('bad', `${countRuns}\nthrow new RangeError('run ' + nth)`)
  const first = await workers.invoke('bad', {}, true)
  expect(valueOf(first)).toMatchObject({ errorType: 'RangeError', errorMessage: 'run 2' })
  const phases = [...tailOf(first).matchAll(/^(INIT_REPORT|START|END|REPORT).*$/gm)].map(
    ([line, word]) => /Phase: \w+/.exec(line)?.[0] ?? word,
  )
  expect(phases).toEqual(['Phase: init', 'Phase: invoke', 'START', 'END', 'REPORT'])
  expect(tailOf(first)).toMatch(/Status: error\tError Type: RangeError\t\n$/)
  expect(valueOf(await workers.invoke('bad'))).toMatchObject({ errorMessage: 'run 4' })
})

test('a process.exit at the top level counts as a failed initialisation', async () => {
  workers = startInvoker()
  await workers.deploy(
    'exits',
    `${countRuns}\nif (nth === 1) process.exit(7)\nexports.handler = async () => nth`,
  )
  const result = await workers.invoke('exits', {}, true)
  expect(valueOf(result)).toBe(2)
  expect(tailOf(result)).toContain('Phase: init\tStatus: error\tError Type: Runtime.ExitError\n')
})

test('an initialisation that takes longer than ten seconds is begun anew, under the timeout', async () => {
  workers = startInvoker({ clock: hurried })
  await workers.deploy(
    'slow',
    `${countRuns}\nif (nth === 1) for (;;);\nexports.handler = async (_, context) => context.getRemainingTimeInMillis()`,
    { timeoutSeconds: 60 },
  )
  const result = await workers.invoke('slow', {}, true)
  expect(valueOf(result)).toBeLessThan(60_000)
  expect(tailOf(result)).toMatch(
    /^INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: timeout\nSTART/,
  )
})

test('one that never ends is a timeout of the function', async () => {
  workers = startInvoker({ clock: hurried, environmentsMax: 1 })
  await workers.deploy('stuck', 'for (;;);', { timeoutSeconds: 10 })
  const result = await workers.invoke('stuck', {}, true)
  expect(valueOf(result)).toMatchObject({
    errorType: 'Sandbox.Timedout',
    errorMessage: expect.stringMatching(/Error: Task timed out after 10\.00 seconds$/),
  })
  expect(tailOf(result)).toMatch(/Phase: invoke\tStatus: timeout\nSTART/)
  expect(tailOf(result)).toMatch(/\tStatus: timeout\t\n$/)
})

test('stopping the platform within an initialisation repeats nothing', async () => {
  workers = startInvoker()
  const gate = await workers.deployGated('f')
  await workers.deploy(
    'stuck',
    `${countRuns}\nsetInterval(() => {}, 1000)\nexports.handler = new Promise(() => {})`,
  )
  const running = workers.invoke('f')
  await gate.arrived(1)
  await workers.invoker.stop(10)
  expect(await running).toMatchObject({ outcome: 'refused', code: 'ServiceException' })
})

test('from nodejs24.x on a handler with a callback is refused in the words of its runtime', async () => {
  workers = startInvoker()
  const source = 'exports.handler = (event, context, callback) => callback(null, 1)'
  await workers.deploy('new', source, { runtime: 'nodejs24.x' })
  await workers.deploy('old', source, { runtime: 'nodejs22.x' })
  expect(valueOf(await workers.invoke('old'))).toBe(1)
  expect(valueOf(await workers.invoke('new'))).toMatchObject({
    errorType: 'Runtime.CallbackHandlerDeprecated',
    errorMessage: expect.stringMatching(
      /^ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node\.js 24\./,
    ),
  })
})
