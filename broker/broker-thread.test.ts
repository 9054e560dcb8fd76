// Tests the broker on its own thread: doors, metrics, refusal to start, stopping.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger, silentLogger } from '../common/logger.ts'
import { RawKafka } from '../test/support/raw-kafka.ts'
import { brokerOptions } from '../test/support/test-broker.ts'
import { startBrokerThread } from './broker-thread.ts'

let dataDir = ''
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-thread-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

test('a broker on a thread serves, is measured, stops, and frees its directory', async () => {
  const broker = await startBrokerThread(brokerOptions(dataDir), silentLogger)
  const client = await RawKafka.connect(broker.doors['kafka'] ?? '')
  expect((await client.ask('ApiVersions', 3, {})).errorCode).toBe(0)
  const samples = await broker.metrics.collect()
  expect(samples).toContainEqual({ name: 'kafka_brokers', labels: {}, value: 1 })
  expect(samples).toContainEqual({ name: 'millrace_broker_connections', labels: {}, value: 1 })
  const known = new Set(broker.metrics.definitions.map(({ name }) => name))
  expect(samples.filter(({ name }) => !known.has(name))).toEqual([])
  expect(broker.problems()).toEqual([])
  await broker.stop()
  await client.closed()
  expect(await broker.metrics.collect()).toEqual([])
  expect(broker.problems()).toEqual([])
  const again = await startBrokerThread(brokerOptions(dataDir), silentLogger)
  await again.stop()
})

test('what a broker cannot start for reaches the main thread as it was', async () => {
  const broker = await startBrokerThread(brokerOptions(dataDir), silentLogger)
  const port = Number(broker.doors['kafka']?.split(':')[1])
  const taken = startBrokerThread(brokerOptions(join(dataDir, 'other'), { port }), silentLogger)
  await expect(taken).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    retriable: false,
    message: `cannot open the kafka door on 127.0.0.1:${port}: another process listens there`,
  })
  const advertised = 'nonsense'
  const wrong = startBrokerThread(brokerOptions(join(dataDir, 'x'), { advertised }), silentLogger)
  await expect(wrong).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await broker.stop()
})

test('a thread that dies is a problem that is logged and stays', async () => {
  const lines: string[] = []
  const write = (line: string): unknown => lines.push(line)
  const logger = createLogger('broker', { level: 'error', format: 'json', write })
  let worker: Worker | undefined
  process.once('worker', (created) => (worker = created))
  const broker = await startBrokerThread(brokerOptions(dataDir), logger)
  await worker?.terminate()
  expect(broker.problems()).toEqual([expect.stringContaining("the broker's thread died")])
  expect(lines).toEqual([expect.stringContaining('the thread died')])
  expect(await broker.metrics.collect()).toEqual([])
  await broker.stop()
})
