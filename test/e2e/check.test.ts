// Tests the check of a data directory as an operator runs it: exit codes, what it prints, who holds the lock.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { batchOf } from '../support/log-store.ts'
import { run, startPlatform } from '../support/platform.ts'
import { RawKafka } from '../support/raw-kafka.ts'

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-check-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

test('a directory that a broker holds is not checked; one that was killed is sound; damage is told', async () => {
  const broker = await startPlatform({ role: 'broker', dataDir })
  const client = await RawKafka.connect(broker.kafka)
  const topics = [
    { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] },
  ]
  await client.ask('CreateTopics', 4, { topics, timeoutMs: 1000 })
  for (const value of ['a', 'b', 'c']) {
    const partitionData = [{ index: 0, records: batchOf([value]) }]
    await client.ask('Produce', 8, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 't', partitionData }],
    })
  }
  const held = await run(['check', dataDir])
  expect([held.code, held.stdout]).toEqual([2, ''])
  expect(held.stderr).toMatch(new RegExp(`in use by process ${broker.pid}\n$`))
  await broker.kill9()
  const sound = await run(['check', dataDir])
  expect([sound.code, sound.stderr]).toEqual([0, ''])
  expect(sound.stdout).toMatch(/: nothing wrong\n$/)
  const again = await startPlatform({ role: 'broker', dataDir })
  await again.stop()
  const log = join(dataDir, 'broker/log/topics/t/0/00000000000000000000.log')
  const bytes = await readFile(log)
  const position = batchOf(['a']).length
  bytes[position + 64] = (bytes[position + 64] ?? 0) ^ 1
  await writeFile(log, bytes)
  const damaged = await run(['check', dataDir, '--json'])
  expect(damaged.code).toBe(1)
  expect(JSON.parse(damaged.stdout)).toMatchObject({
    topics: 3,
    batches: 2,
    findings: [{ kind: 'damage', file: log, position }],
  })
  const told = await run(['check', join(dataDir, 'broker')])
  expect(told.code).toBe(1)
  expect(told.stdout).toContain(`damage: ${log} at ${position}: offset 1 is due`)
  expect(told.stdout).toContain('1 damaged\n')
  expect(await readFile(log)).toEqual(bytes)
})

test('what cannot be checked is one line, or the help, and exit code 2', async () => {
  const none = await run(['check', dataDir])
  expect([none.code, none.stderr]).toEqual([
    2,
    `millrace: ${dataDir}: no broker has kept a log there\n`,
  ])
  expect((await run(['check'])).code).toBe(2)
  expect((await run(['check', dataDir, '--repair'])).stderr).toContain('there is no --repair')
  const help = await run(['check', '--help'])
  expect(help.code).toBe(0)
  expect(help.stdout).toContain('Exit code: 0 nothing is damaged')
})
