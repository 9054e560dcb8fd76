// Runs the fuzz test by hand: COUNT= spoiled requests and batches, SEED= for the same ones again.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seed } from '../support/seeded-random.ts'
import { fuzzBatches, fuzzHandlers, fuzzParser, type FuzzResult } from './fuzz.ts'
import { MemoryBroker } from './memory-broker.ts'

const count = Number(process.env['COUNT'] ?? 10_000_000)
/** A memory broker's topics and groups pile up: each has so many requests to live. */
const round = 50_000
process.stdout.write(`${count} inputs, SEED=${seed}\n`)

function tell(what: string, done: number, { accepted, slowestMs }: FuzzResult): void {
  const { rss } = process.memoryUsage()
  const line = {
    what,
    done,
    accepted,
    slowestMs: Math.round(slowestMs),
    rssMb: Math.round(rss / 2 ** 20),
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

for (let done = 0; done < count;) {
  const share = Math.min(10 * round, count - done)
  const base = seed + done
  tell('parser', done, fuzzParser(Math.ceil(share * 0.6), base))
  tell('batches', done, fuzzBatches(Math.ceil(share * 0.3), base))
  const scratch = await mkdtemp(join(tmpdir(), 'millrace-fuzz-'))
  const broker = await MemoryBroker.open(scratch)
  tell('handlers', done, await fuzzHandlers(broker, Math.ceil(share * 0.1), base))
  const flaws = await broker.settle()
  await rm(scratch, { recursive: true, force: true })
  if (flaws.length > 0 || broker.waiting > 0) {
    process.stdout.write(`${broker.waiting} wait for ever; ${flaws.join('; ')}\n`)
    process.exit(1)
  }
  done += share
}
process.exit(0)
