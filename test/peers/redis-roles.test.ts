// Runs two pollers and two workers over one Redis, kills copies, and counts what was handled.
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient, readRecorded, recordingHandler } from '../support/lambda.ts'
import { run, type Platform } from '../support/platform.ts'
import { rolesOverRedis } from '../support/roles-over-redis.ts'

const over = rolesOverRedis()

const topics = ['one', 'two', 'three', 'four']

test('copies over one Redis share mappings, and what a killed one ran goes on elsewhere', async () => {
  const broker = await over.start('broker')
  const [workers, others] = [await over.start('workers'), await over.start('workers')]
  const env = { MILLRACE_BROKERS: broker.kafka, MILLRACE_WORKERS_URL: workers.workers }
  const control = await over.start('control', env)
  const pollers = [
    await over.start('poller', env),
    await over.start('poller', { ...env, MILLRACE_WORKERS_URL: others.workers }),
  ] as const
  const client = lambdaClient(control)
  const out = join(over.directory(), 'out.ndjson')
  const uuids: string[] = []
  for (const topic of topics) {
    const files = { 'index.mjs': recordingHandler }
    await createFunction(client, { name: topic, files, environment: { OUT: out } })
    uuids.push(await createMapping(client, broker, topic))
  }
  for (const uuid of uuids) await isEnabled(client, uuid)
  await expect.poll(() => Promise.all(pollers.map(leasesHeld)), { timeout: 10_000 }).toEqual([2, 2])

  for (const topic of topics) await sends(broker, topic, ['first'])
  await handled(out, ['first'])

  // Under way while the copy dies: nothing that was acknowledged may be lost.
  const [survivor, victim] = pollers
  const killedMs = performance.now()
  await victim.kill9()
  for (const topic of topics) await sends(broker, topic, ['second'])
  await expect.poll(() => leasesHeld(survivor), { timeout: 10_000 }).toBe(4)
  const leasesMs = Math.round(performance.now() - killedMs)
  await handled(out, ['first', 'second'])
  const recordsMs = Math.round(performance.now() - killedMs)
  process.stdout.write(`taken over after ${leasesMs} ms, handled after ${recordsMs} ms\n`)

  // Redis gone: what runs goes on, a change is refused in words, and works again later.
  await over.redis().kill9()
  for (const topic of topics) await sends(broker, topic, ['third'])
  await handled(out, ['third'])
  const files = { 'index.mjs': recordingHandler }
  await expect(createFunction(client, { name: 'late', files })).rejects.toThrow('no Redis answers')
  await over.redis().start()
  await eventually(
    async () => ((await connected(control)) === 1 ? true : undefined),
    () => control.log(),
  )
  await createFunction(client, { name: 'late', files })
  client.destroy()
})

async function createMapping(
  client: LambdaClient,
  broker: Platform,
  topic: string,
): Promise<string> {
  const { UUID } = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: topic,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [broker.kafka] } },
      Topics: [topic],
      MaximumBatchingWindowInSeconds: 0,
    }),
  )
  return UUID ?? ''
}

async function isEnabled(client: LambdaClient, uuid: string): Promise<void> {
  let state: string | undefined
  await eventually(
    async () => {
      state = (await client.send(new GetEventSourceMappingCommand({ UUID: uuid }))).State
      return state === 'Enabled' ? true : undefined
    },
    () => `mapping ${uuid} is ${state}`,
  )
}

async function metric(role: Platform, name: string): Promise<number> {
  const page = await (await fetch(role.metrics)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1])
}
const leasesHeld = (role: Platform): Promise<number> => metric(role, 'millrace_poller_leases_held')
const connected = (role: Platform): Promise<number> => metric(role, 'millrace_redis_connected')

async function sends(broker: Platform, topic: string, values: readonly string[]): Promise<void> {
  const args = ['producer', '--brokers', broker.kafka, '--topic', topic, '--file', '-']
  const result = await run(args, { input: values.map((v) => `${JSON.stringify(v)}\n`).join('') })
  expect(result, result.stderr).toMatchObject({ code: 0 })
}

/** Each of the values, of each topic. */
async function handled(out: string, values: readonly string[]): Promise<void> {
  const due = topics.flatMap((topic) => values.map((value) => `${topic} ${JSON.stringify(value)}`))
  let seen: string[] = []
  await eventually(
    async () => {
      seen = (await readRecorded(out)).map(({ topic, value }) => `${topic} ${value}`)
      return due.every((each) => seen.includes(each)) ? true : undefined
    },
    () => `${due.join()} handled; ${seen.join()} were\n${over.log()}`,
    40_000,
  )
}
