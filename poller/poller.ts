// The poller role: runs the mappings that the registry asks for, and says how they fare.
import { randomInt } from 'node:crypto'
import type { Clock } from '../common/clock.ts'
import type { FunctionInvoker } from '../common/invocation.ts'
import type { Logger } from '../common/logger.ts'
import type { RunningRole } from '../common/role.ts'
import type { MappingRecord, Registry } from '../control/registry/registry.ts'
import { MappingSlot, type MappingSlotOptions } from './mapping-slot.ts'
import { pollerMetrics } from './metrics.ts'
import { KafkaSource } from './sources/kafka-source.ts'
import type { Source } from './sources/source.ts'
import type { StartPosition } from './sources/start-position.ts'

export interface PollerOptions {
  readonly registry: Registry
  readonly invoker: FunctionInvoker
  /** Bootstrap servers of the built-in broker, for mappings with an event source ARN. */
  readonly brokers: readonly string[]
  readonly clock: Clock
  readonly logger: Logger
  /** In place of Kafka; for tests. */
  readonly createSource?: (record: MappingRecord, brokers: readonly string[]) => Source
}

export async function startPoller(options: PollerOptions): Promise<RunningRole> {
  const { registry, clock, logger } = options
  const slots = new Map<string, MappingSlot>()
  const shared: MappingSlotOptions = {
    ...options,
    createSource: options.createSource ?? kafkaSources(clock, logger),
    random: () => randomInt(2 ** 32) / 2 ** 32,
  }
  let isStopping = false

  const reconcile = (uuid: string): void => {
    const record = registry.mapping(uuid)
    const slot = slots.get(uuid)
    if (record === undefined) {
      slots.delete(uuid)
      if (slot !== undefined) void slot.stop()
    } else if (slot !== undefined) {
      slot.reconcile(record)
    } else if (!isStopping) {
      const created = new MappingSlot(record, shared)
      slots.set(uuid, created)
      created.reconcile(record)
    }
  }
  const unwatch = registry.watch((change) => {
    if (change.kind === 'mapping') reconcile(change.uuid)
  })
  for (const { uuid } of registry.mappings()) reconcile(uuid)

  return {
    name: 'poller',
    doors: {},
    metrics: pollerMetrics(
      () => [...slots.values()],
      () => clock.now(),
    ),
    problems: () => [...slots.values()].flatMap(({ problem }) => problem ?? []),
    stop: async () => {
      isStopping = true
      unwatch()
      await Promise.all([...slots.values()].map((slot) => slot.stop()))
    },
  }
}

function kafkaSources(clock: Clock, logger: Logger): MappingSlotOptions['createSource'] {
  return (record, brokers) =>
    new KafkaSource({
      brokers,
      topic: record.topic,
      groupId: record.consumerGroupId,
      clientId: `millrace-${record.uuid}`,
      position: positionOf(record),
      clock,
      logger: logger.child(record.uuid).child('kafka'),
    })
}

function positionOf(record: MappingRecord): StartPosition {
  const { startingPosition: kind, startingPositionTimestampMs: timestampMs } = record
  if (kind !== 'AT_TIMESTAMP') return { kind }
  return { kind, timestampMs: timestampMs ?? 0 }
}
