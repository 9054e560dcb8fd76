// Tests the role: its door, what it answers to strangers, its metrics and its end.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { silentLogger } from '../common/logger.ts'
import { eventually } from '../test/support/eventually.ts'
import { leaveDirectory } from '../test/support/left-directory.ts'
import { functionFolder, type FunctionFolder } from '../test/support/function-folder.ts'
import { functionRecord, MemoryRegistry } from '../test/support/memory-registry.ts'
import { startWorkers } from './workers.ts'

let folder: FunctionFolder | undefined
afterEach(() => folder?.remove())

const common = {
  host: '127.0.0.1',
  region: 'us-east-1',
  accountId: '000000000000',
  accountConcurrency: 10,
  workersMax: 2,
  cpuShare: 'off' as const,
  idleTimeoutMs: 60_000,
  clock: systemClock,
  logger: silentLogger,
}

test('without a port there is no door', async () => {
  const workers = await startWorkers({ ...common, registry: new MemoryRegistry() })
  expect(workers.doors).toEqual({})
  expect(workers.problems()).toEqual([])
  await workers.stop()
})

test('a start removes what a killed platform left', async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-start-'))
  vi.stubEnv('TMPDIR', root)
  const left = join(root, 'millrace-tmp-1')
  await leaveDirectory(left)
  const workers = await startWorkers({ ...common, registry: new MemoryRegistry() })
  await eventually(
    () => (existsSync(left) ? undefined : true),
    () => `${left} is still there`,
  )
  await workers.stop()
  vi.unstubAllEnvs()
  await rm(root, { recursive: true })
})

test('the door answers 404 and 400 to what is no synchronous Invoke', async () => {
  const workers = await startWorkers({ ...common, registry: new MemoryRegistry(), port: 0 })
  const door = workers.doors['workers'] ?? ''
  const path = `${door}/2015-03-31/functions/f/invocations`
  expect((await fetch(door)).status).toBe(404)
  expect((await fetch(path)).status).toBe(404)
  const headers = { 'x-amz-invocation-type': 'Event' }
  expect((await fetch(path, { method: 'POST', headers })).status).toBe(400)
  const missing = await fetch(`${door}/2015-03-31/functions/%/invocations`, { method: 'POST' })
  expect(missing.status).toBe(404)
  expect(missing.headers.get('x-amzn-errortype')).toBe('ResourceNotFoundException')
  await workers.stop()
})

test('metrics count per function, and the series of a deleted function end', async () => {
  folder = await functionFolder({
    'index.js': "exports.handler = async (e) => { if (e.bad) throw new Error('bad') }",
  })
  const registry = new MemoryRegistry()
  await registry.putFunction(functionRecord('f', folder.directory))
  const workers = await startWorkers({ ...common, registry })
  for (const payload of ['{}', '{"bad":true}', '{}']) {
    await workers.invoke({ functionName: 'f', payload })
  }
  const samples = await workers.metrics.collect()
  const value = (name: string) =>
    samples.find((s) => s.name === name && s.labels['function'] === 'f')?.value
  expect(value('millrace_function_invocations_total')).toBe(3)
  expect(value('millrace_function_errors_total')).toBe(1)
  const throttles = samples.filter(({ name }) => name === 'millrace_function_throttles_total')
  expect(throttles.map(({ labels, value: count }) => [labels['reason'], count])).toEqual([
    ['account', 0],
    ['reserved', 0],
    ['waiting', 0],
    ['scaling', 0],
    ['rate', 0],
    ['reserved-rate', 0],
  ])
  expect(value('millrace_function_reserved_concurrency')).toBeUndefined()
  expect(value('millrace_function_cpu_seconds_total')).toBeGreaterThan(0)
  expect(value('millrace_function_cpu_share')).toBeCloseTo(128 / 1769)
  expect(value('millrace_function_memory_size_bytes')).toBe(128 * 1024 * 1024)
  expect(value('millrace_function_memory_used_bytes')).toBeGreaterThan(1024 * 1024)
  expect(value('millrace_function_cold_starts_total')).toBe(1)
  expect(value('millrace_function_concurrent_executions')).toBe(0)
  expect(value('millrace_function_duration_seconds')).toMatchObject({ count: 3 })
  expect(value('millrace_function_init_duration_seconds')).toMatchObject({ count: 1 })
  expect(value('millrace_function_wait_seconds')).toMatchObject({ count: 3 })
  expect(samples).toContainEqual({ name: 'millrace_workers_environments', labels: {}, value: 1 })
  expect(samples).toContainEqual({
    name: 'millrace_workers_environments_max',
    labels: {},
    value: 2,
  })
  const defined = new Set(workers.metrics.definitions.map(({ name }) => name))
  expect(samples.filter(({ name }) => !defined.has(name))).toEqual([])
  await registry.removeFunction('f')
  const left = await workers.metrics.collect()
  expect(left.filter(({ labels }) => 'function' in labels)).toEqual([])
  await workers.stop()
})
