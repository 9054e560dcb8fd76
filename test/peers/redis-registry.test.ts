// Tests the registry in a real Redis: the contract, two copies that write, and Redis going and coming back.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { silentLogger } from '../../common/logger.ts'
import { RedisConnection } from '../../common/redis.ts'
import type { RegistryWriter } from '../../control/registry/entry-registry.ts'
import { RedisRegistry } from '../../control/registry/redis-registry.ts'
import { RedisServer } from '../support/redis-server.ts'
import {
  eventually,
  functionRecord,
  mappingRecord,
  registryContract,
} from '../support/registry-contract.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stop())

interface Opened {
  readonly registry: RedisRegistry
  readonly redis: RedisConnection
  close(): Promise<void>
}

async function open(writer: RegistryWriter): Promise<Opened> {
  const redis = await RedisConnection.open({
    url: server.url,
    clientName: `test-${writer}`,
    clock: systemClock,
    logger: silentLogger,
  })
  const options = { redis, writer, clock: systemClock, logger: silentLogger }
  const registry = await RedisRegistry.open(options)
  const close = async (): Promise<void> => {
    await registry.close()
    await redis.close()
  }
  return { registry, redis, close }
}

/** In an empty Redis; closed after the test. */
async function opened(...writers: readonly RegistryWriter[]): Promise<readonly Opened[]> {
  const all: Opened[] = []
  onTestFinished(async () => {
    for (const each of all) await each.close()
  })
  await empty()
  for (const writer of writers) all.push(await open(writer))
  return all
}

async function empty(): Promise<void> {
  const { redis, close } = await open('reader')
  await redis.call('FLUSHALL')
  await close()
}

registryContract('redis', async () => {
  await empty()
  let all: Opened[] = []
  const both = async () => {
    const [control, poller] = [await open('control'), await open('poller')]
    const workers = await open('workers')
    all = [control, poller, workers]
    return {
      control: control.registry,
      poller: poller.registry,
      workers: workers.registry,
    }
  }
  const cleanUp = async (): Promise<void> => {
    for (const each of all) await each.close()
  }
  const reopen = async (): ReturnType<typeof both> => {
    await cleanUp()
    return both()
  }
  return { ...(await both()), reopen, cleanUp }
})

test('of two copies that change one entry at the same time, one is refused and then knows better', async () => {
  const [a, b] = (await opened('control', 'control')).map(({ registry }) => registry)
  if (a === undefined || b === undefined) throw new Error('two were opened')
  await a.putFunction(functionRecord())
  await eventually(b, () => b.function('tyres') !== undefined)
  const results = await Promise.allSettled([
    a.putFunction(functionRecord({ revision: 2, description: 'of a' })),
    b.putFunction(functionRecord({ revision: 2, description: 'of b' })),
  ])
  const refused = results.flatMap((r) => (r.status === 'rejected' ? [r.reason as unknown] : []))
  expect(refused).toMatchObject([{ code: 'REGISTRY_CONFLICT', retriable: true }])
  const kept = results[0]?.status === 'fulfilled' ? 'of a' : 'of b'
  await eventually(a, () => a.function('tyres')?.description === kept)
  await eventually(b, () => b.function('tyres')?.description === kept)
})

test('a change of an older entry is refused, even by a copy that has heard of the newer one', async () => {
  const [a, b] = (await opened('control', 'control')).map(({ registry }) => registry)
  if (a === undefined || b === undefined) throw new Error('two were opened')
  const [first, next] = [mappingRecord(), mappingRecord({ revision: 2, batchSize: 2 })]
  await a.putMapping(first)
  await a.putMapping(next)
  await eventually(b, () => b.mapping(first.uuid)?.revision === 2)
  await expect(b.putMapping({ ...first, revision: 2, batchSize: 3 })).rejects.toMatchObject({
    code: 'REGISTRY_CONFLICT',
  })
  expect(b.mapping(first.uuid)).toEqual(next)
})

test('a status is not put for a mapping that is gone', async () => {
  const [control, poller] = (await opened('control', 'poller')).map(({ registry }) => registry)
  if (control === undefined || poller === undefined) throw new Error('two were opened')
  const { uuid } = mappingRecord()
  await control.putMapping(mappingRecord())
  await eventually(poller, () => poller.mapping(uuid) !== undefined)
  await control.removeMapping(uuid)
  await poller.putStatus({ uuid, revision: 1, state: 'gone', lastProcessingResult: '' })
  expect(poller.status(uuid)).toBeUndefined()
})

test('an entry that does not parse is reported and left alone; the rest goes on', async () => {
  const [control] = await opened('control')
  if (control === undefined) throw new Error('one was opened')
  await control.registry.putFunction(functionRecord())
  await control.redis.call('HSET', 'millrace:functions', 'bad', '{ half an entry')
  const reader = await open('reader')
  onTestFinished(() => reader.close())
  expect(reader.registry.functions()).toEqual([functionRecord()])
  expect(reader.registry.problems()).toEqual([
    'millrace:functions bad is not a registry entry: it is not JSON',
  ])
})

test('a process writes only what it is the writer of', async () => {
  const [reader] = await opened('reader')
  expect(() => reader?.registry.putFunction(functionRecord())).toThrow('does not write')
})

test('Redis gone: reads go on, writes say so at once, and everything settles when it is back', async () => {
  const [control, poller] = await opened('control', 'poller')
  if (control === undefined || poller === undefined) throw new Error('two were opened')
  await control.registry.putFunction(functionRecord())
  await eventually(poller.registry, () => poller.registry.function('tyres') !== undefined)
  await server.kill9()
  await expect.poll(() => control.redis.isUp || poller.redis.isUp).toBe(false)
  expect(poller.registry.functions()).toEqual([functionRecord()])
  await expect(control.registry.putFunction(functionRecord({ revision: 2 }))).rejects.toMatchObject(
    { code: 'REDIS_UNREACHABLE', retriable: true },
  )
  expect(control.registry.function('tyres')?.revision).toBe(1)
  expect(control.registry.problems()[0]).toMatch(/^no Redis answers at 127\.0\.0\.1:\d+: .+/)
  await server.start()
  await expect.poll(() => control.redis.isUp && poller.redis.isUp, { timeout: 5_000 }).toBe(true)
  expect(control.registry.problems()).toEqual([])
  await control.registry.putFunction(functionRecord({ revision: 3 }))
  await eventually(poller.registry, () => poller.registry.function('tyres')?.revision === 3)
})

test('a change made while a copy could not hear of it is seen once it is connected again', async () => {
  const [control, reader] = await opened('control', 'reader')
  if (control === undefined || reader === undefined) throw new Error('two were opened')
  const followers = async (): Promise<number> =>
    String(await control.redis.call('CLIENT', 'LIST', 'TYPE', 'pubsub')).split('name=').length - 1
  await expect.poll(followers).toBe(2)
  await control.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await control.registry.putFunction(functionRecord())
  // Sooner than the slow look at the versions would see it.
  await expect.poll(() => reader.registry.function('tyres'), { timeout: 2_000 }).toBeDefined()
})

test('a Redis that hangs is given up after two seconds, and followed again when it moves', async () => {
  const [control, poller] = await opened('control', 'poller')
  if (control === undefined || poller === undefined) throw new Error('two were opened')
  server.freeze()
  try {
    await expect(control.registry.putFunction(functionRecord())).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
    })
    await expect.poll(() => control.redis.isUp, { timeout: 5_000 }).toBe(false)
  } finally {
    server.thaw()
  }
  await expect.poll(() => control.redis.isUp, { timeout: 10_000 }).toBe(true)
  await control.registry.putFunction(functionRecord({ name: 'after' }))
  await eventually(poller.registry, () => poller.registry.function('after') !== undefined)
})
