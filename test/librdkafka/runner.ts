// Runs tests of librdkafka's suite one at a time against a broker of their own, and tells how each ended.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { runTool } from '../peers/tool.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { surround, type Surroundings } from './surroundings.ts'
import { nameOf, testsFolder, type Scenario, type Wanted } from './suite.ts'

export interface TestOutcome {
  readonly name: string
  /** `idle`: passed without having asked the broker for anything, which proves nothing. */
  readonly state: 'passed' | 'failed' | 'skipped' | 'idle'
  readonly seconds: number
  /** Why it failed or was skipped, in the suite's words. */
  readonly reason: string
}

export interface RunnerOptions {
  /** Fewer records and iterations: the suite's own quick mode. */
  readonly isQuick?: boolean
  readonly timeoutMs?: number
}

/** What the suite takes the broker for; it decides which tests apply. */
const brokerVersion = '3.0.0'
const kafkaPath = new URL('kafka', import.meta.url).pathname

interface Room {
  readonly broker: Platform
  readonly surroundings: Surroundings
}

/** Has a folder and, from the first test of each scenario on, a broker; `remove` ends and deletes both. */
export class SuiteRunner {
  readonly #rooms = new Map<Scenario, Room>()
  readonly #folder: string
  readonly #options: RunnerOptions

  private constructor(folder: string, options: RunnerOptions) {
    this.#folder = folder
    this.#options = options
  }

  static async create(options: RunnerOptions = {}): Promise<SuiteRunner> {
    return new SuiteRunner(await mkdtemp(join(tmpdir(), 'millrace-librdkafka-')), options)
  }

  async run(wanted: Wanted): Promise<TestOutcome> {
    const { test } = wanted
    const room = await this.#room(test.scenario)
    const before = await countRequests(room.broker)
    const startedAt = performance.now()
    const { log, states } = await this.#runProcess(wanted, room)
    const seconds = (performance.now() - startedAt) / 1000
    const isIdle = (await countRequests(room.broker)) === before
    const state = stateOf(states.get(test.name), isIdle)
    const reason = state === 'passed' ? '' : reasonOf(log, test.name)
    return { name: nameOf(wanted), state, seconds, reason }
  }

  async remove(): Promise<void> {
    for (const { broker } of this.#rooms.values()) await broker.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** What the broker of a scenario has logged so far. */
  logOf(scenario: Scenario): string {
    return this.#rooms.get(scenario)?.broker.log() ?? ''
  }

  async #room(scenario: Scenario): Promise<Room> {
    const known = this.#rooms.get(scenario)
    if (known !== undefined) return known
    const surroundings = await surround(scenario, this.#folder)
    const broker = await startPlatform({ role: 'broker', args: surroundings.brokerArgs })
    const room = { broker, surroundings }
    this.#rooms.set(scenario, room)
    return room
  }

  async #runProcess(
    { test, part }: Wanted,
    { broker, surroundings }: Room,
  ): Promise<{ readonly log: string; readonly states: ReadonlyMap<string, string> }> {
    const config = join(this.#folder, 'test.conf')
    const report = join(this.#folder, 'report.json')
    await rm(report, { force: true })
    const lines = [`bootstrap.servers=${broker.kafka}`, ...surroundings.config, '']
    await writeFile(config, lines.join('\n'))
    const args = ['-p1', '-L']
    if (test.scenario === 'noautocreate') args.push('-s', test.scenario)
    if (test.isKnownIssue) args.push('-k')
    if (this.#options.isQuick === true) args.push('-Q')
    const env = {
      TESTS: test.name.slice(0, 4),
      ...(part === undefined ? {} : { SUBTESTS: part }),
      TEST_REPORT: report,
      RDKAFKA_TEST_CONF: config,
      TEST_KAFKA_VERSION: brokerVersion,
      KAFKA_PATH: kafkaPath,
      BROKERS: broker.kafka,
      ...surroundings.env,
    }
    const options = { cwd: testsFolder, env, timeoutMs: this.#options.timeoutMs ?? 600_000 }
    const { log } = await runTool('./test-runner', args, options).then(
      ({ stdout, stderr }) => ({ log: stdout.toString() + stderr }),
      (error: unknown) => ({ log: String(error) }),
    )
    return { log: stripVTControlCharacters(log), states: await readReport(report) }
  }
}

/** Names and states as the suite has written them; empty when it did not come that far. */
async function readReport(path: string): Promise<ReadonlyMap<string, string>> {
  // It is no valid JSON where a failure has quotes in it, so it is not parsed as such.
  const text = await readFile(path, 'utf8').catch(() => '')
  const pairs = text.matchAll(/"name": "([^"]+)", "state": "([A-Z ]+)"/g)
  return new Map([...pairs].map(([, name = '', state = '']) => [name, state]))
}

function stateOf(reported: string | undefined, isIdle: boolean): TestOutcome['state'] {
  if (reported === 'PASSED') return isIdle ? 'idle' : 'passed'
  return reported === 'SKIPPED' ? 'skipped' : 'failed'
}

function reasonOf(log: string, name: string): string {
  const lines = log.split('\n')
  const failed = lines.findIndex((line) => line.startsWith(`### Test "${name}`))
  if (failed >= 0) return `${lines[failed]?.replace(/ at \w{3} .*/, '')} ${lines[failed + 1]}`
  const skipped = lines.find((line) => line.includes('SKIPPING TEST') && line.includes(name))
  return skipped?.replace(/^.*SKIPPING TEST: /, '') ?? log.trim().slice(-300)
}

async function countRequests(broker: Platform): Promise<number> {
  const text = await (await fetch(broker.metrics)).text()
  const samples = text.matchAll(/^millrace_broker_requests_total\{[^}]*\} (\d+)$/gm)
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0)
}
