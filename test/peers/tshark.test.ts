// Has tshark's Kafka dissector read what our tables write: random messages of every API at every version it knows.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ApiName } from '../../protocol/apis.ts'
import { encodeBatch } from '../../protocol/record-batch.ts'
import { encodeRequest, encodeResponse } from '../../protocol/request.ts'
import { capturePort, KafkaCapture } from '../support/kafka-capture.ts'
import { everyVersion, randomMessage, type RandomMessage } from '../support/random-messages.ts'
import { randomFrom, seed } from '../support/seeded-random.ts'
import { succeed } from './tool.ts'

/** Of these tshark 4.0 misreads nested arrays or opaque bytes; other clients' tests cover them. */
const misread = new Set<ApiName>([
  'AlterPartitionReassignments',
  'CreatePartitions',
  'CreateTopics',
  'DeleteTopics',
  'DescribeGroups',
  'ElectLeaders',
  'JoinGroup',
  'ListPartitionReassignments',
  'SaslAuthenticate',
  'SyncGroup',
])
const rounds = 5

let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-tshark-'))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

interface Dissected {
  readonly name: ApiName
  readonly version: number
  readonly kind: RandomMessage['kind']
  /** tshark's complaints; none where it read the message from its first byte to its last. */
  readonly complaints: string
}

/** One message a packet, one connection for each request and its response. */
async function dissect(): Promise<readonly Dissected[]> {
  const random = randomFrom(seed)
  const capture = new KafkaCapture()
  const sent: Omit<Dissected, 'complaints'>[] = []
  const records = encodeBatch({ records: [{ key: null, value: Buffer.from('v'), timestamp: 1 }] })
  for (const { name, version } of Array(rounds).fill(everyVersion).flat() as typeof everyVersion) {
    const correlationId = sent.length
    const bytes = name === 'Produce' || name === 'Fetch' ? records : Buffer.from('opaque')
    const request = randomMessage(random, { name, kind: 'request', version, bytes })
    const header = { api: name, version, correlationId, clientId: 'tshark' }
    capture.add('client', 10_000 + correlationId, Buffer.concat(encodeRequest(header, request)))
    sent.push({ name, version, kind: 'request' })
    const response = randomMessage(random, { name, kind: 'response', version, bytes })
    const frame = Buffer.concat(encodeResponse(name, version, correlationId, response))
    capture.add('server', 10_000 + correlationId, frame)
    sent.push({ name, version, kind: 'response' })
  }
  const complaints = await runTshark(capture)
  expect(complaints).toHaveLength(sent.length)
  return sent.map(({ name, version, kind }, index) => {
    return { name, version, kind, complaints: complaints[index] ?? '' }
  })
}

async function runTshark(capture: KafkaCapture): Promise<readonly string[]> {
  const file = join(scratch, 'frames.pcap')
  await writeFile(file, capture.toFile())
  const args = ['-r', file, '-d', `tcp.port==${capturePort},kafka`, '-T', 'fields']
  const output = await succeed('tshark', [
    ...args,
    '-e',
    'frame.number',
    '-e',
    '_ws.expert.message',
  ])
  const lines = output.toString().trimEnd().split('\n')
  return lines.map((line) => line.split('\t')[1] ?? '')
}

/** Versions that came after tshark 4.0, and responses to requests of them. */
const isUnknown = ({ complaints }: Dissected): boolean =>
  /^(?:Unsupported|Unknown|Request missing)/.test(complaints)

test(`every message is as long as tshark finds it, and nothing in it is malformed (SEED=${seed})`, async () => {
  const messages = (await dissect()).filter(({ name }) => !misread.has(name))
  const known = messages.filter((message) => !isUnknown(message))
  expect(known.filter(({ complaints }) => complaints !== '')).toEqual([])
  const versions = new Set(known.map(({ name, version, kind }) => `${name} ${version} ${kind}`))
  expect(versions.size).toBeGreaterThanOrEqual(160)
})
