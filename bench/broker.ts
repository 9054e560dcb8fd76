// Measures our broker beside librdkafka's mock broker in C and Apache Kafka, all in one run; prints JSON.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { barsOf, type Results } from './broker/bars.ts'
import { startKafka, startMock, startNull, startOurs, type Peer } from './broker/peers.ts'
import { machineLoad } from './broker/process-usage.ts'
import { rawDiskRow } from './broker/raw-disk.ts'
import * as rows from './broker/rows.ts'

const help = `Usage: node bench/broker.ts [--rows a,b] [--rounds 3] [--records 400000] [--latency-seconds 5] [--data-dir DIR]

Wants what test/peers/librdkafka.sh and test/peers/kafka.sh install. Prints JSON; progress goes to standard error.

Rows: produce1k, produce1k100, produce100b, consumeStart, consumeStart100, consumeTail, consumeTail100, latency,
start, many, disk (the raw limit: megabytes a second to one file).
Peers: ours, oursInterval, mock, kafka, kafkaFlushed; only where asked for and only to produce: null, which acknowledges in
Node what it does not keep, and nullFile, which writes it to one file. Without --rows all are measured, which takes about ten minutes on two quiet cores.
`
const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    rows: { type: 'string', default: '' },
    peers: { type: 'string', default: 'ours,oursInterval,mock,kafka,kafkaFlushed' },
    rounds: { type: 'string', default: '3' },
    records: { type: 'string', default: '400000' },
    'latency-seconds': { type: 'string', default: '5' },
    'data-dir': { type: 'string', default: tmpdir() },
  },
})
if (flags.help) {
  process.stdout.write(help)
  process.exit(0)
}

const rounds = Number(flags.rounds)
const records = Number(flags.records)
const wanted = flags.rows === '' ? undefined : new Set(flags.rows.split(','))
const wantedPeers = new Set(flags.peers.split(','))
const dir = mkdtempSync(join(flags['data-dir'], 'millrace-bench-'))
const progress = (text: string): boolean => process.stderr.write(`${text}\n`)

/** One peer as a row sees it: a broker, and the configuration of the topics that are made there. */
interface Contender {
  readonly name: string
  readonly peer: Peer
  readonly configs: Record<string, string>
}

const results: Record<string, Record<string, unknown[]>> = {}
const started: Contender[] = []
const startedAt = new Date().toISOString()
const loadBefore = machineLoad()
// A run that is cut short tells what it has measured, and leaves no broker behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const pid of new Set(started.map(({ peer }) => peer.pid))) process.kill(pid, 'SIGKILL')
    rmSync(dir, { recursive: true, force: true })
    report()
    process.exit(1)
  })
}
const contenders = await startAll()
try {
  await warmUp()
  await measureThroughput()
} finally {
  for (const peer of new Set(contenders.map(({ peer }) => peer))) await peer.stop()
}
await measureStart()
await measureMany()
rmSync(dir, { recursive: true, force: true })
report()

async function startAll(): Promise<Contender[]> {
  const needed = ['produce', 'consume', 'latency'].some((kind) => isWanted(kind, 'prefix'))
  if (!needed) return []
  const add = (name: string, peer: Peer, configs: Record<string, string> = {}): void => {
    if (wantedPeers.has(name)) started.push({ name, peer, configs })
  }
  if (wantedPeers.has('ours')) add('ours', await startOurs('commit', join(dir, 'ours')))
  if (wantedPeers.has('oursInterval')) {
    add('oursInterval', await startOurs('interval', join(dir, 'interval')))
  }
  if (wantedPeers.has('mock')) add('mock', await startMock())
  if (wantedPeers.has('null')) add('null', await startNull())
  if (wantedPeers.has('nullFile')) add('nullFile', await startNull(join(dir, 'null')))
  if (wantedPeers.has('kafka') || wantedPeers.has('kafkaFlushed')) {
    const kafka = await startKafka(join(dir, 'kafka'))
    await rows.becomesReady(kafka)
    add('kafka', kafka)
    add('kafkaFlushed', kafka, { 'flush.messages': '1' })
  }
  return started
}

/** The first seconds of a virtual machine are spent on compiling; nobody is measured by them. */
async function warmUp(): Promise<void> {
  for (const { name, peer } of contenders) {
    for (const partitions of [1, 100]) {
      const sizeBytes = partitions === 1 ? 10 : 1000
      const shape = { partitions, records: records / 2, sizeBytes }
      // Nothing can be consumed from who keeps nothing.
      if (name.startsWith('null')) await rows.produceRow(peer, shape, {})
      else await rows.consumeStartRow(peer, shape)
    }
    progress(`${name} is warm`)
  }
}

async function measureThroughput(): Promise<void> {
  const kilobyte = { partitions: 1, records, sizeBytes: 1000 }
  const spread = { ...kilobyte, partitions: 100 }
  const small = { partitions: 1, records: records * 5, sizeBytes: 100 }
  const all = (): boolean => true
  const defaults = ({ name }: Contender): boolean =>
    name !== 'oursInterval' && name !== 'kafkaFlushed' && !name.startsWith('null')
  // The mock keeps 5 MB of a partition, so what is read later must be spread.
  const withDisk = (contender: Contender): boolean =>
    defaults(contender) && contender.name !== 'mock'
  for (let round = 0; round < rounds; round++) {
    await measureDisk()
    await row('produce1k', all, ({ peer, configs }) => rows.produceRow(peer, kilobyte, configs))
    await row('produce1k100', all, ({ peer, configs }) => rows.produceRow(peer, spread, configs))
    await row('produce100b', all, ({ peer, configs }) => rows.produceRow(peer, small, configs))
    await row('consumeStart', withDisk, ({ peer }) => rows.consumeStartRow(peer, kilobyte))
    await row('consumeStart100', defaults, ({ peer }) => rows.consumeStartRow(peer, spread))
    await row('consumeTail', withDisk, ({ peer }) => rows.consumeTailRow(peer, kilobyte))
    await row('consumeTail100', defaults, ({ peer }) => rows.consumeTailRow(peer, spread))
    await row('latency', all, ({ peer, configs }) =>
      rows.latencyRow(peer, Number(flags['latency-seconds']), configs),
    )
  }
}

/** In each round, since what a machine's disk and memory give changes from minute to minute. */
async function measureDisk(): Promise<void> {
  if (!isWanted('disk')) return
  spawnSync('sync', ['-f', dir])
  note('disk', 'raw', await rawDiskRow(dir, records * 1000))
}

async function measureStart(): Promise<void> {
  if (!isWanted('start')) return
  for (let round = 0; round < rounds; round++) {
    for (const which of ['ours', 'kafka'] as const) {
      if (wantedPeers.has(which)) {
        note('start', which, await rows.startRow(which, join(dir, `start-${which}-${round}`)))
      }
    }
  }
}

async function measureMany(): Promise<void> {
  if (!isWanted('many')) return
  for (let round = 0; round < rounds; round++) {
    note('many', 'ours', await rows.manyPartitionsRow(join(dir, `many-${round}`)))
  }
}

/** One round of a row: every contender once, the disk quiet before each. */
async function row(
  name: string,
  suits: (contender: Contender) => boolean,
  measure: (contender: Contender) => Promise<unknown>,
): Promise<void> {
  if (!isWanted(name)) return
  for (const contender of contenders.filter(suits)) {
    spawnSync('sync', ['-f', dir])
    note(name, contender.name, await measure(contender))
  }
}

function note(name: string, peer: string, figure: unknown): void {
  const row = (results[name] ??= {})
  ;(row[peer] ??= []).push(figure)
  progress(`${name} ${peer}: ${JSON.stringify(figure)}`)
}

function isWanted(name: string, how: 'whole' | 'prefix' = 'whole'): boolean {
  if (wanted === undefined) return true
  return how === 'whole' ? wanted.has(name) : [...wanted].some((row) => row.startsWith(name))
}

function report(): void {
  const medians = mediansOf(results)
  const bars = barsOf(medians)
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
  const load = { before: loadBefore, after: machineLoad() }
  const input = { rounds, records, startedAt, load }
  const all = { bench: 'broker', machine, input, bars, medians, rounds: results }
  process.stdout.write(`${JSON.stringify(all, null, 1)}\n`)
}

/** Each figure on its own: the median of its rounds. */
function mediansOf(measured: typeof results): Results {
  return mapValues(measured, (peers) =>
    mapValues(peers, (figures) => {
      const [first = {}] = figures as Record<string, number>[]
      return mapValues(first, (_, key) =>
        median((figures as Record<string, number>[]).map((f) => f[key] ?? Number.NaN)),
      )
    }),
  )
}

function mapValues<From, To>(
  record: Record<string, From>,
  map: (value: From, key: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]))
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}
