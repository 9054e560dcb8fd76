// Runs the kills amid puts by the Kinesis API by hand: ROUNDS= kills, SEED= for the same moments again.
import { rm } from 'node:fs/promises'
import { seed } from '../support/seeded-random.ts'
import { runStreamRounds } from './stream-rounds.ts'

const rounds = Number(process.env['ROUNDS'] ?? 100)
process.stdout.write(`${rounds} rounds, SEED=${seed}\n`)
const { violations, dataDir, ...counts } = await runStreamRounds({
  rounds,
  seed,
  progress: (round, soFar) => {
    if ((round + 1) % 10 === 0) process.stdout.write(`${round + 1} ${JSON.stringify(soFar)}\n`)
  },
})
process.stdout.write(`${JSON.stringify(counts)}\n`)
for (const violation of violations.slice(0, 50)) process.stdout.write(`${violation}\n`)
process.stdout.write(`${violations.length} violations\n`)
if (violations.length === 0) await rm(dataDir, { recursive: true, force: true })
else process.stdout.write(`data left in ${dataDir}\n`)
process.exit(violations.length === 0 ? 0 : 1)
