// Tests what an event comes to whose environment does not live to answer it.
import { expect, test } from 'vitest'
import { silentLogger } from '../common/logger.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import type { EnvironmentMessage, EnvironmentOutcome, EnvironmentPool } from './environment-pool.ts'
import { execute } from './execution.ts'
import { FunctionPool } from './function-pool.ts'
import { InvocationLog } from './invocation-log.ts'
import { systemLines } from './logs/system-lines.ts'

/** A pool whose environment says this and comes to that. */
function poolOf(
  says: readonly EnvironmentMessage['type'][],
  outcome: EnvironmentOutcome,
): EnvironmentPool {
  return {
    environments: 0,
    idle: 0,
    busy: 0,
    starting: 0,
    ending: 0,
    run: ({ requestId }, listener) => {
      for (const type of says) {
        if (type === 'initialising' || type === 'running') listener.onMessage({ type, requestId })
      }
      return {
        outcome: Promise.resolve(outcome),
        stop: () => {},
        forget: () => {},
        log: () => undefined,
      }
    },
    endIdle: () => false,
    close: () => Promise.resolve(),
  }
}

async function reportOf(environments: EnvironmentPool) {
  const clock = new ManualClock()
  const log = new InvocationLog({
    requestId: 'id',
    logger: silentLogger,
    keepsTail: true,
    lines: systemLines({ format: 'JSON', systemLevel: 'INFO' }, () => 0),
    now: () => 0,
  })
  const { outcome } = await execute({
    pool: new FunctionPool(environments, clock),
    requestId: 'id',
    version: '$LATEST',
    payload: '{}',
    clientContext: undefined,
    invokedFunctionArn: undefined,
    timeoutMs: 3000,
    memorySizeMb: 128,
    clock,
    log,
  })
  const lines = Buffer.from(log.tail(), 'base64').toString().trim().split('\n')
  const last = JSON.parse(lines.at(-1) ?? 'null') as { type: string; record: object }
  expect(last.type).toBe('platform.report')
  return { outcome, record: last.record }
}

const result = {
  payload: '{}',
  durationMs: 1,
  memoryUsedMb: 1,
  logMessages: 0,
  lateOutput: '',
}

test('a handler that throws has run to its end: its report says success', async () => {
  const failed = { kind: 'result', result: { ...result, outcome: 'failed' } } as const
  expect(await reportOf(poolOf(['running'], failed))).toMatchObject({
    outcome: 'failed',
    record: { requestId: 'id', status: 'success' },
  })
})

test('an environment that its memory ended is an error', async () => {
  expect(await reportOf(poolOf(['running'], { kind: 'out-of-memory', of: 'all' }))).toMatchObject({
    outcome: 'failed',
    record: { status: 'error', errorType: 'Runtime.OutOfMemory' },
  })
})

test('an environment that could not be started is the platform’s failure', async () => {
  expect(await reportOf(poolOf([], { kind: 'died', reason: 'EMFILE' }))).toMatchObject({
    outcome: 'not-started',
    record: { status: 'failure', errorType: 'Sandbox.Failure' },
  })
})
