// Tests that a broker which is killed over and over loses nothing, repeats nothing and mixes nothing up.
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { run } from '../support/platform.ts'
import { seed } from '../support/seeded-random.ts'
import { runRounds } from './rounds.ts'

test(
  `fifty kills break no promise to producers and consumers, SEED=${seed}`,
  { timeout: 300_000 },
  async () => {
    const result = await runRounds({ rounds: 50, seed })
    expect(result.violations).toEqual([])
    for (const count of [result.acknowledged, result.polled]) expect(count).toBeGreaterThan(1000)
    expect(result.committed).toBeGreaterThan(50)
    const check = await run(['check', result.dataDir])
    expect(check.stdout).toContain('nothing wrong')
    expect(check.code).toBe(0)
    await rm(result.dataDir, { recursive: true, force: true })
  },
)
