// Runs two copies of the workers over one Redis and looks at how they part what is provisioned.
import {
  GetProvisionedConcurrencyConfigCommand,
  PublishVersionCommand,
  PutProvisionedConcurrencyConfigCommand,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import type { Platform } from '../support/platform.ts'
import { rolesOverRedis } from '../support/roles-over-redis.ts'

const over = rolesOverRedis()

async function environments({ metrics }: Platform): Promise<number> {
  const text = await (await fetch(metrics)).text()
  return Number(/^millrace_workers_environments (\d+)$/m.exec(text)?.[1])
}

test(
  'two copies have half each; when one leaves the other has all',
  { timeout: 60_000 },
  async () => {
    const [one, other] = [await over.start('workers'), await over.start('workers')]
    const control = await over.start('control', { MILLRACE_WORKERS_URL: one.workers })
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
    await other.stop()
    await expect.poll(() => environments(one), { timeout: 20_000 }).toBe(4)
    await expect.poll(status, { timeout: 20_000 }).toEqual(['READY', 4])
    client.destroy()
  },
)
