// Tests that a broker killed amid puts and reshardings by the Kinesis API loses nothing that it has acknowledged.
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { seed } from '../support/seeded-random.ts'
import { runStreamRounds } from './stream-rounds.ts'

test(
  `fifteen kills amid puts and reshardings lose, double and reorder nothing, SEED=${seed}`,
  { timeout: 120_000 },
  async () => {
    const result = await runStreamRounds({ rounds: 15, seed })
    expect(result.violations).toEqual([])
    expect(result.acknowledged).toBeGreaterThan(500)
    await rm(result.dataDir, { recursive: true, force: true })
  },
)
