// Splits and merges shards under load, and holds a mapping of the stream to what it promises.
import { expect, test } from 'vitest'
import { ReshardingWorld } from '../test/support/resharding-world.ts'
import { randomFrom } from './random.ts'

const only = process.env['SEED']
const first = only === undefined ? 1 : Number(only)
const seeds = only === undefined ? Number(process.env['SEEDS'] ?? 500) / 20 : 1

test.each([
  ['without windows', 0],
  ['with windows', 2000],
])(
  `${seeds} streams from seed ${first} on, %s: each record, in the order of its key`,
  { timeout: 3_600_000 },
  (_, lengthMs) => {
    let [shards, crashes, finals] = [0, 0, 0]
    for (let seed = first; seed < first + seeds; seed++) {
      const world = new ReshardingWorld(randomFrom(seed, 'streams'), lengthMs, seed % 3 > 0)
      try {
        world.run(15_000)
      } catch (error) {
        throw new Error(`SEED=${seed} replays it`, { cause: error })
      }
      shards += world.shards
      crashes += world.crashes
      finals += world.finals
    }
    if (only !== undefined) return
    expect(shards).toBeGreaterThan(5 * seeds)
    expect(crashes).toBeGreaterThan(seeds / 2)
    expect(finals > 0).toBe(lengthMs > 0)
  },
)
