// Drives the broker with kcat (librdkafka): metadata, produce, consume, groups, codecs, refusals.
import { randomBytes } from 'node:crypto'
import { globSync } from 'node:fs'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKafka } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { validateBatches, type BatchInfo } from '../../protocol/record-batch.ts'
import { eventually } from '../support/eventually.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { runTool, succeed, type ToolResult } from './tool.ts'

let platform: Platform
let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-kcat-'))
  platform = await start()
})
afterAll(async () => {
  await platform.stop()
  await rm(scratch, { recursive: true, force: true })
})

function start(): Promise<Platform> {
  return startPlatform({ args: ['--num-partitions', '3'], dataDir: join(scratch, 'data') })
}

/** A record as kcat's JSON envelope shows it. */
interface Envelope {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly tstype: string
  readonly ts: number
  readonly headers?: readonly string[]
  readonly key: string | null
  readonly payload: string | null
}

function kcat(args: readonly string[], input?: string): Promise<Buffer> {
  const options = input === undefined ? {} : { input }
  return succeed('kcat', ['-b', platform.kafka, ...args], options)
}

function tryKcat(args: readonly string[], input = ''): Promise<ToolResult> {
  return runTool('kcat', ['-b', platform.kafka, ...args], { input })
}

/** Consumes to the end of the topic, or of what `args` ask for. */
async function consume(topic: string, ...args: string[]): Promise<Envelope[]> {
  const output = await kcat(['-C', '-t', topic, '-e', '-q', '-J', ...args])
  return envelopes(output)
}

function envelopes(output: Buffer): Envelope[] {
  const lines = output.toString().split('\n')
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Envelope)
}

const payloads = (records: readonly Envelope[]): (string | null)[] =>
  records.map(({ payload }) => payload)
const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `record ${i + from}`)
const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('')

test('the list of metadata shows the broker, and the partitions of a topic that producing created', async () => {
  await kcat(['-P', '-t', 'listed'], 'x\n')
  const listed = JSON.parse((await kcat(['-L', '-J'])).toString()) as {
    brokers: { id: number; name: string }[]
    topics: { topic: string; partitions: { partition: number; leader: number }[] }[]
  }
  expect(listed.brokers.map(({ name }) => name)).toEqual([platform.kafka])
  const topic = listed.topics.find((entry) => entry.topic === 'listed')
  expect(topic?.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2])
  expect(new Set(topic?.partitions.map(({ leader }) => leader))).toEqual(
    new Set(listed.brokers.map(({ id }) => id)),
  )
})

test('keys, values, headers, offsets and times come back as they were sent', async () => {
  const before = Date.now()
  const sent = ['a:1', 'b:2', 'a:3', 'ü:€ 😀', 'c:']
  await kcat(['-P', '-t', 'kept', '-p', '1', '-K:', '-H', 'one=1', '-H', 'two=zwei'], lines(sent))
  const records = await consume('kept', '-p', '1', '-o', 'beginning')
  expect(records.map(({ key, payload }) => `${key}:${payload}`)).toEqual(sent)
  expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4])
  expect(records[0]).toMatchObject({ topic: 'kept', partition: 1, tstype: 'create' })
  expect(records[4]?.headers).toEqual(['one', '1', 'two', 'zwei'])
  for (const { ts } of records) {
    expect(ts).toBeGreaterThanOrEqual(before)
    expect(ts).toBeLessThanOrEqual(Date.now())
  }
})

test('a key keeps to one partition, where its records keep their order', async () => {
  const sent = Array.from({ length: 3000 }, (_, i) => `k${i % 50}:${i}`)
  await kcat(['-P', '-t', 'ordered', '-K:'], lines(sent))
  const records = await consume('ordered', '-o', 'beginning')
  expect(records).toHaveLength(3000)
  expect(new Set(records.map(({ partition }) => partition)).size).toBe(3)
  for (const ofKey of Map.groupBy(records, ({ key }) => key).values()) {
    expect(new Set(ofKey.map(({ partition }) => partition)).size).toBe(1)
    const order = ofKey.map(({ payload }) => Number(payload))
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  }
})

test('consuming starts at the end, or a number of records before it, or at an offset', async () => {
  await kcat(['-P', '-t', 'places', '-p', '0'], lines(numbered(10)))
  const from = async (offset: string): Promise<(string | null)[]> =>
    payloads(await consume('places', '-p', '0', '-o', offset))
  expect(await from('end')).toEqual([])
  expect(await from('-2')).toEqual(['record 8', 'record 9'])
  expect(await from('7')).toEqual(['record 7', 'record 8', 'record 9'])
})

test('consuming from a time starts at the first record of that time or later', async () => {
  await kcat(['-P', '-t', 'times', '-p', '0'], lines(numbered(5)))
  const [last] = (await consume('times', '-p', '0', '-o', '-1')).map(({ ts }) => ts)
  const between = (last ?? 0) + 1
  await eventually(
    () => (Date.now() > between ? true : undefined),
    () => 'a later millisecond',
  )
  await kcat(['-P', '-t', 'times', '-p', '0'], lines(numbered(5, 5)))
  const later = await consume('times', '-p', '0', '-o', `s@${between}`)
  expect(payloads(later)).toEqual(numbered(5, 5))
  const offsetAt = async (time: number): Promise<string> =>
    (await kcat(['-Q', '-t', `times:0:${time}`])).toString().trim()
  expect(await offsetAt(between)).toBe('times [0] offset 5')
  expect(await offsetAt(0)).toBe('times [0] offset 0')
})

test('two consumers of a group, in turn, share its records by the offsets it commits', async () => {
  await kcat(['-P', '-t', 'shared', '-p', '0'], lines(numbered(10)))
  const asGroup = (...args: string[]): Promise<Buffer> =>
    kcat(['-G', 'in-turn', '-q', '-J', '-X', 'auto.offset.reset=earliest', ...args, 'shared'])
  const first = envelopes(await asGroup('-c', '4'))
  expect(payloads(first)).toEqual(numbered(4))
  expect(await committed('in-turn', 'shared', 0)).toBe('4')
  const second = envelopes(await asGroup('-e'))
  expect(payloads(second)).toEqual(numbered(6, 4))
  expect(await committed('in-turn', 'shared', 0)).toBe('10')
})

async function committed(group: string, topic: string, partition: number): Promise<string> {
  const kafka = await createKafka({
    brokers: [platform.kafka],
    clientId: 'peers',
    logger: silentLogger,
  })
  const admin = kafka.admin()
  await admin.connect()
  const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  await admin.disconnect()
  return offsets?.partitions.find((entry) => entry.partition === partition)?.offset ?? 'none'
}

// The codec's number in a batch's attributes (Kafka: record batch format, bits 0 to 2).
test.each([
  ['gzip', 1],
  ['snappy', 2],
  ['lz4', 3],
  ['zstd', 4],
])('a batch of %s is kept and delivered as it was compressed', async (codec, number) => {
  const topic = `codec-${codec}`
  const sent = Array.from({ length: 500 }, (_, i) => `${i} ${'the same again '.repeat(20)}`)
  await kcat(['-P', '-t', topic, '-p', '0', '-z', codec, '-X', 'linger.ms=200'], lines(sent))
  const records = await consume(topic, '-p', '0', '-o', 'beginning')
  expect(payloads(records)).toEqual(sent)
  expect(records.map(({ offset }) => offset)).toEqual(sent.map((_, index) => index))
  expect((await firstAttributes(topic)) & 7).toBe(number)
})

/** The attributes of the first batch in a topic's first segment: bytes 21 and 22. */
async function firstAttributes(topic: string): Promise<number> {
  return eventually(
    async () => {
      const [path] = globSync(`**/${topic}/0/00000000000000000000.log`, { cwd: platform.dataDir })
      if (path === undefined) return undefined
      const file = await open(join(platform.dataDir, path))
      const { buffer, bytesRead } = await file.read(Buffer.alloc(23), 0, 23, 0)
      await file.close()
      return bytesRead === 23 ? buffer.readInt16BE(21) : undefined
    },
    () => `a segment of ${topic} under ${platform.dataDir}`,
  )
}

test('an idempotent producer gets an id, and its batches carry it in sequence', async () => {
  const idempotent = ['-X', 'enable.idempotence=true', '-X', 'batch.num.messages=10']
  await kcat(['-P', '-t', 'once', '-p', '0', ...idempotent], lines(numbered(200)))
  await kcat(['-P', '-t', 'once', '-p', '0', ...idempotent], lines(numbered(100, 200)))
  const records = await consume('once', '-p', '0', '-o', 'beginning')
  expect(payloads(records)).toEqual(numbered(300))
  const batches = await batchesOf('once')
  expect(new Set(batches.map(({ producerId }) => producerId)).size).toBe(2)
  for (const ofProducer of Map.groupBy(batches, ({ producerId }) => producerId).values()) {
    let due = 0
    for (const { producerId, baseSequence, recordCount } of ofProducer) {
      expect([producerId >= 0, baseSequence]).toEqual([true, due])
      due += recordCount
    }
  }
})

/** The headers of the batches in a topic's first segment, once they are there. */
async function batchesOf(topic: string): Promise<readonly BatchInfo[]> {
  return eventually(
    async () => {
      const [path] = globSync(`**/${topic}/0/00000000000000000000.log`, { cwd: platform.dataDir })
      const bytes = path && (await readFile(join(platform.dataDir, path)))
      const found = bytes === undefined || bytes === '' ? undefined : validateBatches(bytes)
      const records = found?.ok === true ? found.batches : []
      const count = records.reduce((sum, { recordCount }) => sum + recordCount, 0)
      return count === 300 ? records : undefined
    },
    () => `300 records in the segment of ${topic} under ${platform.dataDir}`,
  )
}

test('a record of nearly a megabyte passes, unchanged', async () => {
  const large = randomBytes(450_000).toString('hex')
  const file = join(scratch, 'large')
  await writeFile(file, large)
  await kcat(['-P', '-t', 'large', '-p', '0', file])
  const [record] = await consume('large', '-p', '0', '-o', 'beginning')
  expect(record?.payload).toBe(large)
})

test('a larger record than a topic takes is refused with Kafka’s words', async () => {
  const file = join(scratch, 'too-large')
  await writeFile(file, randomBytes(1_000_000).toString('hex'))
  const allowing = ['-X', 'message.max.bytes=4000000']
  const result = await tryKcat(['-P', '-t', 'large', '-p', '0', ...allowing, file])
  expect(result.stderr).toContain('Broker: Message size too large')
  expect(result.code).toBe(1)
})

test('consuming a topic that is not there is refused, and does not create it', async () => {
  for (let attempt = 0; attempt < 2; attempt++) {
    const result = await tryKcat(['-C', '-t', 'nowhere', '-e'])
    expect(result.stderr).toContain('Unknown topic or partition')
    expect(result.code).toBe(1)
  }
  expect((await kcat(['-L'])).toString()).not.toContain('nowhere')
})

test('producing to a partition that is not there is refused', async () => {
  await kcat(['-P', '-t', 'three'], 'x\n')
  const result = await tryKcat(['-P', '-t', 'three', '-p', '7'], 'x\n')
  expect(result.stderr).toMatch(/Unknown (topic or )?partition/)
  expect(result.code).toBe(1)
})

test('what kcat saw acknowledged is there after a kill -9, and so are the group’s offsets', async () => {
  await kcat(['-P', '-t', 'durable', '-p', '2', '-K:'], lines(['k:1', 'k:2', 'k:3']))
  const asGroup = ['-G', 'durable', '-q', '-J', '-X', 'auto.offset.reset=earliest']
  await kcat([...asGroup, '-c', '2', 'durable'])
  await platform.kill9()
  platform = await start()
  expect(payloads(await consume('durable', '-o', 'beginning'))).toEqual(['1', '2', '3'])
  expect(payloads(envelopes(await kcat([...asGroup, '-e', 'durable'])))).toEqual(['3'])
})
