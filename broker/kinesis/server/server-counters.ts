// Counts connections and bytes at the Kinesis door.

/** Plain counters; `kinesis-metrics.ts` reads them. */
export class KinesisServerCounters {
  connections = 0
  connectionsRefused = 0
  bytesOut = 0
}
