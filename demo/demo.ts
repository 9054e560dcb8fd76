// Runs the demo: starts the platform and the load, watches them second by second, sums them up.
import { join } from 'node:path'
import { sleep, systemClock as clock } from '../common/clock.ts'
import { reasonOf } from '../common/errors.ts'
import { doorsOf, startProgram, type Doors, type Program } from './programs.ts'
import { parseScrape } from './scrape.ts'
import { Screen } from './screen.ts'
import { summarize, summaryLines } from './summary.ts'
import { readingOf, rowBetween, whole, type Reading, type Row } from './table.ts'

const template = join(import.meta.dirname, '../examples/tyre-pressure/template.yaml')
const topic = 'telemetry'
const rate = 3000
const spikeRate = 9000
const sizeBytes = 1500
const keys = 10_000
/** What may be left to do when the producer has ended. */
const drainMs = 10_000

export interface DemoOptions {
  /** How long the load lasts. */
  readonly seconds: number
  /** Open file for what the programs say. */
  readonly log: number
  readonly dataDir: string
}

/** One run; `stop` ends every process it has started. */
export class Demo {
  readonly #options: DemoOptions
  readonly #screen = new Screen(process.stdout)
  readonly #interrupted = new AbortController()
  readonly #programs: Program[] = []
  readonly #rows: Row[] = []
  #isReady = false

  constructor(options: DemoOptions) {
    this.#options = options
  }

  /** The exit code: 0 if records reached the handler, 1 if not, 130 if interrupted before. */
  async run(): Promise<number> {
    const platform = this.#start('all', {
      'data-dir': this.#options.dataDir,
      'kafka-port': 0,
      'aws-port': 0,
      'metrics-port': 0,
      template,
    })
    const doors = await doorsOf(platform)
    this.#isReady = true
    if (doors === undefined) return fail('The platform did not start.')
    this.#introduce(doors)
    const first = await scrape(doors)
    if (first === undefined) return fail('The platform does not answer a scrape.')
    const last = await this.#watch(doors, first)
    if (last === undefined && !this.#interrupted.signal.aborted) {
      return fail('The platform ended before the demo did.')
    }
    const summary = summarize(first, last ?? first, { rows: this.#rows, secondOfInput: rate })
    process.stdout.write(`\n${summaryLines(summary).join('\n')}\n`)
    if (summary.invoked > 0 && summary.invocations > summary.errors) return 0
    return this.#interrupted.signal.aborted ? 130 : fail('No record reached the handler.')
  }

  /** The first time stops in order, the second at once. */
  interrupt(): void {
    if (this.#interrupted.signal.aborted) for (const program of this.#programs) program.kill()
    this.#interrupted.abort()
    // Nobody looks at the signal while the platform starts.
    if (!this.#isReady) void this.stop()
  }

  async stop(): Promise<void> {
    for (const program of this.#programs.toReversed()) await program.stop()
  }

  #start(role: string, settings: Readonly<Record<string, string | number>>): Program {
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`])
    const program = startProgram([role, ...flags], this.#options.log)
    this.#programs.push(program)
    return program
  }

  #introduce({ kafka, aws, metrics }: Doors): void {
    const { start, length } = this.#spike()
    this.#screen.say(`Kafka ${kafka}   Lambda API ${aws}   metrics ${metrics}`)
    this.#screen.say(
      `Tyre pressures of a fleet: ${whole(rate)} records/s of ${sizeBytes} bytes, ` +
        `${whole(spikeRate)}/s from second ${start} to ${start + length}; ` +
        'a filter leaves the 2 % that are low to the handler.\n',
    )
  }

  #spike(): { readonly start: number; readonly length: number } {
    const { seconds } = this.#options
    return {
      start: Math.min(10, Math.floor(seconds / 4)),
      length: Math.max(1, Math.min(20, Math.floor(seconds / 3))),
    }
  }

  /** A row a second until the producer has ended and the lag is gone; the last reading. */
  async #watch(doors: Doors, first: Reading): Promise<Reading | undefined> {
    const { signal } = this.#interrupted
    if (signal.aborted) return first
    const { start, length } = this.#spike()
    const producer = this.#start('producer', {
      brokers: doors.kafka,
      topic,
      rate,
      spike: `${spikeRate}@${start}s:${length}s`,
      size: sizeBytes,
      keys,
      seconds: this.#options.seconds,
    })
    producer.onLine(() => {
      // Its report: the table has the same figures as the platform sees them.
    })
    let endedAtMs: number | undefined
    void producer.ended.then(() => (endedAtMs = clock.now()))
    const startedAtMs = clock.now()
    let before = first
    while (!signal.aborted) {
      await sleep(clock, 1000 - ((clock.now() - startedAtMs) % 1000), signal)
      const reading = await scrape(doors)
      if (reading === undefined) return undefined
      const row = rowBetween(before, reading, startedAtMs)
      this.#rows.push(row)
      this.#screen.add(row)
      before = reading
      if (endedAtMs === undefined) continue
      const isDone = reading.filtered + reading.invoked >= reading.recordsIn
      if (isDone && reading.lagRecords === 0) break
      if (clock.now() - endedAtMs >= drainMs) break
    }
    return before
  }
}

async function scrape({ metrics }: Doors): Promise<Reading | undefined> {
  try {
    const response = await fetch(metrics, { signal: AbortSignal.timeout(5000) })
    return readingOf(parseScrape(await response.text()), topic, clock.now())
  } catch (error) {
    process.stderr.write(`The platform does not answer: ${reasonOf(error)}\n`)
    return undefined
  }
}

function fail(reason: string): number {
  process.stderr.write(`${reason}\n`)
  return 1
}
