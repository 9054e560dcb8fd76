// Runs two copies of the workers over one Redis and looks at how they part what is provisioned.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  GetProvisionedConcurrencyConfigCommand,
  PublishVersionCommand,
  PutProvisionedConcurrencyConfigCommand,
} from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform, type PlatformOptions } from '../support/platform.ts'
import { RedisServer } from '../support/redis-server.ts'

let scratch: string
let redis: RedisServer
let roles: Platform[] = []
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-redis-provisioned-'))
  redis = await RedisServer.start()
})
afterEach(async () => {
  for (const role of roles.toReversed()) await role.stop()
  roles = []
  await redis.stop()
  await rm(scratch, { recursive: true, force: true })
})

async function start(
  role: NonNullable<PlatformOptions['role']>,
  env: Readonly<Record<string, string>> = {},
): Promise<Platform> {
  const registry = { MILLRACE_REGISTRY: 'redis', MILLRACE_REDIS_URL: redis.url }
  const dataDir = join(scratch, 'data')
  const started = await startPlatform({ role, dataDir, env: { ...env, ...registry } })
  roles.push(started)
  return started
}

async function environments({ metrics }: Platform): Promise<number> {
  const text = await (await fetch(metrics)).text()
  return Number(/^millrace_workers_environments (\d+)$/m.exec(text)?.[1])
}

test(
  'two copies have half each; when one leaves the other has all',
  { timeout: 60_000 },
  async () => {
    const [one, other] = [await start('workers'), await start('workers')]
    const control = await start('control', { MILLRACE_WORKERS_URL: one.workers })
    const client = lambdaClient(control)
    const FunctionName = 'warm'
    const files = { 'index.mjs': 'export const handler = async () => 1' }
    await createFunction(client, { name: FunctionName, files })
    await client.send(new PublishVersionCommand({ FunctionName }))
    const config = { FunctionName, Qualifier: '1' }
    await client.send(
      new PutProvisionedConcurrencyConfigCommand({ ...config, ProvisionedConcurrentExecutions: 4 }),
    )
    const all = async () => Promise.all([environments(one), environments(other)])
    await expect.poll(all, { timeout: 20_000 }).toEqual([2, 2])
    const status = async () => {
      const got = await client.send(new GetProvisionedConcurrencyConfigCommand(config))
      return [got.Status, got.AvailableProvisionedConcurrentExecutions]
    }
    await expect.poll(status, { timeout: 20_000 }).toEqual(['READY', 4])
    roles = roles.filter((role) => role !== other)
    await other.stop()
    await expect.poll(() => environments(one), { timeout: 20_000 }).toBe(4)
    await expect.poll(status, { timeout: 20_000 }).toEqual(['READY', 4])
    client.destroy()
  },
)
