// Says how far a mapping is behind and why: a member of ours that AWS's answers do not have.
import type { MappingStatus } from '../registry/registry.ts'

/** Seconds, as AWS has its durations; empty of a mapping that was never behind. */
export function lagMember(status: MappingStatus | undefined): Readonly<Record<string, unknown>> {
  const lag = status?.lag
  if (status?.state !== 'enabled' || lag === undefined) return {}
  return {
    Lag: {
      Cause: lag.cause,
      ...(lag.detail === '' ? {} : { Detail: lag.detail }),
      Records: lag.records,
      Seconds: lag.ageMs / 1000,
      TrendInRecordsPerSecond: lag.trendPerSecond,
      AsOf: lag.atMs / 1000,
      Partitions: lag.partitions.map(({ partition, records, ageMs }) => ({
        Partition: partition,
        Records: records,
        // JSON leaves out what is not known.
        Seconds: ageMs === undefined ? undefined : ageMs / 1000,
      })),
    },
  }
}
