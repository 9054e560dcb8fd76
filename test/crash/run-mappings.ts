// Runs the kills of a mapping's roles by hand: ROUNDS= kills, SOURCE=kafka or kinesis, SEED= for the same moments again.
import { rm } from 'node:fs/promises'
import { seed } from '../support/seeded-random.ts'
import { KafkaWorkload } from './kafka-workload.ts'
import { runMappingRounds } from './mapping-rounds.ts'
import { StreamWorkload } from './stream-workload.ts'
import type { WorkloadFactory } from './workload.ts'

const workloads: Readonly<Record<string, WorkloadFactory>> = {
  kafka: (ports, random) => new KafkaWorkload(ports, random),
  kinesis: (ports, random) => new StreamWorkload(ports, random),
}
const source = process.env['SOURCE'] ?? 'kafka'
const workload = workloads[source]
if (workload === undefined) {
  process.stderr.write(`SOURCE is one of ${Object.keys(workloads).join(', ')}, not ${source}\n`)
  process.exit(2)
}
const rounds = Number(process.env['ROUNDS'] ?? 100)
process.stdout.write(`${rounds} rounds, SOURCE=${source}, SEED=${seed}\n`)
const result = await runMappingRounds({
  rounds,
  seed,
  workload,
  progress: (round, counts) => {
    if ((round + 1) % 10 === 0) process.stdout.write(`${round + 1} ${JSON.stringify(counts)}\n`)
  },
})
const { violations, dataDir, ...counts } = result
process.stdout.write(`${JSON.stringify(counts)}\n`)
for (const violation of violations.slice(0, 50)) process.stdout.write(`${violation}\n`)
process.stdout.write(`${violations.length} violations\n`)
if (violations.length === 0) await rm(dataDir, { recursive: true, force: true })
else process.stdout.write(`data left in ${dataDir}\n`)
process.exit(violations.length === 0 ? 0 : 1)
