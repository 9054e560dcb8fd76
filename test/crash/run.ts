// Runs the crash test by hand: ROUNDS= kills of a broker, SEED= for the same moments again.
import { rm } from 'node:fs/promises'
import { seed } from '../support/seeded-random.ts'
import { runRounds } from './rounds.ts'

const rounds = Number(process.env['ROUNDS'] ?? 1000)
process.stdout.write(`${rounds} rounds, SEED=${seed}\n`)
const result = await runRounds({
  rounds,
  seed,
  progress: (round, counts) => {
    if ((round + 1) % 10 === 0) process.stdout.write(`${round + 1} ${JSON.stringify(counts)}\n`)
  },
})
for (const violation of result.violations.slice(0, 50)) process.stdout.write(`${violation}\n`)
process.stdout.write(`${result.violations.length} violations\n`)
if (result.violations.length === 0) await rm(result.dataDir, { recursive: true, force: true })
else process.stdout.write(`data left in ${result.dataDir}\n`)
process.exit(result.violations.length === 0 ? 0 : 1)
