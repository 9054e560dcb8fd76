// Tests leases in a real Redis: the contract, sharing, taking over from the dead, and Redis away.
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { silentLogger } from '../../common/logger.ts'
import { RedisLeases } from '../../poller/redis-leases.ts'
import { leasesContract, PlayedHolder } from '../support/leases-contract.ts'
import { redisForTest } from '../support/redis-for-test.ts'

const { server, redis, connect } = redisForTest()

const mappings = ['a', 'b', 'c', 'd', 'e', 'f']

interface Copy {
  readonly leases: RedisLeases
  readonly holder: PlayedHolder
  /** Neither beats nor hears any more, as after kill -9; the mappings "run" on. */
  die(): Promise<void>
}

async function copy(): Promise<Copy> {
  const own = await connect()
  const leases = new RedisLeases({ redis: own, clock: systemClock, logger: silentLogger })
  const holder = new PlayedHolder()
  onTestFinished(async () => {
    await leases.stop()
    await own.close()
  })
  leases.start(holder)
  for (const uuid of mappings) leases.add(uuid)
  return { leases, holder, die: () => own.close() }
}

const counts = (...copies: readonly Copy[]): readonly number[] =>
  copies.map(({ holder }) => holder.running.size)
const all = (...copies: readonly Copy[]): readonly string[] =>
  copies.flatMap(({ holder }) => Array.from(holder.running)).toSorted()

leasesContract('redis', async () => {
  const leases = new RedisLeases({ redis: redis(), clock: systemClock, logger: silentLogger })
  return leases
})

test('mappings spread evenly when a second and a third poller come, each running once', async () => {
  const first = await copy()
  await expect.poll(() => counts(first)).toEqual([6])
  const second = await copy()
  await expect.poll(() => counts(first, second), { timeout: 5_000 }).toEqual([3, 3])
  const third = await copy()
  await expect.poll(() => counts(first, second, third), { timeout: 5_000 }).toEqual([2, 2, 2])
  expect(all(first, second, third)).toEqual(mappings)
})

test('what is given back starts elsewhere only when it has come to its end', async () => {
  const first = await copy()
  await expect.poll(() => counts(first)).toEqual([6])
  const drained = Promise.withResolvers<void>()
  first.holder.draining = drained.promise
  const second = await copy()
  await expect.poll(() => first.leases.held, { timeout: 5_000 }).toBe(3)
  // The second one's next beat finds nothing free, whatever the first does not want any more.
  await expect.poll(async () => redis().call('ZCARD', 'millrace:pollers')).toBe(2)
  expect(counts(first, second)).toEqual([6, 0])
  drained.resolve()
  await expect.poll(() => counts(first, second), { timeout: 5_000 }).toEqual([3, 3])
})

test('a poller that stops leaves its mappings to the others within two beats', async () => {
  const [first, second] = [await copy(), await copy()]
  await expect.poll(() => counts(first, second), { timeout: 5_000 }).toEqual([3, 3])
  await second.leases.stop()
  await expect.poll(() => counts(first, second), { timeout: 2_500 }).toEqual([6, 0])
})

test('a dead poller is taken over within 10 s', async () => {
  const [first, second] = [await copy(), await copy()]
  await expect.poll(() => counts(first, second), { timeout: 5_000 }).toEqual([3, 3])
  const startedMs = systemClock.now()
  await second.die()
  await expect.poll(() => counts(first), { timeout: 10_000 }).toEqual([6])
  const tookMs = systemClock.now() - startedMs
  expect(tookMs).toBeGreaterThan(4_000)
  expect(tookMs).toBeLessThan(10_000)
})

test('Redis away longer than a lease lasts: everyone goes on with what they have, then and after', async () => {
  const [first, second] = [await copy(), await copy()]
  await expect.poll(() => counts(first, second), { timeout: 5_000 }).toEqual([3, 3])
  const before = [...first.holder.running].toSorted()
  await server().kill9()
  await new Promise((resolve) => systemClock.after(7_000, () => resolve(undefined)))
  expect(counts(first, second)).toEqual([3, 3])
  await server().start()
  // Long enough for several beats of both, whoever reconnects first.
  await new Promise((resolve) => systemClock.after(3_000, () => resolve(undefined)))
  expect([...first.holder.running].toSorted()).toEqual(before)
  expect(all(first, second)).toEqual(mappings)
  expect([...first.holder.taken, ...second.holder.taken]).toEqual([])
})

test('who was silent for too long stops what another has taken over', async () => {
  const first = await copy()
  await expect.poll(() => counts(first)).toEqual([6])
  await redis().call('HSET', 'millrace:leases', 'a', 'another')
  await redis().call('ZADD', 'millrace:pollers', Date.now(), 'another')
  await expect.poll(() => first.holder.taken, { timeout: 3_000 }).toContain('a')
  expect(first.holder.running.has('a')).toBe(false)
})

test('a Redis that lost its data is told again who runs what, without a stop', async () => {
  const [first, second] = [await copy(), await copy()]
  await expect.poll(() => counts(first, second), { timeout: 5_000 }).toEqual([3, 3])
  await redis().call('FLUSHALL')
  await expect.poll(async () => redis().call('HLEN', 'millrace:leases'), { timeout: 3_000 }).toBe(6)
  expect(counts(first, second)).toEqual([3, 3])
  expect([...first.holder.taken, ...second.holder.taken]).toEqual([])
})
