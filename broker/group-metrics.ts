// Reads how far each consumer group is behind: in records, and in seconds.
import type { MetricSample } from '../common/metrics.ts'
import type { BrokerContext } from './api/broker-context.ts'
import type { CommittedOffset } from './groups/offset-record.ts'
import type { PartitionLog } from './log/partition-log.ts'

interface Lag {
  readonly partition: number
  readonly offset: number
  readonly records: number
  readonly seconds: number
}

/** Every group with its members, and its lag in every partition that it has committed an offset for. */
export async function collectGroups(broker: BrokerContext): Promise<readonly MetricSample[]> {
  const samples: MetricSample[] = []
  const add = (name: string, labels: MetricSample['labels'], value: number): void => {
    samples.push({ name, labels, value })
  }
  for (const { groupId: consumergroup, members } of broker.coordinator.groups()) {
    add('kafka_consumergroup_members', { consumergroup }, members.length)
    for (const { topic, partitions } of broker.coordinator.offsetsOf(consumergroup)) {
      const lags = await lagsOf(broker, topic, partitions)
      for (const { partition, offset, records, seconds } of lags) {
        const labels = { consumergroup, topic, partition }
        add('kafka_consumergroup_current_offset', labels, offset)
        add('kafka_consumergroup_lag', labels, records)
        add('millrace_consumergroup_lag_seconds', labels, seconds)
      }
      const labels = { consumergroup, topic }
      add(
        'kafka_consumergroup_current_offset_sum',
        labels,
        sum(lags, (lag) => lag.offset),
      )
      add(
        'kafka_consumergroup_lag_sum',
        labels,
        sum(lags, (lag) => lag.records),
      )
    }
  }
  return samples
}

async function lagsOf(
  { store, clock }: BrokerContext,
  topic: string,
  offsets: ReadonlyMap<number, CommittedOffset>,
): Promise<readonly Lag[]> {
  const lags: Lag[] = []
  for (const [partition, { offset }] of offsets) {
    const log = store.topic(topic)?.partitions[partition]
    if (log !== undefined)
      lags.push({ partition, offset, ...(await lagOf(log, offset, clock.now())) })
  }
  return lags
}

/** Records that retention has dropped are not waited for any more: the lag begins at the log's start. */
async function lagOf(
  log: PartitionLog,
  committed: number,
  now: number,
): Promise<{ records: number; seconds: number }> {
  const next = Math.max(committed, log.logStartOffset)
  const records = Math.max(0, log.highWatermark - next)
  const oldestMs = records === 0 ? undefined : await log.timestampAt(next)
  return { records, seconds: oldestMs === undefined ? 0 : Math.max(0, (now - oldestMs) / 1000) }
}

function sum(lags: readonly Lag[], of: (lag: Lag) => number): number {
  return lags.reduce((total, lag) => total + of(lag), 0)
}
