// Tests that broker, workers and poller, killed in turn under load, lose no record and keep each key's order.
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { seed } from '../support/seeded-random.ts'
import { KafkaWorkload } from './kafka-workload.ts'
import { runMappingRounds, type MappingRoundsResult } from './mapping-rounds.ts'
import { StreamWorkload } from './stream-workload.ts'
import type { WorkloadFactory } from './workload.ts'

async function expectNothingLost(
  rounds: number,
  workload: WorkloadFactory,
): Promise<MappingRoundsResult> {
  const result = await runMappingRounds({ rounds, seed, workload })
  const each = rounds / 3
  expect(result.violations).toEqual([])
  expect(result.killed).toEqual({ broker: each, workers: each, poller: each })
  for (const handled of Object.values(result.handled)) {
    expect(handled).toBeGreaterThanOrEqual(result.acknowledged)
  }
  await rm(result.dataDir, { recursive: true, force: true })
  return result
}

test(
  `eighteen kills of three roles lose nothing and keep the order of keys, SEED=${seed}`,
  { timeout: 240_000 },
  async () => {
    const result = await expectNothingLost(18, (ports, random) => new KafkaWorkload(ports, random))
    expect(result.acknowledged).toBeGreaterThan(500)
  },
)

test(
  `twelve kills amid reshardings lose nothing of a stream with fan-out, lanes and windows, SEED=${seed}`,
  { timeout: 240_000 },
  async () => {
    const result = await expectNothingLost(12, (ports, random) => new StreamWorkload(ports, random))
    expect(result.acknowledged).toBeGreaterThan(300)
    expect(Object.keys(result.handled)).toEqual(['standard', 'fan-out', 'windows'])
  },
)
