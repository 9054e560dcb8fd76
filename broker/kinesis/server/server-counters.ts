// Counts connections and bytes at the Kinesis door.

/** Plain counters; `kinesis-metrics.ts` reads them. */
export class KinesisServerCounters {
  connections = 0
  connectionsRefused = 0
  /** Handshakes that failed or took too long. */
  tlsFailed = 0
  bytesOut = 0
}
