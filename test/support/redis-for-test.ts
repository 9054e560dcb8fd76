// A Redis of a test file's own: started before its tests, emptied before each, and ended after them.
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { silentLogger } from '../../common/logger.ts'
import { RedisConnection } from '../../common/redis.ts'
import { RedisServer } from './redis-server.ts'

export interface RedisForTest {
  server(): RedisServer
  /** One that is there for all tests. */
  redis(): RedisConnection
  /** Another; whoever asked for it closes it. */
  connect(): Promise<RedisConnection>
}

/** To be called where a file's hooks are. */
export function redisForTest(): RedisForTest {
  let server: RedisServer
  let redis: RedisConnection
  const connect = (): Promise<RedisConnection> =>
    RedisConnection.open({
      clientName: 'test',
      clock: systemClock,
      logger: silentLogger,
      url: server.url,
    })
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
  return { server: () => server, redis: () => redis, connect }
}
