// Opens the queue of asynchronous invocations on a manual clock, with functions that answer as told.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { AsyncInvoker } from '../../control/async/async-invoker.ts'
import { retryPaces, type RetryPace } from '../../control/async/retry-plan.ts'
import { backlogLimits, type BacklogLimits } from '../../control/async/backlog.ts'
import {
  payloadText,
  type FunctionInvoker,
  type Invocation,
  type InvocationResult,
} from '../../common/invocation.ts'
import { silentLogger } from '../../common/logger.ts'
import type { FunctionRecord } from '../../control/registry/registry.ts'
import { eventually } from './eventually.ts'
import { ManualClock } from './manual-clock.ts'
import { functionRecord, MemoryRegistry } from './memory-registry.ts'
import { RecordingSender } from './recording-sender.ts'

/** Each function answers as its script says; who is invoked is kept. */
export class ScriptedFunctions implements FunctionInvoker {
  readonly seen: Invocation[] = []
  answer: (invocation: Invocation) => InvocationResult | Promise<InvocationResult> = succeeded

  async invoke(invocation: Invocation): Promise<InvocationResult> {
    this.seen.push(invocation)
    return this.answer(invocation)
  }

  payloads(functionName?: string): string[] {
    const of = this.seen.filter(
      (i) => functionName === undefined || i.functionName === functionName,
    )
    return of.map(({ payload }) => payloadText(payload))
  }
}

export function succeeded({ requestId = '' }: Invocation): InvocationResult {
  return { outcome: 'completed', requestId, executedVersion: '$LATEST', payload: '{"did":"it"}' }
}

export function failed({ requestId = '' }: Invocation): InvocationResult {
  const payload = '{"errorType":"Error","errorMessage":"no such tyre"}'
  const functionError = 'Unhandled'
  return { outcome: 'completed', requestId, executedVersion: '$LATEST', payload, functionError }
}

export function throttled({ requestId = '' }: Invocation): InvocationResult {
  const refusal = { outcome: 'refused', requestId, message: 'Rate Exceeded.' } as const
  return { ...refusal, code: 'TooManyRequestsException', status: 429 }
}

export interface QueueHarness {
  queue: AsyncInvoker
  readonly functions: ScriptedFunctions
  readonly registry: MemoryRegistry
  readonly sender: RecordingSender
  readonly clock: ManualClock
  readonly directory: string
  define(name: string, changes?: Partial<FunctionRecord>): Promise<void>
  /** Request id of the queued event. */
  submit(functionName: string, payload?: string): Promise<string>
  /** Ends this life as a kill does, but for what is already on its way to the disk; a new one starts. */
  restart(): Promise<void>
  /** Waits until nothing is under way that needs no more time of the clock. */
  settled(done: () => boolean): Promise<void>
}

/** Everything is closed, checked and removed at the end of the test. */
export async function openQueue({
  limits = {},
  pace = retryPaces.aws,
}: {
  readonly limits?: Partial<BacklogLimits>
  readonly pace?: RetryPace
} = {}): Promise<QueueHarness> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-async-'))
  const functions = new ScriptedFunctions()
  const registry = new MemoryRegistry()
  const sender = new RecordingSender()
  const clock = new ManualClock()
  const place = { region: 'us-east-1', accountId: '000000000000' }
  const open = (): Promise<AsyncInvoker> =>
    AsyncInvoker.open({
      ...place,
      directory,
      registry,
      invoker: functions,
      sender,
      pace,
      clock,
      logger: silentLogger,
      limits: { ...backlogLimits, ...limits },
    })
  const end = async (): Promise<void> => {
    const drained = harness.queue.drain(0)
    clock.advance(0)
    await drained
    await harness.queue.close()
  }
  const harness: QueueHarness = {
    queue: await open(),
    functions,
    registry,
    sender,
    clock,
    directory,
    define: (name, changes) => registry.putFunction(functionRecord(name, '/none', changes)),
    submit: async (functionName, payload = '{}') => {
      const taken = await harness.queue.submit({ functionName, payload })
      if (taken === 'full') throw new Error('the queue is full')
      return taken.requestId
    },
    restart: async () => {
      await end()
      harness.queue = await open()
      harness.queue.start()
    },
    settled: async (done) => {
      await eventually(
        () => (done() ? true : undefined),
        () => `${functions.seen.length} invocations, ${sender.sent.length} messages`,
      )
    },
  }
  harness.queue.start()
  onTestFinished(async () => {
    expect(harness.queue.check()).toBeUndefined()
    await end()
    await rm(directory, { recursive: true })
  })
  return harness
}
