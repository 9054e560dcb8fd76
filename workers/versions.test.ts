// Tests that versions and aliases run their own code and configuration, beside $LATEST.
import { onTestFinished, expect, test } from 'vitest'
import { functionFolder } from '../test/support/function-folder.ts'
import { functionRecord } from '../test/support/memory-registry.ts'
import { completed, startInvoker, tailOf, valueOf } from '../test/support/worker-threads.ts'
import type { InvokerOptions } from './invoker.ts'

const source = (code: string): string => `
let n = 0
exports.handler = async (_, context) => ({
  code: '${code}',
  n: ++n,
  stage: process.env.STAGE,
  version: process.env.AWS_LAMBDA_FUNCTION_VERSION,
  stream: /\\[(.*)\\]/.exec(context.logStreamName)[1],
  contextVersion: context.functionVersion,
  arn: context.invokedFunctionArn,
  memory: context.memoryLimitInMB,
})`

/** $LATEST, versions 1 and 2, and alias `live`: three quarters to 1, a quarter to 2. */
async function start(options: Partial<InvokerOptions> = {}) {
  const workers = startInvoker(options)
  onTestFinished(() => workers.stop())
  const { registry } = workers
  const { directory } = await workers.deploy('fn', source('new'), {
    environment: { STAGE: 'latest' },
    aliases: [
      {
        name: 'live',
        functionVersion: '1',
        description: '',
        revisionId: 'a',
        additional: { version: '2', weight: 0.25 },
      },
      { name: 'newest', functionVersion: '$LATEST', description: '', revisionId: 'b' },
    ],
  })
  for (const version of ['1', '2']) {
    const folder = await functionFolder({ 'index.js': source(`old ${version}`) })
    onTestFinished(() => folder.remove())
    const changes = { environment: { STAGE: `v${version}` }, memorySizeMb: 200 + Number(version) }
    const record = functionRecord('fn', folder.directory, changes)
    await registry.putVersion({ ...record, version, contentDigest: version })
  }
  const invoke = (qualifier?: string, tailLog = false) =>
    workers.invoker.invoke({
      functionName: 'fn',
      ...(qualifier === undefined ? {} : { qualifier }),
      payload: '{}',
      tailLog,
    })
  return { ...workers, invoke, directory }
}

test('a version runs its own code, configuration and threads, and says which it is', async () => {
  const { invoke } = await start()
  const arn = 'arn:aws:lambda:us-east-1:000000000000:function:fn'
  const one = await invoke('1', true)
  expect(completed(one).executedVersion).toBe('1')
  expect(tailOf(one)).toMatch(/^START RequestId: .* Version: 1\n/)
  expect(valueOf(one)).toEqual({
    code: 'old 1',
    n: 1,
    stage: 'v1',
    version: '1',
    stream: '1',
    contextVersion: '1',
    arn: `${arn}:1`,
    memory: '201',
  })
  const latest = await invoke(undefined, true)
  expect(tailOf(latest)).toMatch(/^START RequestId: .* Version: \$LATEST\n/)
  expect(valueOf(latest)).toMatchObject({
    code: 'new',
    n: 1,
    stage: 'latest',
    version: '$LATEST',
    arn,
  })
  expect(valueOf(await invoke('$LATEST'))).toMatchObject({ n: 2, arn: `${arn}:$LATEST` })
  expect(valueOf(await invoke('1'))).toMatchObject({ n: 2 })
})

test('an alias parts its invocations by weight, and is what the handler hears of', async () => {
  const draws = [0.25, 0.2499, 0.9, 0]
  const { invoke } = await start({ random: () => draws.shift() ?? 0.5 })
  const versions = []
  for (let i = 0; i < 4; i++) {
    const result = await invoke('live')
    versions.push(completed(result).executedVersion)
    expect(valueOf(result)).toMatchObject({
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:fn:live',
    })
  }
  expect(versions).toEqual(['1', '2', '1', '2'])
  expect(completed(await invoke('newest')).executedVersion).toBe('$LATEST')
})

test('a version stays warm when $LATEST is published or changes', async () => {
  const { invoke, registry } = await start()
  await invoke('1')
  await invoke()
  const latest = registry.function('fn')
  if (latest === undefined) throw new Error('no function')
  const { revisionId: contentId } = latest
  await registry.putFunction({ ...latest, revision: 2, revisionId: 'published', contentId })
  expect(valueOf(await invoke())).toMatchObject({ n: 2 })
  await registry.putFunction({ ...latest, revision: 3, revisionId: 'changed' })
  expect(valueOf(await invoke())).toMatchObject({ n: 1 })
  expect(valueOf(await invoke('1'))).toMatchObject({ n: 2 })
})

test('a version that is not there, or is gone with its function, is not found', async () => {
  const { invoke, registry } = await start()
  expect(await invoke('7')).toMatchObject({
    code: 'ResourceNotFoundException',
    message: 'Function not found: arn:aws:lambda:us-east-1:000000000000:function:fn:7',
  })
  await invoke('1')
  await registry.removeVersion('fn', '1')
  expect(await invoke('1')).toMatchObject({ code: 'ResourceNotFoundException' })
  await registry.removeFunction('fn')
  expect(await invoke('2')).toMatchObject({ code: 'ResourceNotFoundException' })
})

test('a version and its function share one reservation and one row of counters', async () => {
  const { invoke, invoker, registry } = await start()
  const latest = registry.function('fn')
  if (latest === undefined) throw new Error('no function')
  await registry.putFunction({ ...latest, revision: 2, reservedConcurrency: 1 })
  const results = await Promise.all([invoke('1'), invoke('2')])
  expect(results.map((result) => ('code' in result ? result.reason : result.outcome))).toEqual([
    'completed',
    'ReservedFunctionConcurrentInvocationLimitExceeded',
  ])
  await invoke()
  expect(invoker.functions().map(({ name, counters }) => [name, counters.invocations])).toEqual([
    ['fn', 2],
  ])
})
