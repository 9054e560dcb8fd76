// The metrics of a process that uses Redis: whether it is connected.
import type { MetricDefinition, MetricSource } from './metrics.ts'
import type { RedisConnection } from './redis.ts'

export const redisMetricDefinitions = [
  {
    name: 'millrace_redis_connected',
    type: 'gauge',
    help: 'With --registry redis: 1 while Redis answers this process, 0 while it does not.',
    labels: [],
  },
] as const satisfies readonly MetricDefinition[]

export function redisMetrics(redis: RedisConnection): MetricSource {
  return {
    definitions: redisMetricDefinitions,
    collect: () => [{ name: 'millrace_redis_connected', labels: {}, value: redis.isUp ? 1 : 0 }],
  }
}
