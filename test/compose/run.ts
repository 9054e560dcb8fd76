// Proves the compose stack on a real engine: up, first record, load, restarts, copies, kills, no network; prints JSON.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { sleep, systemClock } from '../../common/clock.ts'
import { createKafka, type Kafka } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { eventually } from '../support/eventually.ts'
import { deployReserved, overlapUnderLoad, reserved } from './copies.ts'
import { deployLedger, handledIn, ledgerTopic, LedgerSender } from './ledger.ts'
import { Stack } from './stack.ts'
import { readState, readValues } from './state.ts'
import { followStream } from './streams.ts'

const firstRecordWithinMs = 15_000
const takenOverWithinMs = 10_000
const ours = ['broker', 'control', 'poller', 'workers']
const all = [...ours, 'grafana', 'prometheus', 'redis'].toSorted()
const handledLine = /(\d+) readings, the hottest/g

const started = performance.now()
const step = (text: string): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stderr.write(`${seconds.padStart(6)} s  ${text}\n`)
}

const stack = await Stack.create()
const kafka = await createKafka({
  brokers: ['localhost:9092'],
  clientId: 'compose-test',
  logger: silentLogger,
})
const settings = {
  endpoint: 'http://localhost:4566',
  region: 'us-east-1',
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
}
const client = new LambdaClient(settings)
try {
  await stack.down('--volumes')
  step('build')
  await stack.compose('build')
  const first = await firstRecord()
  const idle = await idleUsage()
  await load()
  await keepsEverything()
  await handlesStreams()
  await deployLedger(client)
  const copies = await holdsOverCopies()
  const acknowledged = await survivesKills()
  await needsNoNetwork()
  const report = { imageMB: await stack.imageMB(), ...first, ...idle, copies, acknowledged }
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
} catch (error) {
  process.stderr.write(await stack.compose('logs', '--no-color', '--tail', '15'))
  throw error
} finally {
  client.destroy()
  await stack.remove()
  step('removed')
}

async function firstRecord() {
  step('up')
  const upAt = performance.now()
  const healthyMs = await stack.up()
  assert.deepEqual(await stack.services(), all)
  for (const service of all) await stack.healthy(service)
  await send(kafka, JSON.stringify({ vehicle_id: 'v1', temperature_c: 40 }))
  await handledAtLeast(1)
  const firstRecordMs = Math.round(performance.now() - upAt)
  step(`healthy after ${healthyMs} ms, first record handled after ${firstRecordMs} ms`)
  assert(firstRecordMs <= firstRecordWithinMs, `${firstRecordMs} ms to the first record`)
  return { healthyMs, firstRecordMs }
}

async function idleUsage() {
  step('idle')
  // Health checks of the start and Prometheus's first scrapes are over by then.
  await sleep(systemClock, 10_000)
  const idle = await stack.usage(5)
  const sum = (services: readonly string[], of: 'memoryMiB' | 'cpuPercent'): number =>
    Number(services.reduce((total, name) => total + (idle[name]?.[of] ?? 0), 0).toFixed(1))
  return {
    idle,
    ourMemoryMiB: sum(ours, 'memoryMiB'),
    ourCpuPercent: sum(ours, 'cpuPercent'),
    allMemoryMiB: sum(all, 'memoryMiB'),
    allCpuPercent: sum(all, 'cpuPercent'),
  }
}

async function load(): Promise<void> {
  step('load')
  const args = ['--topic', 'telemetry', '--rate', '2000', '--seconds', '5', '--report', 'json']
  const before = await handledReadings()
  const report = await stack.compose('run', '--rm', 'producer', 'producer', ...args)
  await handledAtLeast(before + 10_000)
  step(`handled; ${report.replace(/\s+/g, ' ').slice(0, 200)}`)
}

async function keepsEverything(): Promise<void> {
  step('down and up')
  const before = await settledState()
  await stack.down()
  await stack.up()
  assert.deepEqual(await settledState(), before)
}

/** The Kinesis API on its own port, and a mapping that reads by it from within. */
async function handlesStreams(): Promise<void> {
  step('a stream')
  const log = () => stack.logs('workers')
  await followStream({ kinesis: 'http://localhost:4567', lambda: client, log })
}

/** Two pollers and two workers: a reservation holds over both, and what a killed copy did is taken over. */
async function holdsOverCopies() {
  step('two pollers, two workers')
  await stack.scale({ poller: 2, workers: 2 })
  await deployReserved(client)
  const impatient = new LambdaClient({ ...settings, maxAttempts: 1 })
  const overlap = await overlapUnderLoad(impatient, { callers: 12, forMs: 8_000 })
  impatient.destroy()
  step(`reserved ${reserved}: ${JSON.stringify(overlap)}`)
  assert.equal(overlap.atOnce, reserved)
  assert.equal(overlap.hosts, 2)
  assert(overlap.throttled > 0, 'whoever is beyond the reservation is throttled')
  const takenOverMs: number[] = []
  const sender = await LedgerSender.start(kafka, 0)
  for (const service of ['poller', 'workers']) {
    for (const copy of [1, 2]) {
      await handledSince(sender)
      const killedAt = performance.now()
      await stack.docker('kill', stack.container(service, copy))
      await handledSince(sender)
      takenOverMs.push(Math.round(performance.now() - killedAt))
      await stack.docker('start', stack.container(service, copy))
      await stack.healthy(service, { copy })
    }
  }
  await sender.stop()
  await allHandled(sender)
  step(`taken over after ${takenOverMs.join(', ')} ms`)
  assert(Math.max(...takenOverMs) <= takenOverWithinMs, 'a killed copy is replaced in time')
  await stack.scale({ poller: 1, workers: 1 })
  return { ...overlap, takenOverMs }
}

/** Resolves when a record that is sent from now on has been handled. */
async function handledSince(sender: LedgerSender): Promise<void> {
  const before = sender.acknowledged.length
  await eventually(
    async () => {
      const handled = handledIn(await stack.logs('workers', '15s'))
      return sender.acknowledged.slice(before).some((v) => handled.has(v)) ? true : undefined
    },
    () => 'what is sent now is handled',
    60_000,
  )
}

async function survivesKills(): Promise<number> {
  const sender = await LedgerSender.start(kafka, 1_000_000)
  for (const service of all) {
    step(`crash of ${service} under load`)
    await stack.crash(service)
  }
  for (const service of all) {
    step(`docker kill of ${service} under load`)
    await stack.killAndStart(service)
  }
  await sender.stop()
  const { acknowledged } = sender
  const kept = await readValues(kafka, ledgerTopic)
  const lost = acknowledged.filter((value) => !kept.has(value))
  assert.deepEqual(lost, [], 'acknowledged, and not in the log')
  await allHandled(sender)
  step(`${acknowledged.length} acknowledged, all kept, all handled`)
  return acknowledged.length
}

async function allHandled({ acknowledged }: LedgerSender): Promise<void> {
  let missing: readonly string[] = acknowledged
  await eventually(
    async () => {
      const handled = handledIn(await stack.logs('workers'))
      missing = acknowledged.filter((value) => !handled.has(value))
      return missing.length === 0 ? true : undefined
    },
    () => `${missing.length} of ${acknowledged.length} are handled, such as ${missing[0]}`,
    60_000,
  )
}

/** A network without a way out, and so without the doors on the host: everything must come up all the same. */
async function needsNoNetwork(): Promise<void> {
  step('up without a network')
  await stack.down('--volumes')
  const file = stack.path('compose.offline.yaml')
  await writeFile(file, 'networks: { default: { internal: true } }\n')
  const files = ['--file', 'compose.yaml', '--file', file]
  await stack.up(...files)
  const args = ['--topic', 'telemetry', '--rate', '100', '--seconds', '1']
  await stack.compose(...files, 'run', '--rm', 'producer', 'producer', ...args)
  await handledAtLeast(100)
  await stack.down('--volumes')
}

async function send(to: Kafka, value: string): Promise<void> {
  const producer = to.producer()
  await producer.connect()
  await producer.send({ topic: 'telemetry', messages: [{ value }] })
  await producer.disconnect()
}

/** Read once offsets have caught up with the records. */
function settledState() {
  return eventually(
    async () => {
      const state = await readState(kafka, client)
      const { topics, groups, mappings } = state
      const isCommitted = JSON.stringify(topics) === JSON.stringify(groups)
      const isSettled = isCommitted && mappings.every((mapping) => mapping.includes(' Enabled '))
      return isSettled ? state : undefined
    },
    () => 'offsets are committed and mappings enabled',
  )
}

async function handledReadings(): Promise<number> {
  const log = await stack.logs('workers')
  return [...log.matchAll(handledLine)].reduce((sum, [, count]) => sum + Number(count), 0)
}

async function handledAtLeast(readings: number): Promise<void> {
  let handled = 0
  await eventually(
    async () => {
      handled = await handledReadings()
      return handled >= readings ? true : undefined
    },
    () => `${readings} readings are handled; ${handled} were`,
  )
}
