// Tests that broker, workers and poller, killed in turn under load, lose no record and keep each key's order.
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { seed } from '../support/seeded-random.ts'
import { runMappingRounds } from './mapping-rounds.ts'

test(
  `eighteen kills of three roles lose nothing and keep the order of keys, SEED=${seed}`,
  { timeout: 240_000 },
  async () => {
    const result = await runMappingRounds({ rounds: 18, seed })
    expect(result.violations).toEqual([])
    expect(result.killed).toEqual({ broker: 6, workers: 6, poller: 6 })
    expect(result.acknowledged).toBeGreaterThan(500)
    expect(result.handled).toBeGreaterThanOrEqual(result.acknowledged)
    await rm(result.dataDir, { recursive: true, force: true })
  },
)
