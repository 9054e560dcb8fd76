// Roles as processes of their own over one Redis, for tests: each test has a Redis and a directory that all of them share.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { startPlatform, type Platform, type PlatformOptions } from './platform.ts'
import { RedisServer } from './redis-server.ts'

export interface RolesOverRedis {
  /** What they share, as a volume that all copies mount: code lies there, no registry. */
  directory(): string
  redis(): RedisServer
  start(
    role: NonNullable<PlatformOptions['role']>,
    env?: Readonly<Record<string, string>>,
  ): Promise<Platform>
  /** What all of them have written, those that have ended too. */
  log(): string
}

/** To be called where a file's hooks are. All that was started has ended after each test. */
export function rolesOverRedis(): RolesOverRedis {
  let directory: string
  let redis: RedisServer
  let roles: Platform[] = []
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'millrace-roles-'))
    redis = await RedisServer.start()
  })
  afterEach(async () => {
    for (const role of roles.toReversed()) await role.stop()
    roles = []
    await redis.stop()
    await rm(directory, { recursive: true, force: true })
  })
  return {
    directory: () => directory,
    redis: () => redis,
    start: async (role, env = {}) => {
      const ofRedis =
        role === 'broker' ? {} : { MILLRACE_REGISTRY: 'redis', MILLRACE_REDIS_URL: redis.url }
      const started = await startPlatform({
        role,
        dataDir: join(directory, 'data'),
        env: { ...env, ...ofRedis },
      })
      roles.push(started)
      return started
    },
    log: () => roles.map((role) => role.log()).join(''),
  }
}
