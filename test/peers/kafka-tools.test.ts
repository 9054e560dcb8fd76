// Drives the broker with Apache Kafka's own command line tools: topics, configs, offsets, directories, replicas.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'
import { runTool } from './tool.ts'

const jars = new URL('../../.cache/peers/kafka/libs', import.meta.url).pathname

let platform: Platform
let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-kafka-tools-'))
  platform = await startPlatform({ role: 'broker' })
})
afterAll(async () => {
  await platform.stop()
  await rm(scratch, { recursive: true, force: true })
})

/** What a tool of `org.apache.kafka.tools` prints; of its warnings about logging none is left. */
async function run(tool: string, args: readonly string[], input = ''): Promise<string> {
  const jvm = ['-Xmx128M', '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`]
  const command = [...jvm, `org.apache.kafka.tools.${tool}`, '--bootstrap-server', platform.kafka]
  const { stdout, stderr } = await runTool('java', [...command, ...args], { input })
  return `${stdout.toString()}${stderr}`.replaceAll(/^SLF4J.*\n/gm, '')
}

const topics = (...args: readonly string[]) => run('TopicCommand', args)
const configs = (...args: readonly string[]) => run('ConfigCommand', args)
const offsets = async (topic: string, time: string): Promise<string> =>
  (await run('GetOffsetShell', ['--topic', topic, '--time', time])).trim()

async function file(name: string, content: object): Promise<string> {
  const path = join(scratch, name)
  await writeFile(path, JSON.stringify(content))
  return path
}

test('a topic is created with configurations, described, altered and deleted', async () => {
  const set = ['--config', 'retention.ms=60000', '--config', 'compression.type=lz4']
  const numbers = ['--partitions', '3', '--replication-factor', '1']
  expect(await topics('--create', '--topic', 'life', ...numbers, ...set)).toContain('Created topic')
  const described = await topics('--describe', '--topic', 'life')
  expect(described).toContain('PartitionCount: 3\tReplicationFactor: 1')
  expect(described).toContain('Configs: compression.type=lz4,retention.ms=60000')
  expect(described).toContain('Partition: 2\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr: ')
  await topics('--alter', '--topic', 'life', '--partitions', '5')
  expect(await topics('--describe', '--topic', 'life')).toContain('PartitionCount: 5')
  expect(await topics('--alter', '--topic', 'life', '--partitions', '2')).toContain(
    'The topic life currently has 5 partition(s); 2 would not be an increase.',
  )
  await topics('--delete', '--topic', 'life')
  expect(await topics('--list')).not.toContain('life')
})

test('configurations of a topic and of the broker are described and changed', async () => {
  await topics('--create', '--topic', 'tuned')
  const topic = ['--entity-type', 'topics', '--entity-name', 'tuned']
  expect(await configs('--alter', ...topic, '--add-config', 'segment.ms=5000')).toContain(
    'Completed updating config',
  )
  expect(await configs('--describe', ...topic)).toContain(
    'segment.ms=5000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:segment.ms=5000}',
  )
  expect(await configs('--describe', ...topic, '--all')).toContain('unclean.leader.election.enable')
  expect(await configs('--alter', ...topic, '--add-config', 'segment.ms=soon')).toContain(
    'Invalid value soon for configuration segment.ms: Not a number of type LONG',
  )
  await configs('--alter', ...topic, '--delete-config', 'segment.ms')
  expect(await configs('--describe', ...topic)).not.toContain('segment.ms')
  const cluster = ['--entity-type', 'brokers', '--entity-default']
  await configs('--alter', ...cluster, '--add-config', 'log.retention.ms=7000000')
  expect(await configs('--describe', ...topic, '--all')).toContain(
    'retention.ms=7000000 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=7000000}',
  )
})

test('records are produced and consumed, counted, and deleted up to an offset', async () => {
  await topics('--create', '--topic', 'counted')
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}\n`).join('')
  await run('ConsoleProducer', ['--topic', 'counted'], lines)
  const read = ['--topic', 'counted', '--from-beginning', '--max-messages', '20']
  expect(await run('consumer.ConsoleConsumer', read)).toContain(lines)
  expect(await offsets('counted', 'latest')).toBe('counted:0:20')
  const upTo = { version: 1, partitions: [{ topic: 'counted', partition: 0, offset: 3 }] }
  const deleted = ['--offset-json-file', await file('delete.json', upTo)]
  expect(await run('DeleteRecordsCommand', deleted)).toContain('counted-0\tlow_watermark: 3')
  for (const time of ['earliest', 'earliest-local']) {
    expect(await offsets('counted', time)).toBe('counted:0:3')
  }
  expect(await offsets('counted', 'latest-tiered')).toBe('')
})

test('directories, elections, reassignments and the cluster are told', async () => {
  await topics('--create', '--topic', 'placed')
  const directories = await run('LogDirsCommand', ['--describe', '--topic-list', 'placed'])
  expect(directories).toContain('"partition":"placed-0"')
  expect(directories).toContain(platform.dataDir)
  const election = ['--election-type', 'preferred', '--topic', 'placed', '--partition', '0']
  expect(await run('LeaderElectionCommand', election)).toContain('Valid replica already elected')
  const moves = { version: 1, partitions: [{ topic: 'placed', partition: 0, replicas: [1] }] }
  const reassign = ['--reassignment-json-file', await file('moves.json', moves)]
  const tool = 'reassign.ReassignPartitionsCommand'
  expect(await run(tool, [...reassign, '--execute'])).toContain('Successfully started')
  expect(await run(tool, [...reassign, '--verify'])).toContain('placed-0 is completed')
  const args = ['-cp', `${jars}/*`, 'org.apache.kafka.tools.ClusterTool', 'list-endpoints']
  const { stdout } = await runTool('java', [...args, '--bootstrap-server', platform.kafka])
  expect(stdout.toString()).toMatch(/unfenced\s+broker/)
})
