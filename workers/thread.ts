// Runs in a thread of the pool: loads one handler, then gives it one event after another.
import { dirname } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { parentPort, threadId, workerData } from 'node:worker_threads'
import type { Clock } from '../common/clock.ts'
import { payloadMaxBytes } from '../common/limits.ts'
import { runtimeFilesMax } from '../common/process-limits.ts'
import { kernelThreadId, ThreadShare } from './cpu/thread-share.ts'
import { noSlot, writeFigures } from './event-slots.ts'
import { streamName, wordsFor } from './logs/stream-name.ts'
import { claimDirectory } from './runtime/claim-directory.ts'
import { EventLoop } from './runtime/event-loop.ts'
import { loadHandler, type Handler } from './runtime/handler-loader.ts'
import { makeTmpPrivate, namedDirectories } from './runtime/private-tmp.ts'
import { keepToOwnDescriptors } from './runtime/own-descriptors.ts'
import { runHandler, type Answer, type ContextFacts } from './runtime/run-handler.ts'
import { errorPayload, RuntimeError } from './runtime/runtime-errors.ts'
import { readSharedEvent } from './runtime/shared-event.ts'
import { LogPace } from './runtime/log-pace.ts'
import { boundSharedMemory } from './runtime/shared-memory.ts'
import { limitSockets } from './runtime/socket-limit.ts'
import { guardProcess } from './runtime/thread-guards.ts'
import { endChildrenOf } from './thread-children.ts'
import { logLines } from './runtime/log-lines.ts'
import { importFrom } from './runtime/layer-modules.ts'
import { captureOutput, ThreadOutput } from './runtime/thread-output.ts'
import type { TmpQuota } from './runtime/tmp-quota.ts'
import type {
  ThreadMessage,
  ThreadReply,
  ThreadResult,
  ThreadStart,
  ThreadTask,
} from './thread-messages.ts'

const settings = workerData as ThreadStart
const port = parentPort
const { setTimeout, clearTimeout, Date } = globalThis
const threadCpuUsage = process.threadCpuUsage.bind(process)
// Timers of ours must not count as something that the handler left behind.
const clock: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timeout = setTimeout(callback, delayMs).unref()
    return { cancel: () => clearTimeout(timeout) }
  },
}

// Lambda: from nodejs24.x on a handler is awaited, and callbacks are no more.
const awaitsReturn = Number(/\d+/.exec(settings.runtime)?.[0] ?? 0) >= 24

const callbackRefusal =
  'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.'

const logGroup = process.env['AWS_LAMBDA_LOG_GROUP_NAME']
let requestId = ''
let slot: number = noSlot
let handler: Handler | undefined
let loop: EventLoop | undefined
const tell = (message: ThreadMessage): void => port?.postMessage(message)
const share = new ThreadShare(settings, (message) => port?.postMessage(message))
const pace = new LogPace(settings.slots)
const output = new ThreadOutput((text, isRaw) => {
  tell({ type: 'log', requestId, text, isRaw, slot })
  pace.sent(text.length)
})
const words = wordsFor(settings.streamSeed, threadId)
const logStream = streamName(Date.now(), settings.functionVersion, words)
// Lambda: an initialisation belongs to no invocation.
const lines = logLines({
  format: process.env['AWS_LAMBDA_LOG_FORMAT'],
  level: process.env['AWS_LAMBDA_LOG_LEVEL'],
  requestId: () => (handler === undefined ? undefined : requestId),
})
const logError = (title: string, thrown: unknown): void => output.write(lines.error(title, thrown))

// Not process.exit as the handler sees it: for an end whose reason is told already.
const exitThread = guardProcess(settings.directory, (reason) =>
  tellEnding({
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${requestId} Error: ${reason}`,
  }),
)
prepareThread()
const tmpQuota = prepareTmp()
const tid = kernelThreadId()
process.on('exit', () => endChildrenOf(tid))

/** What comes of an event that is none. */
const nothing = { outcome: 'returned', payload: 'null' } as const

/** The pool's task: one event. Rejects never; a thread that cannot go on ends itself. */
export async function invoke(task: ThreadTask): Promise<ThreadReply> {
  ;({ slot, requestId } = task)
  if (slot >= 0) Atomics.store(settings.slots.running, slot, threadId)
  output.begin()
  pace.begin(slot)
  tmpQuota.begin()
  loop ??= new EventLoop(clock)
  const begunMs = performance.now()
  const initMs = handler === undefined ? await initialise() : undefined
  if (initMs !== undefined) share.hold()
  if (initMs !== undefined || task.announce) tell({ type: 'running', requestId })
  const startedMs = performance.now()
  // An initialisation that is repeated takes from the function's timeout.
  const spentMs = task.repeatsInit === true ? startedMs - begunMs : 0
  const { outcome, payload } = task.initOnly === true ? nothing : await run(task, spentMs)
  const { logMessages, lateOutput } = output.end()
  const durationMs = performance.now() - startedMs
  const figures = {
    durationMs,
    memoryUsedMb: memoryUsedMb(),
    threadCpuMs: threadCpuMs(),
    logMessages,
  }
  if (outcome === 'returned' && initMs === undefined && lateOutput === '' && slot >= 0) {
    writeFigures(settings.slots, slot, figures)
    return payload
  }
  const init = initMs === undefined ? {} : { initMs }
  return { outcome, payload, threadId, logStream, lateOutput, ...figures, ...init }
}

function prepareThread(): void {
  delete process.env['NODE_COMPILE_CACHE']
  process.env['AWS_LAMBDA_LOG_STREAM_NAME'] = logStream
  if (settings.nodeOptions !== undefined) process.env['NODE_OPTIONS'] = settings.nodeOptions
  process.setSourceMapsEnabled(settings.nodeOptions?.includes('--enable-source-maps') === true)
  captureOutput((text, isRaw) => output.write(text, isRaw), lines)
  limitSockets(runtimeFilesMax)
  boundSharedMemory(settings.memorySizeMb * 1024 * 1024)
  if (settings.opt !== undefined) importFrom(process.env['NODE_PATH']?.split(':') ?? [])
  process.on('uncaughtException', (error) => {
    logError('Uncaught Exception', error)
    endWith(error)
  })
  process.on('unhandledRejection', (reason) => {
    const error = new RuntimeError('UnhandledPromiseRejection', reason)
    logError('Unhandled Promise Rejection', error)
    endWith(error)
  })
}

/** What ends up in a child process finds the directory by TMPDIR, as os.tmpdir does. */
function prepareTmp(): TmpQuota {
  const platform = dirname(import.meta.dirname)
  const shared = [settings.directory, platform, ...namedDirectories(process.env)]
  const directory = claimDirectory(settings.directories, threadId)
  process.env['TMPDIR'] = directory
  const maxBytes = settings.ephemeralStorageMb * 1024 * 1024
  const quota = makeTmpPrivate({ directory, maxBytes, shared, opt: settings.opt })
  keepToOwnDescriptors()
  return quota
}

/** Loads the handler; resolves with how long it took. A module cannot be loaded twice, so an error ends. */
async function initialise(): Promise<number> {
  tell({ type: 'initialising', requestId, threadId, logStream })
  const startedMs = performance.now()
  try {
    handler = await loadHandler(settings.directory, settings.handler)
    if (awaitsReturn && handler.length >= 3) {
      throw new RuntimeError('CallbackHandlerDeprecated', callbackRefusal)
    }
  } catch (error) {
    logError(awaitsReturn ? 'Init Error' : 'Uncaught Exception', error)
    endWith(error)
  }
  return performance.now() - startedMs
}

/** `spentMs` of the function's timeout are over. */
async function run(task: ThreadTask, spentMs: number): Promise<Returned> {
  let event: unknown
  try {
    const { payload } = task
    event = typeof payload === 'string' ? JSON.parse(payload) : readSharedEvent(payload)
  } catch (error) {
    return { outcome: 'unparsable', payload: (error as SyntaxError | TypeError).message }
  }
  let facts: ContextFacts
  try {
    facts = contextFacts(task)
  } catch (error) {
    return failed(new Error(`Cannot parse ClientContext as json: ${String(error)}`))
  }
  if (handler === undefined || loop === undefined) throw new Error('an event before the handler')
  const answer = await runHandler({
    handler,
    event,
    facts,
    deadlineMs: clock.now() + settings.timeoutMs - Math.round(spentMs),
    awaitsReturn,
    clock,
    loop,
  })
  if (answer.ok === 'exited') process.exit(0)
  return serialise(answer)
}

type Returned = Pick<ThreadResult, 'outcome' | 'payload'>

function serialise(answer: Exclude<Answer, { ok: 'exited' }>): Returned {
  if (!answer.ok) return failed(answer.error)
  let payload: string
  try {
    // What JSON has no word for (undefined, a function) is null.
    payload = JSON.stringify(answer.value) ?? 'null'
  } catch {
    return failed(new Error('Unable to stringify response body'))
  }
  if (fits(payload)) return { outcome: 'returned', payload }
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${payloadMaxBytes} bytes).`
  return {
    outcome: 'failed',
    payload: JSON.stringify({ errorType: 'Function.ResponseSizeTooLarge', errorMessage }),
  }
}

function failed(error: unknown): Returned {
  logError('Invoke Error', error)
  return { outcome: 'failed', payload: bounded(JSON.stringify(errorPayload(error))) }
}

function contextFacts({ clientContext, invokedFunctionArn }: ThreadTask): ContextFacts {
  const xRayTraceId = traceIdOf(requestId)
  process.env['_X_AMZN_TRACE_ID'] = xRayTraceId
  return {
    functionName: settings.functionName,
    functionVersion: settings.functionVersion,
    invokedFunctionArn: invokedFunctionArn ?? settings.functionArn,
    memoryLimitInMB: String(settings.memorySizeMb),
    awsRequestId: requestId,
    logGroupName: logGroup,
    logStreamName: logStream,
    ...(awaitsReturn ? { xRayTraceId } : {}),
    ...(clientContext === undefined
      ? {}
      : { clientContext: JSON.parse(Buffer.from(clientContext, 'base64').toString()) as unknown }),
  }
}

/** Lambda: where tracing is not active, a trace of the invocation's own that is not sampled. */
function traceIdOf(id: string): string {
  const hex = id.replaceAll('-', '')
  const seconds = Math.floor(Date.now() / 1000).toString(16)
  return `Root=1-${seconds}-${hex.slice(0, 24)};Parent=${hex.slice(16)};Sampled=0`
}

function endWith(error: unknown): void {
  tellEnding(errorPayload(error))
  exitThread(1)
}

function tellEnding(payload: object): void {
  share.release()
  const text = bounded(JSON.stringify(payload))
  tell({ type: 'ending', requestId, payload: text, memoryUsedMb: memoryUsedMb() })
}

// A message of 100 MB must not come back as one.
function bounded(payload: string): string {
  if (fits(payload)) return payload
  const errorMessage = 'the error was larger than a response may be'
  return JSON.stringify({ errorType: 'Function.ResponseSizeTooLarge', errorMessage })
}

// Counting bytes costs; UTF-8 has at most three for each unit of a string.
function fits(payload: string): boolean {
  return payload.length * 3 <= payloadMaxBytes || Buffer.byteLength(payload) <= payloadMaxBytes
}

function threadCpuMs(): number {
  const { user, system } = threadCpuUsage()
  return (user + system) / 1000
}

function memoryUsedMb(): number {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics()
  return Math.ceil((heap + external) / 1024 / 1024)
}
