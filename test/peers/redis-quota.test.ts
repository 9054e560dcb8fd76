// Tests pools of concurrency shared over a real Redis: limits, fairness, the dead, Redis away and back.
import { expect, onTestFinished, test } from 'vitest'
import { sleep, systemClock } from '../../common/clock.ts'
import { silentLogger } from '../../common/logger.ts'
import type { RedisConnection } from '../../common/redis.ts'
import { RedisQuota } from '../../workers/redis-quota.ts'
import { quotaContract, QuotaCopy } from '../support/quota-contract.ts'
import { redisForTest } from '../support/redis-for-test.ts'

const accountConcurrency = 10

const { server, redis, connect } = redisForTest()

async function quota(): Promise<{ quota: RedisQuota; redis: RedisConnection }> {
  const own = await connect()
  // After the quota has given back over it.
  onTestFinished(() => own.close())
  return {
    quota: new RedisQuota({ redis: own, clock: systemClock, logger: silentLogger }),
    redis: own,
  }
}

interface Copy extends QuotaCopy {
  readonly redis: RedisConnection
}

async function copy(reservations: Readonly<Record<string, number>> = {}): Promise<Copy> {
  const { quota: own, redis: connection } = await quota()
  const made = new QuotaCopy(own, accountConcurrency)
  for (const [name, reserved] of Object.entries(reservations)) made.ledger.reserve(name, reserved)
  onTestFinished(() => made.stop())
  return Object.assign(made, { redis: connection })
}

/** Lets `millis` pass: beats of real copies are at work meanwhile. */
const pass = (millis: number): Promise<void> => sleep(systemClock, millis)

quotaContract('redis', async () => (await quota()).quota)

test('copies together never pass the limit, and one alone may have all of it', async () => {
  const [first, second] = [await copy(), await copy()]
  expect(await first.admit('f', 12)).toBe(10)
  expect(await second.admit('f', 3)).toBe(0)
  first.release('f', 4)
  // What was released is given back at once, as the other copy is known to wait.
  let admitted = 0
  await expect
    .poll(async () => (admitted += await second.admit('f', 1)), { timeout: 5_000, interval: 20 })
    .toBe(4)
  expect(first.ledger.total + second.ledger.total).toBe(10)
  expect(await second.admit('f', 1)).toBe(0)
})

test('invocations of both copies at the same moment share what there is, to the last one', async () => {
  const [first, second] = [await copy({ f: 5 }), await copy({ f: 5 })]
  for (let round = 0; round < 20; round++) {
    const [a, b] = await Promise.all([first.admit('f', 4), second.admit('f', 4)])
    expect(a + b).toBe(5)
    first.release('f', a)
    second.release('f', b)
    // Until both have said that nothing runs.
    await Promise.all([first.admit('f', 0), pass(60)])
  }
})

test('pools do not touch each other', async () => {
  const [first, second] = [await copy({ f: 3, g: 2 }), await copy({ f: 3, g: 2 })]
  expect(await first.admit('f', 9)).toBe(3)
  expect(await second.admit('g', 9)).toBe(2)
  expect(await second.admit('h', 9)).toBe(5)
  expect(await second.admit('f', 1)).toBe(0)
  expect(await first.admit('h', 1)).toBe(0)
})

/**
 * Copies whose callers always have something to do, with executions of `durationMs`, and try again
 * `pauseMs` after they were refused. Returns how many each ran, and the most that ran at once.
 */
async function strain(
  copies: readonly Copy[],
  { durationMs, pauseMs, callers, forMs }: Record<string, number> & { forMs: number },
): Promise<{ ran: number[]; most: number }> {
  const ran = copies.map(() => 0)
  let [now, most] = [0, 0]
  const over = new AbortController()
  const caller = async (one: Copy, index: number): Promise<void> => {
    while (!over.signal.aborted) {
      if ((await one.ledger.admitOrAsk('f')) !== undefined) {
        await pass(pauseMs ?? 0)
        continue
      }
      most = Math.max(most, ++now)
      await pass(durationMs ?? 0)
      now -= 1
      ran[index] = (ran[index] ?? 0) + 1
      one.ledger.release('f')
    }
  }
  const all = copies.flatMap((one, i) => Array.from({ length: callers ?? 1 }, () => caller(one, i)))
  await pass(forMs)
  over.abort()
  await Promise.all(all)
  return { ran, most }
}

test('copies that want all of a pool have even parts of it, and all of it is at work', async () => {
  const copies = [await copy({ f: 5 }), await copy({ f: 5 })]
  const { ran, most } = await strain(copies, {
    durationMs: 20,
    pauseMs: 10,
    callers: 10,
    forMs: 8_000,
  })
  expect(most).toBe(5)
  const [a = 0, b = 0] = ran
  // 5 at once for 8 s of 20 ms each would be 2000 on an idle machine.
  expect(a + b).toBeGreaterThan(700)
  expect(Math.min(a, b) / Math.max(a, b)).toBeGreaterThan(0.5)
})

test('with fewer executions than copies the limit holds, and each copy has its turn', async () => {
  const copies = [await copy({ f: 1 }), await copy({ f: 1 }), await copy({ f: 1 })]
  const { ran, most } = await strain(copies, {
    durationMs: 30,
    pauseMs: 300,
    callers: 2,
    forMs: 16_000,
  })
  expect(most).toBe(1)
  for (const count of ran) expect(count).toBeGreaterThan(5)
})

test('a caller that comes seldom is not starved by long executions elsewhere', async () => {
  const [busy, rare] = [await copy({ f: 1 }), await copy({ f: 1 })]
  const over = new AbortController()
  const working = (async () => {
    while (!over.signal.aborted) {
      if ((await busy.admit('f', 1)) === 0) {
        await pass(100)
        continue
      }
      await pass(3_000)
      busy.release('f', 1)
    }
  })()
  await pass(500)
  // Pauses that double, as those of a poller.
  let tries = 0
  for (let pauseMs = 1_000; tries < 5; pauseMs *= 2, tries++) {
    if ((await rare.admit('f', 1)) === 1) break
    await pass(pauseMs)
  }
  rare.release('f', rare.ledger.executions('f'))
  over.abort()
  await working
  expect(tries).toBeLessThan(5)
})

test('what a dead copy ran counts no more after five seconds', async () => {
  const [first, second] = [await copy({ f: 5 }), await copy({ f: 5 })]
  expect(await first.admit('f', 6)).toBe(5)
  await first.redis.close()
  expect(await second.admit('f', 1)).toBe(0)
  await expect.poll(() => second.admit('f', 5), { timeout: 7_000, interval: 250 }).toBe(5)
})

test('a reservation that is lowered takes nothing away, and lets nobody in until it is due', async () => {
  const [first, second] = [await copy({ f: 5 }), await copy({ f: 5 })]
  expect(await first.admit('f', 5)).toBe(5)
  for (const { ledger } of [first, second]) ledger.reserve('f', 2)
  expect(await second.admit('f', 1)).toBe(0)
  first.release('f', 3)
  await pass(100)
  expect(await second.admit('f', 1)).toBe(0)
  first.release('f', 1)
  await expect.poll(() => second.admit('f', 1), { timeout: 3_000, interval: 20 }).toBe(1)
  expect(first.ledger.total + second.ledger.total).toBe(2)
})

test('a copy that ends well gives everything back at once, and leaves nothing in Redis', async () => {
  const [first, second] = [await copy({ f: 3 }), await copy({ f: 3 })]
  expect(await first.admit('f', 3)).toBe(3)
  await first.stop()
  expect(await second.admit('f', 3)).toBe(3)
  second.release('f', 3)
  await second.stop()
  expect(await redis().call('KEYS', '*')).toEqual([])
})

test('Redis away: each copy goes on with its even share, and shares again when it is back', async () => {
  const [first, second] = [await copy({ f: 3 }), await copy({ f: 3 })]
  // Both have heard of each other by their next beats.
  await pass(1_200)
  expect(await first.admit('g', 1)).toBe(1)
  expect(await second.admit('g', 1)).toBe(1)
  await server().kill9()
  await expect.poll(() => first.redis.isUp || second.redis.isUp).toBe(false)
  const both = async (name: string): Promise<readonly number[]> => {
    await Promise.all([first.admit(name, 9), second.admit(name, 9)])
    return [first, second].map(({ ledger }) => ledger.executions(name))
  }
  // Seven are not reserved: four and three of them, and two and one of the reserved.
  const even = async (name: string): Promise<readonly number[]> =>
    (await both(name)).toSorted((a, b) => a - b)
  await expect.poll(() => even('g'), { timeout: 3_000 }).toEqual([3, 4])
  await expect.poll(() => even('f'), { timeout: 3_000 }).toEqual([1, 2])
  // Longer than a copy may be silent: when Redis is back, nobody is taken for dead at once.
  await pass(6_000)
  await server().start()
  for (let i = 0; i < 40; i++) {
    await Promise.all([both('f'), both('g')])
    expect(first.ledger.total + second.ledger.total).toBe(10)
    await pass(50)
  }
  second.release('g', second.ledger.executions('g'))
  await expect
    .poll(async () => (await first.admit('g', 9), first.ledger.executions('g')), {
      timeout: 8_000,
      interval: 100,
    })
    .toBe(7)
})
