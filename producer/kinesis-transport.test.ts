// Proves that the load test puts each record into a stream once, and what becomes of refusals and of a door that is away.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { parseConfig } from '../common/config.ts'
import { silentLogger } from '../common/logger.ts'
import { decodeCbor, encodeCbor } from '../kinesis-wire/cbor.ts'
import { TestBroker } from '../test/support/test-broker.ts'
import { connectKinesisTransport } from './kinesis-transport.ts'
import { runProducer } from './producer.ts'
import type { SourceRecord } from './record-source.ts'

interface Entry {
  readonly Data: Buffer
  readonly PartitionKey: string
}

type Answer = (entries: readonly Entry[], call: number) => { status?: number; body: object }

/** A Kinesis API that answers PutRecords as it is told, and remembers what it was asked. */
async function played(answer: Answer): Promise<{ url: string; calls: (readonly Entry[])[] }> {
  const calls: (readonly Entry[])[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const target = request.headers['x-amz-target']
        if (target !== 'Kinesis_20131202.PutRecords') {
          response.end()
          return
        }
        const { Records } = decodeCbor(Buffer.concat(chunks)) as { Records: readonly Entry[] }
        calls.push(Records)
        const { status = 200, body } = answer(Records, calls.length)
        response.writeHead(status)
        response.end(Buffer.concat(encodeCbor(body)))
      })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls }
}

const taken = (entries: readonly Entry[]): { body: object } => ({
  body: {
    FailedRecordCount: 0,
    Records: entries.map(() => ({ SequenceNumber: '1', ShardId: 's' })),
  },
})
const records = (count: number, bytes = 10): readonly SourceRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    key: index % 5 === 4 ? null : `key-${index}`,
    value: Buffer.alloc(bytes, index),
  }))
const sizes = (calls: readonly (readonly unknown[])[]): readonly number[] =>
  calls.map(({ length }) => length)

test('a batch goes in requests of 500 entries and nine megabytes, in order; each record has a key', async () => {
  const { url, calls } = await played(taken)
  const transport = await connectKinesisTransport({ url, stream: 'laps' })
  const batch = records(1100)
  expect(await transport.send(batch)).toEqual({ kind: 'acknowledged' })
  expect(sizes(calls)).toEqual([500, 500, 100])
  expect(calls.flat().map(({ Data }) => Data[0])).toEqual(batch.map(({ value }) => value[0]))
  expect(calls.flat().every(({ PartitionKey }) => PartitionKey.length > 0)).toBe(true)
  expect(await transport.send(records(12, 1_000_000))).toEqual({ kind: 'acknowledged' })
  expect(sizes(calls).slice(3)).toEqual([9, 3])
  await transport.close()
})

test('only entries that failed are sent again, with what was behind them', async () => {
  const { url, calls } = await played((entries, call) => {
    if (call > 1) return taken(entries)
    const failed = { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate' }
    const results = entries.map((_, index) => (index % 100 === 0 ? failed : { ShardId: 's' }))
    return { body: { FailedRecordCount: 5, Records: results } }
  })
  const transport = await connectKinesisTransport({ url, stream: 'laps' })
  const batch = records(600)
  expect(await transport.send(batch)).toEqual({
    kind: 'unavailable',
    reason: 'ProvisionedThroughputExceededException',
  })
  expect(await transport.send(batch)).toEqual({ kind: 'acknowledged' })
  expect(sizes(calls)).toEqual([500, 105])
  await transport.close()
})

test.each([
  ['ValidationException', 400, 'refused'],
  ['ResourceNotFoundException', 400, 'unavailable'],
  ['LimitExceededException', 400, 'unavailable'],
  ['InternalFailure', 500, 'unavailable'],
])('%s with status %i is %s', async (type, status, kind) => {
  const body = { __type: type, message: 'why' }
  const { url } = await played(() => ({ status, body }))
  const transport = await connectKinesisTransport({ url, stream: 'laps' })
  expect(await transport.send(records(1))).toEqual({ kind, reason: `${type}: why` })
  await transport.close()
})

test('a door that nobody opens is an error before anything is sent, one that closes is unavailable', async () => {
  await expect(
    connectKinesisTransport({ url: 'http://127.0.0.1:1', stream: 'laps' }),
  ).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' })
  const broker = await TestBroker.start({ kinesisPort: 0 })
  const url = broker.role.doors['kinesis'] ?? ''
  const transport = await connectKinesisTransport({ url, stream: 'laps' })
  await broker.remove()
  expect(await transport.send(records(1))).toMatchObject({ kind: 'unavailable' })
  await transport.close()
})

test('the command puts a file into a stream, and reports as it does of a topic', async () => {
  const broker = await TestBroker.start({ kinesisPort: 0 })
  onTestFinished(() => broker.remove())
  const url = broker.role.doors['kinesis'] ?? ''
  const create = { method: 'POST', body: JSON.stringify({ StreamName: 'laps', ShardCount: 2 }) }
  const headers = { 'content-type': 'application/x-amz-json-1.1' }
  const target = { ...headers, 'x-amz-target': 'Kinesis_20131202.CreateStream' }
  expect((await fetch(url, { ...create, headers: target })).status).toBe(200)
  let stdout = ''
  const argv = ['--topic', 'laps', '--kinesis', url, '--report', 'json', '--file', '-']
  const lines = Array.from({ length: 700 }, (_, lap) => `{"lap":${lap}}\n`)
  const code = await runProducer(parseConfig('producer', argv, {}), {
    clock: systemClock,
    logger: silentLogger,
    stdin: Readable.from(lines).map((chunk: string) => Buffer.from(chunk)),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: () => {} },
    signal: new AbortController().signal,
  })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ acknowledged: 700, failed: 0 })
})

test.each(['nowhere', 'ftp://host', 'http://host/path?x'])(
  '--kinesis %s is refused with what it should be',
  async (url) => {
    const config = parseConfig('producer', ['--topic', 't', '--kinesis', url], {})
    const output = { write: () => {} }
    const collaborators = { clock: systemClock, logger: silentLogger, stdin: Readable.from([]) }
    const { signal } = new AbortController()
    await expect(
      runProducer(config, { ...collaborators, stdout: output, stderr: output, signal }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  },
)
