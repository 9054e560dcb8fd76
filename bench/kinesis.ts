// Measures the Kinesis API by the AWS SDK: puts, reads, single puts and memory, beside kinesalite and kinesis-local; prints JSON.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { machineLoad, residentKiB } from './broker/process-usage.ts'
import { conditions } from './kinesis/conditions.ts'
import {
  clientOf,
  createStream,
  putMany,
  putSingles,
  readAll,
  type Protocol,
} from './kinesis/load.ts'
import {
  startKinesalite,
  startKinesisLocal,
  startNull,
  startOurs,
  type KinesisServer,
} from './kinesis/servers.ts'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    senders: { type: 'string', default: '4' },
    shards: { type: 'string', default: '4' },
    singles: { type: 'string', default: '500' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
if (flags.help) {
  process.stdout.write(
    'node bench/kinesis.ts [--seconds 5] [--rounds 3] [--senders 4] [--shards 4] [--singles 500]\n' +
      '  [--only ours,oursH2,oursInterval,floor,kinesalite,kinesisLocal]\n' +
      'test/peers/kinesis.sh fetches the peers. Ratios are of medians of the same run.\n',
  )
  process.exit(0)
}
const [seconds, rounds] = [Number(flags.seconds), Number(flags.rounds)]

interface Subject {
  readonly start: () => Promise<KinesisServer>
  readonly protocol: Protocol
}
const subjects: Readonly<Record<string, Subject>> = {
  ours: { start: () => startOurs('commit'), protocol: 'http/1.1' },
  oursH2: { start: () => startOurs('commit'), protocol: 'h2' },
  oursInterval: { start: () => startOurs('interval'), protocol: 'http/1.1' },
  floor: { start: startNull, protocol: 'http/1.1' },
  kinesalite: { start: startKinesalite, protocol: 'http/1.1' },
  kinesisLocal: { start: startKinesisLocal, protocol: 'http/1.1' },
}

interface Row {
  readonly putRecordsPerSecond: number
  readonly readRecordsPerSecond: number
  readonly singlePutP50Ms: number
  readonly singlePutP99Ms: number
  /** Resident memory at rest with the stream made, and right after the puts. */
  readonly idleMiB: number
  readonly grownMiB: number
}

const mib = (kib: number): number => Math.round(kib / 1024)
const at = (ascending: readonly number[], share: number): number =>
  Number((ascending[Math.floor(ascending.length * share)] ?? Number.NaN).toFixed(2))

async function measure({ start, protocol }: Subject): Promise<Row> {
  const server = await start()
  const client = clientOf(server.endpoint, protocol)
  try {
    await createStream(client, Number(flags.shards))
    await putSingles(client, 50)
    await sleep(2500)
    const idleKiB = residentKiB(server.pid)
    const singles = await putSingles(client, Number(flags.singles))
    const put = await putMany(client, { seconds, senders: Number(flags.senders) })
    const loadedKiB = residentKiB(server.pid)
    const read = await readAll(client, 4 * seconds)
    return {
      putRecordsPerSecond: put.recordsPerSecond,
      readRecordsPerSecond: read.recordsPerSecond,
      singlePutP50Ms: at(singles, 0.5),
      singlePutP99Ms: at(singles, 0.99),
      idleMiB: mib(idleKiB),
      grownMiB: mib(loadedKiB - idleKiB),
    }
  } finally {
    client.destroy()
    await server.stop()
  }
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

function medianOf(rows: readonly Row[]): Row | undefined {
  const [first] = rows
  if (first === undefined) return undefined
  const names = Object.keys(first) as (keyof Row)[]
  return Object.fromEntries(
    names.map((name) => [name, median(rows.map((row) => row[name]))]),
  ) as unknown as Row
}

const only = flags.only === '' ? Object.keys(subjects) : flags.only.split(',')
const unknown = only.filter((name) => !Object.hasOwn(subjects, name))
if (unknown.length > 0) throw new Error(`no such subject: ${unknown.join(', ')}`)
const runs = new Map<string, Row[]>(only.map((name) => [name, []]))
const loadBefore = machineLoad()
for (let round = 1; round <= rounds; round++) {
  for (const name of only) {
    const subject = subjects[name]
    if (subject === undefined) continue
    const row = await measure(subject)
    runs.get(name)?.push(row)
    process.stderr.write(`round ${round} ${name} ${JSON.stringify(row)}\n`)
  }
}

const medians = new Map([...runs].map(([name, rows]) => [name, medianOf(rows)]))
const ratio = (name: keyof Row, peer: string): number | undefined => {
  const [mine, theirs] = [medians.get('ours')?.[name], medians.get(peer)?.[name]]
  return mine === undefined || theirs === undefined ? undefined : Number((mine / theirs).toFixed(2))
}
const bars = [
  ['put / kinesalite', ratio('putRecordsPerSecond', 'kinesalite'), '>= 4'],
  ['put / kinesis-local', ratio('putRecordsPerSecond', 'kinesisLocal'), '>= 40'],
  ['read / kinesalite', ratio('readRecordsPerSecond', 'kinesalite'), '>= 4'],
  ['read / kinesis-local', ratio('readRecordsPerSecond', 'kinesisLocal'), '>= 40'],
  [
    'read / a server that answers what was prepared',
    ratio('readRecordsPerSecond', 'floor'),
    undefined,
  ],
  ['single put p50 / kinesalite', ratio('singlePutP50Ms', 'kinesalite'), '<= 0.7'],
  ['single put p50 / a server that does nothing', ratio('singlePutP50Ms', 'floor'), undefined],
  ['memory grown by the load, MiB', medians.get('ours')?.grownMiB, '<= 150'],
].map(([what, reached, bar]) => ({ what, reached, bar }))
const report = {
  ...conditions(loadBefore),
  flags,
  bars,
  medians: Object.fromEntries(medians),
  runs: Object.fromEntries(runs),
}
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
