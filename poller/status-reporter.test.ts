// Tests when a mapping's status is written.
import { expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import { silentLogger } from '../common/logger.ts'
import type { MappingStatus } from '../control/registry/registry.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { MemoryRegistry } from '../test/support/memory-registry.ts'
import { StatusReporter } from './status-reporter.ts'

class CountingRegistry extends MemoryRegistry {
  readonly written: string[] = []
  fails = false

  override async putStatus(status: MappingStatus): Promise<void> {
    if (this.fails) throw new AppError('STORAGE_FAILED', { operation: 'w', file: 'f', reason: 'r' })
    this.written.push(`${status.revision} ${status.state} ${status.lastProcessingResult}`)
    await super.putStatus(status)
  }
}

function setUp() {
  const [registry, clock] = [new CountingRegistry(), new ManualClock()]
  const reporter = new StatusReporter({ uuid: 'u', registry, clock, logger: silentLogger })
  const report = (revision: number, state: MappingStatus['state'], lastProcessingResult: string) =>
    reporter.report({ revision, state, lastProcessingResult })
  return { registry, clock, reporter, report }
}
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('what has not changed is not written', async () => {
  const { registry, clock, report } = setUp()
  report(1, 'enabled', 'OK')
  await settle()
  clock.advance(5000)
  report(1, 'enabled', 'OK')
  await settle()
  expect(registry.written).toEqual(['1 enabled OK'])
})

test('results that alternate are written once an interval, the last one in the end', async () => {
  const { registry, clock, report } = setUp()
  report(1, 'enabled', 'OK')
  await settle()
  for (let i = 0; i < 10; i++) {
    report(1, 'enabled', i % 2 === 0 ? 'PROBLEM' : 'OK')
    await settle()
  }
  report(1, 'enabled', 'PROBLEM')
  expect(registry.written).toEqual(['1 enabled OK'])
  clock.advance(1000)
  await settle()
  expect(registry.written).toEqual(['1 enabled OK', '1 enabled PROBLEM'])
})

test('a change of state or revision is written at once', async () => {
  const { registry, report } = setUp()
  report(1, 'enabled', 'OK')
  await settle()
  report(2, 'enabled', 'OK')
  await settle()
  report(2, 'disabled', 'OK')
  await settle()
  expect(registry.written).toEqual(['1 enabled OK', '2 enabled OK', '2 disabled OK'])
})

test('of a lag the numbers are written seldom, and at once that it is over', async () => {
  const { registry, clock, reporter } = setUp()
  const lagging = async (records: number, atMs: number): Promise<number | undefined> => {
    const lag = {
      atMs,
      cause: 'none',
      detail: '',
      records,
      ageMs: 5,
      trendPerSecond: 0,
      partitions: [],
    } as const
    reporter.report({ revision: 1, state: 'enabled', lastProcessingResult: 'OK', lag })
    clock.advance(1000)
    await settle()
    return registry.status('u')?.lag?.records
  }
  expect(await lagging(86, 0)).toBe(86)
  expect(await lagging(50, 1000)).toBe(86)
  expect(await lagging(0, 2000)).toBe(0)
  expect(await lagging(0, 3000)).toBe(0)
  expect(await lagging(7, 4000)).toBe(0)
  expect(await lagging(9, 12_000)).toBe(9)
})

test('a write that fails is tried again', async () => {
  const { registry, clock, report } = setUp()
  registry.fails = true
  report(1, 'enabled', 'OK')
  await settle()
  registry.fails = false
  clock.advance(1000)
  await settle()
  expect(registry.written).toEqual(['1 enabled OK'])
})

test('a closed reporter writes nothing', async () => {
  const { registry, clock, reporter, report } = setUp()
  report(1, 'enabled', 'OK')
  await settle()
  report(1, 'enabled', 'PROBLEM')
  reporter.close()
  clock.advance(5000)
  await settle()
  expect(registry.written).toEqual(['1 enabled OK'])
  expect(clock.timers).toBe(0)
})
