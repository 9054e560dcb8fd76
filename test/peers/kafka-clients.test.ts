// Drives the broker with Kafka's Java clients, by the tools that send, read, show and move a group's offsets.
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const libs = '.cache/peers/kafka/libs'

let platform: Platform
beforeAll(async () => {
  if (!existsSync(libs)) throw new Error('Apache Kafka is missing: run "make test-peers"')
  platform = await startPlatform({ role: 'broker' })
})
afterAll(() => platform.stop())

/** What a tool prints; `name` is its class, of which `bin/kafka-….sh` are wrappers. */
async function tool(name: string, args: string, input = ''): Promise<string> {
  const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', '-cp', `${libs}/*`]
  const server = ['--bootstrap-server', platform.kafka]
  const command = [
    ...java,
    `org.apache.kafka.tools.${name}`,
    ...server,
    ...args.split(' ').filter((arg) => arg !== ''),
  ]
  return (await succeed('java', command, { input, timeoutMs: 60_000 })).toString()
}

/** The columns of the rows that begin with a word. */
function rows(output: string, first: string): string[][] {
  const lines = output.split('\n').map((line) => line.trim().split(/\s+/))
  return lines.filter(([word]) => word === first)
}

test('what kafka-console-producer sends, idempotent by default, kafka-console-consumer reads', async () => {
  await tool('TopicCommand', '--create --topic spoken --partitions 3')
  const produce =
    '--topic spoken --reader-property parse.key=true --reader-property key.separator=:'
  await tool('ConsoleProducer', `${produce} --compression-codec lz4`, 'k1:a\nk2:b\nk1:c\n')
  const consume =
    '--topic spoken --from-beginning --max-messages 3 --timeout-ms 20000 --group spoken'
  const read = await tool(
    'consumer.ConsoleConsumer',
    `${consume} --formatter-property print.key=true`,
  )
  expect(rows(read, 'k1')).toEqual([
    ['k1', 'a'],
    ['k1', 'c'],
  ])
  expect(rows(read, 'k2')).toEqual([['k2', 'b']])
  const ends = rows((await tool('GetOffsetShell', '--topic spoken')).replaceAll(':', ' '), 'spoken')
  expect(ends.map(([, , offset]) => Number(offset)).reduce((sum, offset) => sum + offset, 0)).toBe(
    3,
  )

  const described = await tool('consumer.group.ConsumerGroupCommand', '--describe --group spoken')
  const lags = rows(described, 'spoken').map(([, , , , , lag]) => lag)
  expect(lags).toEqual(['0', '0', '0'])
  const reset = '--group spoken --reset-offsets --to-earliest --topic spoken --execute'
  const moved = await tool('consumer.group.ConsumerGroupCommand', reset)
  expect(rows(moved, 'spoken').map(([, , , offset]) => offset)).toEqual(['0', '0', '0'])
  await tool('consumer.group.ConsumerGroupCommand', '--delete --group spoken')
  expect(await tool('consumer.group.ConsumerGroupCommand', '--list')).not.toContain('spoken')
})

test('kafka-producer-perf-test delivers all of its records', async () => {
  await tool('TopicCommand', '--create --topic perf --partitions 2')
  const load = '--topic perf --num-records 20000 --record-size 200 --throughput -1'
  expect(await tool('ProducerPerformance', load)).toContain('20000 records sent')
  const ends = rows((await tool('GetOffsetShell', '--topic perf')).replaceAll(':', ' '), 'perf')
  expect(ends.reduce((sum, [, , offset]) => sum + Number(offset), 0)).toBe(20_000)
})

test('kafka-broker-api-versions can use every API that the broker names', async () => {
  const listed = await tool('BrokerApiVersionsCommand', '')
  expect(listed.match(/\[usable: \d+\]/g)?.length).toBeGreaterThan(30)
  expect(listed).not.toContain('[unusable: ')
})
