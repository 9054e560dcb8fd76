// Runs tests of librdkafka's suite one at a time against a broker of their own, and tells how each ended.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { runTool } from '../peers/tool.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
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

// The suite was written for Kafka's defaults: a group waits for more members before its first rebalance (two
// consumers of one thread count on it), and records of 1970 outlive the test, since retention looks every five minutes.
const brokerArgs =
  '--num-partitions 4 --retention-ms=-1 --group-initial-rebalance-delay 1s --log-level debug'.split(
    ' ',
  )
const saslConfig = [
  'security.protocol=sasl_plaintext',
  'sasl.mechanism=SCRAM-SHA-256',
  'sasl.username=ann',
  'sasl.password=secret',
]
/** What the suite takes the broker for; it decides which tests apply. */
const brokerVersion = '3.0.0'
const kafkaPath = new URL('kafka', import.meta.url).pathname

/** Has a folder and, from the first test of each scenario on, a broker; `remove` ends and deletes both. */
export class SuiteRunner {
  readonly #brokers = new Map<Scenario, Platform>()
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
    const broker = await this.#broker(test.scenario)
    const before = await countRequests(broker)
    const startedAt = performance.now()
    const { log, states } = await this.#runProcess(wanted, broker)
    const seconds = (performance.now() - startedAt) / 1000
    const isIdle = (await countRequests(broker)) === before
    const state = stateOf(states.get(test.name), isIdle)
    const reason = state === 'passed' ? '' : reasonOf(log, test.name)
    return { name: nameOf(wanted), state, seconds, reason }
  }

  async remove(): Promise<void> {
    for (const broker of this.#brokers.values()) await broker.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** What the broker of a scenario has logged so far. */
  logOf(scenario: Scenario): string {
    return this.#brokers.get(scenario)?.log() ?? ''
  }

  async #broker(scenario: Scenario): Promise<Platform> {
    const running = this.#brokers.get(scenario)
    if (running !== undefined) return running
    const users = join(this.#folder, 'users')
    await writeFile(users, 'ann:secret\n')
    const args = {
      default: [],
      noautocreate: ['--no-auto-create-topics'],
      sasl: ['--kafka-security', 'sasl_plaintext', '--kafka-users', users],
    }[scenario]
    const broker = await startPlatform({ role: 'broker', args: [...brokerArgs, ...args] })
    this.#brokers.set(scenario, broker)
    return broker
  }

  async #runProcess(
    { test, part }: Wanted,
    broker: Platform,
  ): Promise<{ readonly log: string; readonly states: ReadonlyMap<string, string> }> {
    const config = join(this.#folder, 'test.conf')
    const report = join(this.#folder, 'report.json')
    await rm(report, { force: true })
    const login = test.scenario === 'sasl' ? saslConfig : []
    await writeFile(config, [`bootstrap.servers=${broker.kafka}`, ...login, ''].join('\n'))
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
    }
    const options = { cwd: testsFolder, env, timeoutMs: this.#options.timeoutMs ?? 300_000 }
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
