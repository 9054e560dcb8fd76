// Opens the registry where the settings say that it is: a folder of this machine, or Redis.
import { join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import type { Logger } from '../../common/logger.ts'
import type { MetricSource } from '../../common/metrics.ts'
import type { RedisConnection } from '../../common/redis.ts'
import type { RegistryWriter } from './entry-registry.ts'
import type { Registry } from './registry.ts'

export interface RegistrySettings {
  readonly registry: 'file' | 'redis'
  readonly redisUrl: string
  readonly dataDir: string
  readonly writer: RegistryWriter
  readonly clock: Clock
  readonly logger: Logger
}

export interface OpenedRegistry {
  readonly registry: Registry
  /** Where it is in Redis: the connection, for what else copies of a role share. */
  readonly redis?: { readonly connection: RedisConnection; readonly metrics: MetricSource }
  close(): Promise<void>
}

/** Rejects with AppError where the folder cannot be read or Redis not reached; nothing is left open then. */
export async function openRegistry(settings: RegistrySettings): Promise<OpenedRegistry> {
  return settings.registry === 'redis' ? inRedis(settings) : inFolder(settings)
}

async function inFolder(settings: RegistrySettings): Promise<OpenedRegistry> {
  const { FileRegistry } = await import('./file-registry.ts')
  const dir = join(settings.dataDir, 'registry')
  const registry = await FileRegistry.open({ ...settings, dir })
  return { registry, close: async () => registry.close() }
}

async function inRedis(settings: RegistrySettings): Promise<OpenedRegistry> {
  const { RedisConnection } = await import('../../common/redis.ts')
  const { RedisRegistry } = await import('./redis-registry.ts')
  const { redisMetrics } = await import('../../common/redis-metrics.ts')
  const { redisUrl: url, writer } = settings
  const clientName = `millrace-${writer}`
  const connection = await RedisConnection.open({ ...settings, url, clientName })
  try {
    const registry = await RedisRegistry.open({ ...settings, redis: connection })
    const close = async (): Promise<void> => {
      await registry.close()
      await connection.close()
    }
    return { registry, redis: { connection, metrics: redisMetrics(connection) }, close }
  } catch (error) {
    await connection.close()
    throw error
  }
}
