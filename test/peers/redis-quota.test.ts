// Tests the account's concurrency shared over a real Redis: the limit, spares, the dead, Redis away.
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { silentLogger } from '../../common/logger.ts'
import { RedisConnection } from '../../common/redis.ts'
import { ConcurrencyLedger } from '../../workers/concurrency.ts'
import { RedisQuota } from '../../workers/redis-quota.ts'
import { RedisServer } from '../support/redis-server.ts'

const accountConcurrency = 10

let server: RedisServer
let redis: RedisConnection
beforeAll(async () => {
  server = await RedisServer.start()
  redis = await connect()
})
beforeEach(async () => {
  await redis.call('FLUSHALL')
})
afterAll(async () => {
  await redis.close()
  await server.stop()
})

function connect(): Promise<RedisConnection> {
  const options = { clientName: 'test', clock: systemClock, logger: silentLogger }
  return RedisConnection.open({ ...options, url: server.url })
}

interface Copy {
  readonly ledger: ConcurrencyLedger
  readonly redis: RedisConnection
  /** How many of `count` invocations that come at once are let in. */
  admit(count: number): Promise<number>
}

async function copy(): Promise<Copy> {
  const own = await connect()
  const limits = { accountConcurrency, clock: systemClock, logger: silentLogger }
  const quota = new RedisQuota({ ...limits, redis: own })
  const ledger = new ConcurrencyLedger({ accountConcurrency, waitingMaxBytes: 0 }, quota)
  quota.start(() => ledger.total)
  onTestFinished(async () => {
    await quota.stop()
    await own.close()
  })
  const admitOne = async (): Promise<boolean> => {
    if (ledger.admit('f')) return true
    await quota.ask()
    return ledger.admit('f')
  }
  const admit = async (count: number): Promise<number> => {
    const admitted = await Promise.all(Array.from({ length: count }, admitOne))
    return admitted.filter(Boolean).length
  }
  return { ledger, redis: own, admit }
}

test('copies together never pass the limit, and one alone may have all of it', async () => {
  const [first, second] = [await copy(), await copy()]
  expect(await first.admit(12)).toBe(10)
  expect(await second.admit(3)).toBe(0)
  for (let i = 0; i < 4; i++) first.ledger.release('f')
  // What was released is given back with the next beat.
  let admitted = 0
  await expect
    .poll(async () => (admitted += await second.admit(1)), { timeout: 5_000, interval: 100 })
    .toBe(4)
  expect(first.ledger.total + second.ledger.total).toBe(10)
  expect(await second.admit(1)).toBe(0)
})

test('invocations of both copies at the same moment share what there is', async () => {
  const [first, second] = [await copy(), await copy()]
  const [a, b] = await Promise.all([first.admit(8), second.admit(8)])
  expect(a + b).toBeLessThanOrEqual(10)
  // At most the spares of a copy are not in use, and they are found when they are asked for.
  expect(a + b).toBeGreaterThanOrEqual(9)
})

test('what a dead copy ran counts no more after five seconds', async () => {
  const [first, second] = [await copy(), await copy()]
  expect(await first.admit(10)).toBe(10)
  await first.redis.close()
  expect(await second.admit(1)).toBe(0)
  await expect.poll(() => second.admit(1), { timeout: 7_000, interval: 250 }).toBe(1)
})

test('Redis away: each copy goes on with its even share, and shares again when it is back', async () => {
  const [first, second] = [await copy(), await copy()]
  expect(await first.admit(1)).toBe(1)
  expect(await second.admit(1)).toBe(1)
  await expect
    .poll(async () => redis.call('HLEN', 'millrace:concurrency'), { timeout: 3_000 })
    .toBe(2)
  // Both have heard of each other by their next beats.
  await new Promise((resolve) => systemClock.after(1_200, () => resolve(undefined)))
  await server.kill9()
  await expect.poll(() => first.redis.isUp || second.redis.isUp).toBe(false)
  await expect
    .poll(async () => (await first.admit(9), first.ledger.total), { timeout: 3_000 })
    .toBe(5)
  await expect
    .poll(async () => (await second.admit(9), second.ledger.total), { timeout: 3_000 })
    .toBe(5)
  await server.start()
  for (let i = 0; i < 5; i++) second.ledger.release('f')
  await expect
    .poll(async () => (await first.admit(1), first.ledger.total), { timeout: 8_000, interval: 100 })
    .toBe(10)
})
