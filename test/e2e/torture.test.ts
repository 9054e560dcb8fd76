// Lets functions misbehave in every way at once, again and again, beside 190 that behave, and looks for what is left.
import { readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DeleteFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  ListFunctionsCommand,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen } from '../../common/listen.ts'
import { refusalOf } from '../support/control-harness.ts'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { nodeHandler } from '../support/node-bootstrap.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { controlGroups, descriptorKinds, processFacts } from '../support/process-facts.ts'
import { badFunctions, goodFiles, packageOf, unzippedMaxBytes } from '../support/torture.ts'
import { withDeclaredSize, zipOf } from '../support/zip-file.ts'

const rounds = 3
/** What is kept of two floods is more. */
const logsMaxBytes = 512 * 1024
/**
 * What V8 and the allocator keep for later, of 350 threads that came and went: 61 MB were seen. All that the eaters of
 * memory take, again and again, is gigabytes.
 */
const residentMarginMb = 192
/** Without them glibc keeps 340 to 400 MB of what it was given back, as for any process of Node (docs/functions.md). */
const allocator = { MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '32768' }
const good = Array.from({ length: 190 }, (_, i) => `good-${i}`)
const connections = new Set<Socket>()

type Held = ReturnType<typeof held>

let scratch: string
let platform: Platform
let client: LambdaClient
let sink: Server
let bad: ReturnType<typeof badFunctions>
let before: Held

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-torture-'))
  sink = createServer((socket) => {
    connections.add(socket.on('error', () => {}).on('close', () => connections.delete(socket)))
  })
  bad = badFunctions(await listen(sink, { door: 'sink', host: '127.0.0.1', port: 0 }))
  platform = await startPlatform({
    args: ['--function-logs-max', String(logsMaxBytes)],
    env: { TMPDIR: scratch, ...allocator },
  })
  client = lambdaClient(platform)
  before = await heldOnceUsed()
  await Promise.all([
    ...good.map((name) => createFunction(client, { name, files: goodFiles })),
    ...bad.map((each) => createFunction(client, { ...each, handler: 'index.handler' })),
    createFunction(client, { name: 'large', files: goodFiles, timeoutSeconds: 60 }),
    createFunction(client, { name: 'bombed', files: goodFiles }),
  ])
})
afterAll(async () => {
  client.destroy()
  sink.close()
  await platform.stop()
  await rm(scratch, { recursive: true, force: true })
})

/** With what stays for good once it was needed: the machine's threads for files, the guard of processes. */
async function heldOnceUsed(): Promise<Held> {
  const process = { runtime: 'provided.al2023', files: nodeHandler('async () => 1') } as const
  await createFunction(client, { name: 'first', files: goodFiles })
  await createFunction(client, { name: 'first-process', ...process })
  await Promise.all([invoke('first', 1), invoke('first-process')])
  await deleteAll()
  return eventually(
    () => {
      const now = held()
      const isQuiet = now.temporary.length <= 2 && now.controlGroups <= 1 && now.openFiles === 0
      return isQuiet ? now : undefined
    },
    () => `the first functions to be gone: ${JSON.stringify(held())}`,
  )
}

/** What the platform holds at this moment. */
function held() {
  const kinds = descriptorKinds(platform.pid)
  return {
    ...processFacts(platform.pid),
    /** In its data directory, as logs of functions. */
    openFiles: kinds['/tmp/millrace-'] ?? 0,
    temporary: readdirSync(scratch),
    unpacking: readdirSync(join(platform.dataDir, 'functions')).filter((name) =>
      name.startsWith('.'),
    ),
  }
}

async function invoke(name: string, n = 0) {
  const { FunctionError, Payload, $metadata } = await client.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify({ n }) }),
  )
  return {
    requestId: $metadata.requestId ?? '',
    functionError: FunctionError,
    value: JSON.parse(Buffer.from(Payload ?? []).toString()) as unknown,
  }
}

async function repeat(times: number, once: (time: number) => Promise<void>): Promise<void> {
  for (let time = 0; time < times; time++) await once(time)
}

/** One event after another, to each at least one; whoever it is that answers, and what, is known beforehand. */
async function behave(names: readonly string[], isOver: () => boolean): Promise<void> {
  for (let n = 0; n < names.length || !isOver(); n++) {
    const name = names[n % names.length] ?? ''
    expect((await invoke(name, n)).value).toEqual([name, 2 * n])
  }
}

async function misbehave({ name, answer }: (typeof bad)[number]): Promise<void> {
  const { requestId, functionError, value } = await invoke(name)
  const expected = answer(requestId)
  const isError = typeof expected === 'object'
  expect({ name, functionError, value }).toEqual({
    name,
    functionError: isError ? 'Unhandled' : undefined,
    value: isError ? expect.objectContaining(expected) : expected,
  })
}

function upload(functionName: string, ZipFile: Uint8Array): Promise<unknown> {
  return client.send(new UpdateFunctionCodeCommand({ FunctionName: functionName, ZipFile }))
}

/** A package just below the limit is taken, and the next one by its turn; each says how large it is. */
async function uploadLarge(packages: readonly Buffer[], round: number): Promise<void> {
  const turn = round % 2
  await upload('large', packages[turn] ?? Buffer.alloc(0))
  expect((await invoke('large')).value).toBe(unzippedMaxBytes - 1 - turn)
}

/** Each is refused, and what was there before goes on. */
async function uploadBombs(bombs: readonly (readonly [Buffer, string])[]): Promise<void> {
  for (const [bomb, message] of bombs) {
    expect(await refusalOf(upload('bombed', bomb))).toEqual({
      name: 'InvalidParameterValueException',
      status: 400,
      message,
    })
    expect((await invoke('bombed', 1)).value).toEqual(['bombed', 2])
  }
}

/** What is refused, with Lambda's text: a byte too much, four gigabytes, and more than is said. */
async function makeBombs() {
  const zeros = await zipOf({ name: 'zeros', content: Buffer.alloc(10_000_000) })
  const size = 'Unzipped size must be smaller than 262144000 bytes'
  const unreadable =
    'Could not unzip uploaded file. Please check your file, then try to upload again.'
  return [
    [await packageOf(unzippedMaxBytes), size],
    [withDeclaredSize(zeros, 2 ** 32 - 2), size],
    [withDeclaredSize(zeros, 1000), unreadable],
  ] as const
}

async function deleteAll(): Promise<void> {
  for (;;) {
    const { Functions = [] } = await client.send(new ListFunctionsCommand({}))
    if (Functions.length === 0) return
    await Promise.all(
      Functions.map(({ FunctionName }) => client.send(new DeleteFunctionCommand({ FunctionName }))),
    )
  }
}

function logBytes(): number {
  const folder = join(platform.dataDir, 'function-logs', '~aws~lambda~flood.group')
  const chunks = readdirSync(folder).filter((name) => name.endsWith('.log'))
  return chunks.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}

test('while ten of two hundred functions misbehave again and again, each gets its answer, and the others theirs', async () => {
  const larges = [await packageOf(unzippedMaxBytes - 1), await packageOf(unzippedMaxBytes - 2)]
  const bombs = await makeBombs()
  const misdeeds = [
    ...bad.map((each) => () => misbehave(each)),
    (round: number) => uploadLarge(larges, round),
    () => uploadBombs(bombs),
  ]
  const state = { haveBehaved: false, haveMisbehaved: false }
  const misbehaveAll = async (): Promise<void> => {
    await Promise.all(misdeeds.map((once) => repeat(rounds, once)))
    state.haveMisbehaved = true
    // One after another, for as long as there is somebody to disturb.
    for (let time = 0; !state.haveBehaved; time++) {
      await misdeeds[time % misdeeds.length]?.(Math.floor(time / misdeeds.length))
    }
  }
  // Most begin cold, for there are fewer environments than functions; a few are asked often.
  const behaveAll = async (): Promise<void> => {
    await Promise.all([
      ...[good.slice(0, 95), good.slice(95)].map((names) => behave(names, () => true)),
      behave(good.slice(0, 10), () => state.haveMisbehaved),
    ])
    state.haveBehaved = true
  }
  await Promise.all([misbehaveAll(), behaveAll()])
  expect(logBytes()).toBeLessThanOrEqual(logsMaxBytes)
}, 120_000)

test('when the functions are deleted nothing is left of what they took', async () => {
  await deleteAll()
  client.destroy()
  await eventually(
    () => {
      const now = held()
      const isGone =
        now.threads <= before.threads &&
        now.descriptors <= before.descriptors &&
        now.children <= before.children &&
        now.controlGroups <= before.controlGroups &&
        now.residentMb <= before.residentMb + residentMarginMb &&
        now.temporary.length <= before.temporary.length &&
        now.unpacking.length === 0 &&
        connections.size === 0
      return isGone ? true : undefined
    },
    () => `${JSON.stringify(held())}\nto be no more than\n${JSON.stringify(before)}`,
    60_000,
  )
}, 90_000)

test('when the platform stops nothing is left of it', async () => {
  expect(await platform.stop()).toBe(0)
  // The cache of compiled code is Node's, for its next start.
  expect(readdirSync(scratch).filter((name) => name !== 'node-compile-cache')).toEqual([])
  expect(controlGroups(platform.pid)).toEqual([])
})
