// Tests how a connection to Redis fails: in words, in time and without the password.
import { expect, test } from 'vitest'
import { ManualClock } from '../test/support/manual-clock.ts'
import { silentLogger } from './logger.ts'
import { RedisConnection } from './redis.ts'

test('a Redis that does not come up ends the start after ten seconds, without the password', async () => {
  const clock = new ManualClock()
  const options = { clientName: 'test', clock, logger: silentLogger }
  // Port 1 is nobody's.
  const opening = RedisConnection.open({ ...options, url: 'redis://user:secret@127.0.0.1:1' })
  const failure = opening.then(
    () => undefined,
    (error: unknown) => error as Error,
  )
  while (clock.timers === 0) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(10_000)
  expect(await failure).toMatchObject({ code: 'REDIS_UNREACHABLE', retriable: true })
  expect((await failure)?.message).toMatch(/^no Redis answers at 127\.0\.0\.1:1: /)
})

test.each(['http://user:secret@here', 'redis://', 'here:6379', ''])(
  'the address %j is refused by the name of its setting',
  async (url) => {
    const options = { clientName: 'test', clock: new ManualClock(), logger: silentLogger }
    await expect(RedisConnection.open({ ...options, url })).rejects.toThrow(
      /^--redis-url: it is not redis:\/\/host:port$/,
    )
  },
)
